"""The settings of fused labels, for the command line. Standard library only."""

import math
from dataclasses import dataclass

from strrn_tf.config import option_name


@dataclass(frozen=True)
class FusedConfig:
    """Labels that two backbones give together (--labels fused).

    Attributes:
        questions: how often each backbone is asked about a picture, at least 2. Every
            second question shows a mirrored picture, and windows differ.
        label_share: fraction of pictures with fused labels in the detector's batches.
            The rest are annotated stills. Without stills it is 1.
        photograph_share: fraction of --photographs among the pictures with fused
            labels, the rest are frames of clips.
        disagreement_cap: a picture on which the backbones disagree is sampled up to
            this many times as often as the usual one, and one on which they agree at
            least this many times less often. 1 samples all alike.
        human_end: fraction of the detector's updates, at the end, on annotated stills
            alone.
        averaging: window of the moving average of the weights, as a fraction of the
            updates. 0: the last weights.
        held_out: fraction of the annotated stills that only decide whether the result
            replaces the former weights, at least eight. Without stills: of the clips
            and picture folders, for the model of --judge. Of fewer than 24 too few can
            be held out, and the command ends.
        corrected_weight: a corrected frame of a clip is drawn this many times as often
            as it would be without correction.
        tracked_seconds: seconds of every clip that are tracked by both models, in both
            directions. Where a face is lost or spoiled for a moment, landmarks are
            carried in from both sides, and these frames are learnt too. 0: none.
        own_answers: without human annotations frames of clips get the detector's own
            answers instead of fused labels. They hold it where it is, while moments of
            loss and photographs teach.
        frozen_statistics: without human annotations the detector's batch normalisation
            keeps its mean and variance. Those of a few clips need not fit other faces.
        passes: without human annotations the detector has at most so many updates in a
            round that a picture is shown this many times on average. Few pictures are
            soon learnt by heart, and other faces pay. 0: no limit.
    """

    questions: int = 4
    label_share: float = 0.5
    photograph_share: float = 0.5
    disagreement_cap: float = 3.0
    human_end: float = 0.35
    averaging: float = 0.05
    held_out: float = 0.1
    corrected_weight: float = 3.0
    tracked_seconds: float = 20.0
    own_answers: bool = True
    frozen_statistics: bool = True
    passes: float = 40.0

    def __post_init__(self) -> None:
        if self.questions < 2:
            raise self._refused("questions", "be at least 2")
        for name in ("label_share", "photograph_share", "human_end", "averaging"):
            if not 0 <= getattr(self, name) <= 1:
                raise self._refused(name, "lie in 0 to 1")
        if not self.label_share > 0:
            raise self._refused("label_share", "be positive: fused labels are learnt")
        if not self.human_end < 1:
            raise self._refused("human_end", "be below 1: fused labels are learnt")
        if not 1 <= self.disagreement_cap < math.inf:
            raise self._refused("disagreement_cap", "be at least 1")
        if not 0 < self.corrected_weight < math.inf:
            raise self._refused("corrected_weight", "be positive")
        for name in ("tracked_seconds", "passes"):
            if not 0 <= getattr(self, name) < math.inf:
                raise self._refused(name, "be a number from 0 on")
        if not 0 < self.held_out < 1:
            raise self._refused("held_out", "lie between 0 and 1")

    def _refused(self, name: str, must: str) -> ValueError:
        option = option_name(f"fused.{name}")
        return ValueError(f"{option} must {must}. Received: {getattr(self, name)}")
