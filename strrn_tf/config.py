"""Everything a training run can be told. Standard library only.

The command line is made of these classes, so their docstrings are its help.
"""

import dataclasses
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Backbone = Literal["mdm", "hgn"]
Preset = Literal["tiny", "default", "paper"]
# Of the weights in exported TFLite files.
Precision = Literal["float32", "float16", "int8"]
Assignment = Literal["exclusive", "literal"]
Method = Literal["strrn", "sbr"]
# In the folder that `strrn annotate` writes to; by it train.py knows a model's labels.
ANNOTATIONS_NOTE = "annotations.json"


@dataclass(frozen=True)
class FitConfig:
    """One network's share of the training.

    Attributes:
        steps: updates of the first training (on the annotated stills).
        round_steps: updates in every round of Algorithm 1.
        batch_size: samples per update.
        learning_rate: peak of the first training; it warms up and falls as a cosine.
        round_learning_rate: the same in the rounds.
        weight_decay: AdamW's.
    """

    steps: int
    round_steps: int
    batch_size: int = 16
    learning_rate: float = 1e-3
    round_learning_rate: float = 3e-4
    weight_decay: float = 1e-4

    def __post_init__(self) -> None:
        for name in ("steps", "round_steps"):
            if getattr(self, name) < 0:
                raise ValueError(f"`{name}` must not be negative: {self}")
        if self.batch_size < 1:
            raise ValueError(f"`batch_size` must be positive: {self}")
        for name in ("learning_rate", "round_learning_rate"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"`{name}` must be positive and finite: {self}")
        if not 0 <= self.weight_decay < math.inf:
            raise ValueError(f"`weight_decay` must not be negative: {self}")


