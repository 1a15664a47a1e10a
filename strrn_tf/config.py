"""The settings of a training run. Standard library only.

The command line is made of these classes, so their docstrings are its help.
"""

import dataclasses
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Backbone = Literal["mdm", "hgn"]
Preset = Literal["tiny", "fast", "default", "paper"]
# Of the weights in exported TFLite files.
Precision = Literal["float32", "float16", "int8"]
Assignment = Literal["exclusive", "literal"]
CycleForm = Literal["squared", "distance"]
MethodName = Literal["strrn", "sbr"]
LabelsName = Literal["paper", "fused"]
# A file in the folder that `strrn annotate` writes. `strrn train` recognises by it
# labels that a model has made.
ANNOTATIONS_NOTE = "annotations.json"


def option_name(setting: str) -> str:
    """Return the option of a setting such as ``fused.label_share``."""
    return f"--{setting.replace('_', '-')}"


@dataclass(frozen=True)
class FitConfig:
    """Training of one network.

    Attributes:
        steps: updates of the first training (on the annotated stills).
        round_steps: updates in every round of Algorithm 1.
        batch_size: samples per update.
        learning_rate: peak of the first training. It warms up and falls as a cosine.
        round_learning_rate: peak in every round.
        weight_decay: of AdamW.
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
        rounds: how often the clips are pseudo-labelled and both networks re-trained.
            The paper's box has one round.
        threshold: T. A frame is trusted when both cycle errors are below it. A cycle
            error is a mean point-to-point distance over the outer eye corner distance.
            With the paper's 0.02, barely trained networks trust few frames.
        l_det_weight: lambda of Eq. 6, the weight of L_det beside L_tck. With 0 L_det is
            not tested either, and a trusted frame teaches both networks.
        l_tck_weight: weight of L_tck. With 0 L_tck is not tested either, and a trusted
            frame teaches both networks. This is Table 3's row without it.
        cycle_form: of Eq. 5. "squared": as printed. A cycle that misses by 1 % then has
            a loss of 1e-4, beside a distance to the target of some 0.04. "distance":
            not squared, 1e-2.
        cycle_weight: weight of Eq. 6 beside the distance to the target. A cycle starts
            at a detection. A good tracker corrects its error, and so does not return to
            it. Large weights make the tracker the identity (with 10, L_tck is 6e-7).
        rollout_steps: self-rollout. The tracker first runs on frame one of a training
            pair, up to this many times. Its answer is the start for frame two, so that
            it learns to correct its own errors. With 0 it learns from the detector's
            errors only, and drifts on videos.
        correction_fraction: fraction of the error of its start that the tracker learns
            to correct in one step. 1 asks for the exact landmarks, so that tracked
            shapes can teach the detector. The shipped tracker's last training had 0.3,
            so that it re-estimates less of the face in every frame. The effect of this
            option alone was not measured.
        assignment: which network a trusted frame teaches. "exclusive": the tracker
            where the detector has the smaller cycle error, else the detector.
            "literal": as printed, all trusted frames also teach the detector.
        mix_stills: fraction of stills with synthetic motion in the tracker's batches of
            a round. 0 trains it on D_tck alone, as printed.
        pseudo_share: fraction of D_det in the detector's batches of a round.
        augmentation_annealing: fraction of a detector's updates with weak augmentation
            and no mirroring, at the end of every training. 0.3 lowers the error on
            photographs. In part the detector then learns habits of the annotators that
            differ between the two sides of a face.
        box_scale: spread of the sizes of the boxes that a detector learns from: two
            standard deviations of the logarithm (0.15 is about 15 %).
        box_shift: spread of the positions of these boxes: two standard deviations, as a
            fraction of the face size. On a video the box is made of the landmarks of
            the frame before, so an error of the detector shifts its next crop. Large
            values teach it to rely less on the box, and errors do not build up. They
            are for the end of a long training.
        pairs_per_clip: pairs of consecutive frames taken from every clip.
        temporal: use the temporal module (Table 3). Without it there are no cycle
            losses, and a frame is trusted where tracker and detector agree.
        spatial: use the spatial module (Table 3). Without it one appearance network
            serves all landmarks, and there is no geometry.
        annotated_fraction: fraction of the annotated frames of every 300VW sequence
            that teach their annotation (Semi-STRRN; 0.5, 0.25 and 0.1 in Table 1). The
            seed chooses the frames. A smaller fraction is part of a larger one. Frames
            with a wrong annotation are never among them.
        source_shares: weights of the folders of --unlabelled, in their order, among
            the samples from clips. Without it every trusted pair weighs the same.
    """

    rounds: int = 1
    threshold: float = 0.02
    l_det_weight: float = 0.4
    l_tck_weight: float = 1.0
    cycle_form: CycleForm = "squared"
    cycle_weight: float = 1.0
    rollout_steps: int = 3
    correction_fraction: float = 1.0
    assignment: Assignment = "exclusive"
    mix_stills: float = 0.5
    pseudo_share: float = 0.4
    augmentation_annealing: float = 0.0
    box_scale: float = 0.15
    box_shift: float = 0.08
    pairs_per_clip: int = 20
    temporal: bool = True
    spatial: bool = True
    annotated_fraction: float = 0.0
    source_shares: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for name in (
            *("mix_stills", "pseudo_share", "annotated_fraction"),
            *("augmentation_annealing", "correction_fraction"),
        ):
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
        if min(self.rounds, self.rollout_steps) < 0 or self.pairs_per_clip < 1:
            raise ValueError(
                "`rounds` and `rollout_steps` must not be negative and "
                "`pairs_per_clip` must be positive. Received: "
                f"{self.rounds}, {self.rollout_steps}, {self.pairs_per_clip}"
            )


