"""The protocol of a method, as `strrn train` calls it; --method chooses the class."""

from typing import Protocol


class Method(Protocol):
    """Trains the networks of a `TrainingRun` on stills, then on clips in rounds.

    Every step looks for its own files first. A run that was killed is continued by
    repeating all steps, and ends with the same weights.
    """

    def train_on_stills(self) -> None:
        """Train both networks from nothing on the annotated stills."""

    def run_round(self, number: int) -> None:
        """Learn from the clips, for the ``number``-th time (from 1)."""

    def decide(self) -> None:
        """Decide whether the former weights stay, if the method does."""

    def report_gain(self) -> None:
        """Report the changes that the rounds have made on the clips, if any."""