@dataclass(frozen=True)
class AlgorithmConfig:
    """Algorithm 1.

    Attributes:
        rounds: times that the clips are distilled and both networks re-trained. The
            paper's box reads as one.
        threshold: T. A frame is trusted when both cycle errors, as mean point-to-point
            distance over the outer eye corner distance, are below it. The paper's 0.02
            trusts few frames while the networks are young.
        l_det_weight: lambda of Eq. 6, the weight of L_det beside L_tck.
        l_tck_weight: weight of L_tck; 0 for Table 3's row without it.
        cycle_weight: weight of Eq. 6 beside the distance to the target. Cycles start at
            detections, whose errors a good tracker mends and so does not return to: a
            weight of 10 made the tracker the identity (L_tck 6e-7).
        drift_steps: largest number of times that the tracker is run on the first frame
            of a training pair before it is to find the second; it learns to mend its
            own errors so. 0 trains on a detector's errors alone, and drifts on videos.
        mending: share of the error of its start that the tracker is to take off in a
            step. 1 asks for the exact landmarks, so that tracked shapes have something
            to teach the detector. A last training with less (0.3) makes a tracker that
            trembles less: it does not guess the face anew in every frame.
        assignment: whom a trusted frame teaches. "exclusive": the tracker where the
            detector was the more reliable, else the detector. "literal": as printed,
            the detector always learns the tracked shape too.
        mix_stills: share of stills with synthetic motion in the tracker's batches of a
            round; 0 trains it on D_tck alone, as printed.
        pseudo_share: share of D_det in the detector's batches of a round.
        cool_down: share of a detector's updates, the last ones of every training, whose
            pictures are augmented mildly and not mirrored. 0.3 is good for photographs:
            it takes off some of the error, in part by learning to which side of a face
            its annotators tend.
        box_scale: how badly sized the boxes are that a detector learns from, as two
            standard deviations of the logarithm (about 0.15 for 15 %).
        box_shift: how far these boxes are moved, the same as a fraction of the face. In
            a video a box is made of the landmarks of the frame before: the less a
            detector reads from it, the less an error feeds itself. Larger ones are for
            the end of a long training.
        pairs_per_clip: pairs of consecutive frames taken from every clip.
        temporal: the temporal module (Table 3). Without it there are no cycle losses,
            and frames are trusted where tracker and detector agree.
        spatial: the spatial module (Table 3). Without it there is one appearance
            network for all landmarks, and no geometry.
        annotated_fraction: share of the annotated frames of every 300VW sequence among
            the clips whose annotation is learnt (Semi-STRRN; 0.5, 0.25 and 0.1 in
            Table 1). The seed decides which, and a smaller share is part of a larger
            one; error frames are never among them.
        source_shares: shares of the folders of --unlabelled in what both networks learn
            from clips, in their order. Without it a folder counts by its trusted pairs.
    """

    rounds: int = 1
    threshold: float = 0.02
    l_det_weight: float = 0.4
    l_tck_weight: float = 1.0
    cycle_weight: float = 1.0
    drift_steps: int = 3
    mending: float = 1.0
    assignment: Assignment = "exclusive"
    mix_stills: float = 0.5
    pseudo_share: float = 0.4
    cool_down: float = 0.0
    box_scale: float = 0.15
    box_shift: float = 0.08
    pairs_per_clip: int = 20
    temporal: bool = True
    spatial: bool = True
    annotated_fraction: float = 0.0
    source_shares: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        shares = ("mix_stills", "pseudo_share", "annotated_fraction", "cool_down")
        for name in (*shares, "mending"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(
                    f"`{name}` must lie in 0 to 1. Received: {getattr(self, name)}"
                )
        weights = ("l_det_weight", "l_tck_weight", "cycle_weight")
        for name in (*weights, "box_scale", "box_shift"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(
                    f"`{name}` must not be negative. Received: {getattr(self, name)}"
                )
        # A tuple also when it comes from JSON.
        object.__setattr__(self, "source_shares", tuple(self.source_shares))
        if not all(0 < share < math.inf for share in self.source_shares):
            raise ValueError(
                "`source_shares` must be positive numbers. "
                f"Received: {self.source_shares}"
            )
        if not self.threshold > 0:
            raise ValueError(
                f"`threshold` must be positive. Received: {self.threshold}"
            )
        if min(self.rounds, self.drift_steps) < 0 or self.pairs_per_clip < 1:
            raise ValueError(
                "`rounds` and `drift_steps` must not be negative and `pairs_per_clip` "
                "must be positive. Received: "
                f"{self.rounds}, {self.drift_steps}, {self.pairs_per_clip}"
            )


@dataclass(frozen=True)
class SbrConfig:
    """SBR, the baseline; distances in pixels of its 256-pixel crop, as published.

    Attributes:
        weight: of the registration loss beside the loss on stills.
        forward_backward: largest distance between a landmark and where flow to the
            last of three frames and back puts it.
        distance: largest distance between detector and flow.
        window: side of the window that flow compares, in pixels.
    """

    weight: float = 0.2
    forward_backward: float = 1.0
    distance: float = 2.0
    window: int = 17

    def __post_init__(self) -> None:
        if not 0 <= self.weight < math.inf:
            raise ValueError(f"`weight` must not be negative. Received: {self.weight}")
        if not (self.forward_backward > 0 and self.distance > 0 and self.window > 2):
            raise ValueError(
                "`forward_backward` and `distance` must be positive, `window` above 2. "
                f"Received: {self.forward_backward}, {self.distance}, {self.window}"
            )


@dataclass(frozen=True)
class RunConfig:
    """What decides the result of a run: two runs with equal ones end alike.

    Attributes:
        backbone: the detector.
        preset: sizes of the networks.
        seed: of everything random.
        mixed_precision: hourglasses compute in bfloat16.
        input_size: side in pixels that hourglasses shrink the face to, a multiple of
            64; None: the preset's, or that of the model that is gone on with.
        glance: a new MDM begins with a look at the whole crop, and one that is gone on
            with gets what it needs for that if it has not. The published one, and so
            the preset "paper", begins at the mean shape.
        detector: the detector's training.
        tracker: the tracker's training.
        algorithm: Algorithm 1.
    """

    backbone: Backbone = "mdm"
    preset: Preset = "default"
    seed: int = 0
    mixed_precision: bool = False
    input_size: int | None = None
    glance: bool = False
    detector: FitConfig = field(
        default_factory=lambda: FitConfig(2400, 1500, round_learning_rate=6e-4)
    )
    tracker: FitConfig = field(default_factory=lambda: FitConfig(1500, 400))
    algorithm: AlgorithmConfig = field(default_factory=AlgorithmConfig)

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"`seed` must not be negative. Received: {self.seed}")
        if self.glance and not can_glance(self.backbone, self.preset):
            raise ValueError(
                "`glance` is that of cascades of our own size: it needs mdm, and "
                "another preset than paper"
            )
        size = self.input_size
        if size is not None and self.backbone != "hgn":
            raise ValueError("`input_size` is that of hourglasses: it needs hgn")
        if size is not None and (size < 64 or size % 64):
            raise ValueError(f"`input_size` must be a multiple of 64. Received: {size}")
        is_mixed = self.algorithm.rounds and 0 < self.algorithm.mix_stills < 1
        if is_mixed and self.tracker.batch_size < 2:
            raise ValueError(
                "the tracker's `batch_size` must be at least 2 (stills and clips share "
                "its batches), or `mix_stills` 0 or 1. "
                f"Received: {self.tracker.batch_size}"
            )


def can_glance(backbone: Backbone, preset: Preset) -> bool:
    """Say whether a detector can begin with a look at the whole crop."""
    return backbone == "mdm" and preset != "paper"


# Options that runs of older versions do not know, and where they change nothing.
LATER: dict[str, Any] = {
    "input_size": None,
    "glance": False,
    "source_shares": [],
    "cool_down": 0.0,
    "box_scale": 0.15,
    "box_shift": 0.08,
    "mending": 1.0,
}


def to_json(config: Any) -> dict[str, Any]:
    """Return a dataclass as plain JSON values, paths as strings.

    What later versions have added is left out where it changes nothing, so that runs of
    older ones can be resumed.
    """
    plain = json.loads(json.dumps(dataclasses.asdict(config), default=_plain))
    for part in (plain, plain.get("algorithm", {})):
        for name, nothing in LATER.items():
            if name in part and part[name] == nothing:
                del part[name]
    return plain


def _plain(value: object) -> str:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"Cannot write {type(value).__name__} as JSON")