@dataclass(frozen=True)
class SbrConfig:
    """SBR, the baseline. Distances are in pixels of its 256-pixel crop, as published.

    Attributes:
        weight: of the registration loss beside the loss on stills.
        forward_backward: largest distance between a landmark and its position after
            optical flow to the last of three frames and back.
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
    """The settings that decide the result of a run: equal settings, equal weights.

    Attributes:
        backbone: the detector.
        preset: sizes of the networks.
        seed: of everything random.
        mixed_precision: hourglasses compute in bfloat16.
        input_size: side in pixels to which hourglasses shrink the face, a multiple of
            64. None: that of the preset, or of the model of --init.
        global_context: a new MDM has a global context branch, which sees the whole crop
            at low resolution and moves the mean shape before the first step. A model of
            --init without the branch gets one. The published MDM, and so the preset
            "paper", has none.
        detector: the detector's training.
        tracker: the tracker's training.
        algorithm: Algorithm 1.
    """

    backbone: Backbone = "mdm"
    preset: Preset = "default"
    seed: int = 0
    mixed_precision: bool = False
    input_size: int | None = None
    global_context: bool = False
    detector: FitConfig = field(
        default_factory=lambda: FitConfig(2400, 1500, round_learning_rate=6e-4)
    )
    tracker: FitConfig = field(default_factory=lambda: FitConfig(1500, 400))
    algorithm: AlgorithmConfig = field(default_factory=AlgorithmConfig)

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"`seed` must not be negative. Received: {self.seed}")
        if self.global_context and not supports_global_context(
            self.backbone, self.preset
        ):
            raise ValueError(
                "`global_context` needs the backbone mdm and another preset than paper"
            )
        size = self.input_size
        if size is not None and self.backbone != "hgn":
            raise ValueError("`input_size` needs the backbone hgn")
        if size is not None and (size < 64 or size % 64):
            raise ValueError(f"`input_size` must be a multiple of 64. Received: {size}")
        is_mixed = self.algorithm.rounds and 0 < self.algorithm.mix_stills < 1
        if is_mixed and self.tracker.batch_size < 2:
            raise ValueError(
                "the tracker's `batch_size` must be at least 2 (stills and clips share "
                "its batches), or `mix_stills` 0 or 1. "
                f"Received: {self.tracker.batch_size}"
            )


def supports_global_context(backbone: Backbone, preset: Preset) -> bool:
    """Return whether a detector can have a global context branch."""
    return backbone == "mdm" and preset != "paper"


# Defaults of options that old run folders lack: with them the options change nothing.
ADDED_OPTIONS: dict[str, Any] = {
    "input_size": None,
    "global_context": False,
    "source_shares": [],
    "cycle_form": "squared",
    "augmentation_annealing": 0.0,
    "box_scale": 0.15,
    "box_shift": 0.08,
    "correction_fraction": 1.0,
    "tracked_seconds": 0.0,
    "own_answers": False,
    "frozen_statistics": False,
    "passes": 0.0,
}


def to_json(config: Any) -> dict[str, Any]:
    """Return a dataclass as plain JSON values, paths as strings.

    Options of `ADDED_OPTIONS` are left out where they change nothing, so that runs of
    older versions can be resumed.
    """
    plain = json.loads(json.dumps(dataclasses.asdict(config), default=_plain))
    for part in (plain, plain.get("algorithm", {})):
        for name, neutral in ADDED_OPTIONS.items():
            if name in part and part[name] == neutral:
                del part[name]
    return plain


def _plain(value: object) -> str:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"Cannot write {type(value).__name__} as JSON")
