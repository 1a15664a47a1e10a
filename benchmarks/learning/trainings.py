"""The stills of an experiment, and the sizes of its trainings, for the command line."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from strrn_tf.methods.fused_config import FusedConfig

if TYPE_CHECKING:
    from data_pipeline.datasets.three_hundred_w import Still

Arm = Literal[
    "control",
    "own",
    "fused",
    "exact",
    "trusted",
    "trusted-exact",
    "trusted-more",
    "fused-twice",
]
ARMS: tuple[Arm, ...] = ("control", "own", "fused", "exact")
Backbone = Literal["mdm", "hgn"]
Preset = Literal["tiny", "fast", "default"]


class Material(NamedTuple):
    """The stills of an experiment.

    Attributes:
        annotated: the stills that both backbones learn.
        pictures: stills whose annotations only the arms of exact labels learn.
        test: stills that are scored.
        owners: group of every test still: pictures of one group are drawn together.
    """

    annotated: Sequence["Still"]
    pictures: Sequence["Still"]
    test: Sequence["Still"]
    owners: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Trainings:
    """Sizes of the trainings, and where results are kept."""

    output: Path = Path("runs/few-labels")
    """Folder of crops, checkpoints and results."""
    learner: Backbone = "hgn"
    """The backbone that the arms continue. The other one labels beside it."""
    preset: Preset = "fast"
    """Sizes of both networks."""
    updates: int = 1500
    """Of the training on the annotated stills, of each backbone."""
    more: int = 1500
    """Of every arm."""
    batch_size: int = 16
    """Samples of an update."""
    seeds: tuple[int, ...] = (0, 1)
    """Draws of the stills, and of everything else."""
    arms: tuple[Arm, ...] = ARMS
    """Which arms. There are four more. trusted: as own, with the half of the pictures
    on which both backbones agree most. trusted-exact: that half with its annotations.
    trusted-more: as trusted, with half as many annotated stills in a batch.
    fused-twice: both backbones learn the fused labels, and in the middle label
    again."""
    fused: FusedConfig = field(default_factory=FusedConfig)
    threads: int = 1
    """Threads of one operation; 0: one for each core."""

    def shares_of(self, arm: str) -> FusedConfig:
        """Return the shares of a batch in an arm."""
        if arm != "trusted-more":
            return self.fused
        return replace(self.fused, label_share=(1 + self.fused.label_share) / 2)

    @property
    def other(self) -> Backbone:
        """The backbone that only labels."""
        return "mdm" if self.learner == "hgn" else "hgn"
