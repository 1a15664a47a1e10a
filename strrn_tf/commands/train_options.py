"""What `train.py` can be told, and which of it does not go together.

The command line is made of `Options`, so its docstrings are the help.
"""

import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import tyro

from strrn_tf.config import (
    ANNOTATIONS_NOTE,
    AlgorithmConfig,
    Backbone,
    FitConfig,
    Method,
    Preset,
    RunConfig,
    SbrConfig,
    can_glance,
)
from strrn_tf.tracking.networks.model_folder import load

PROG = "strrn train"
RUNS = Path("runs")


@dataclass(frozen=True)
class Options:
    """Where data come from, where results go, and how the networks learn."""

    backbone: Backbone | None = None
    """Detector: mnemonic descent (mdm) or stacked hourglasses (hgn). Without it mdm, or
    that of --init."""
    method: Method = "strrn"
    """What is done with the clips. strrn: Algorithm 1. sbr: the paper's baseline, which
    teaches the detector to agree with optical flow."""
    preset: Preset | None = None
    """Sizes of the networks; "paper" has the published ones and needs a GPU. Without it
    "default", or that of --init."""
    data_root: Path | None = None
    """Folder with 300w/ and 300vw/. Without any data option the project draws its own
    data set in runs/drawn."""
    stills: Path | None = None
    """Annotated stills in the 300-W layout, or prepared ones, instead of
    <data-root>/300w."""
    unlabelled: tuple[Path, ...] = ()
    """Folders of videos, prepared ones, or 300VW (its training sequences), instead of
    <data-root>/300vw."""
    output: Path | None = None
    """Run folder; without it runs/<backbone>."""
    cache: Path = RUNS / "cache"
    """Where crops cut from the data are kept; several GB for large data sets."""
    init: Path | None = None
    """Model to go on with instead of training the networks from nothing: the name of a
    shipped one, an exported folder or a run folder. Give --stills too where you can:
    without annotated stills the detector has only its own pseudo-labels, and learns
    gently unless told otherwise: 300 updates a round at 1e-4 of mildly augmented
    pictures (--cool-down 1), the tracker 100."""
    fresh_tracker: bool = False
    """With --init: keep the detector alone; the tracker is built anew and first trained
    on the stills."""
    resume: bool = False
    """Continue the run in --output where it stopped."""
    seed: int = 0
    """Of everything random."""
    mixed_precision: bool = False
    """Train hourglasses in bfloat16, with weights in float32: a quarter faster where
    the processor has instructions for it (AVX512-BF16, GPUs), slower elsewhere."""
    input_size: int | None = None
    """Side in pixels that hourglasses shrink the face to, a multiple of 64; 128 in the
    preset "default". 192 sees more and takes twice as long: with --init the weights go
    on at that size, first for --detector.steps updates on the stills."""
    glance: bool | None = None
    """MDM looks at the whole crop before it cuts its first patch. Without the option a
    new one does, and that of --init does if it did. False: it begins at the mean shape,
    as published. True, with --init: one that did not learns to."""
    threads: int = 0
    """Threads of one operation; 0: as many as there are cores."""
    workers: int = 0
    """Processes that make the batches where Keras does not run on TensorFlow
    (KERAS_BACKEND=jax); 0: threads of this one. For a GPU give as many as there
    are cores."""
    devices: int = 1
    """Accelerators to train on; every batch is shared out among them."""
    saved_model: bool = False
    """Export SavedModels too."""
    lambda_: Annotated[float | None, tyro.conf.arg(name="lambda")] = None
    """Short for --l-det-weight: lambda of Eq. 6."""
    detector: FitConfig = field(default_factory=lambda: RunConfig().detector)
    tracker: FitConfig = field(default_factory=lambda: RunConfig().tracker)
    algorithm: Annotated[AlgorithmConfig, tyro.conf.arg(name="")] = field(
        default_factory=AlgorithmConfig
    )
    sbr: SbrConfig = field(default_factory=SbrConfig)

    @property
    def folder(self) -> Path:
        """Run folder."""
        return self.output or RUNS / (self.init.name if self.init else self.backbone)

    @property
    def has_no_labels(self) -> bool:
        """Whether a model goes on without annotated stills."""
        return bool(self.init and self.stills is None and self.data_root is None)

    @property
    def has_own_labels(self) -> bool:
        """Whether a model goes on with stills that `strrn annotate` has written."""
        if not (self.init and self.stills):
            return False
        places = self.stills, self.stills.absolute().parent
        return any((place / ANNOTATIONS_NOTE).is_file() for place in places)

    @property
    def is_gentle(self) -> bool:
        """Whether a model goes on without what a person has annotated."""
        return self.has_no_labels or self.has_own_labels

    @property
    def run_config(self) -> RunConfig:
        """What decides the result, given the data."""
        algorithm = self.algorithm
        if self.lambda_ is not None:
            algorithm = replace(algorithm, l_det_weight=self.lambda_)
        return RunConfig(
            backbone=self.backbone,
            preset=self.preset,
            seed=self.seed,
            mixed_precision=self.mixed_precision,
            input_size=self.input_size,
            glance=bool(self.glance),
            detector=self.detector,
            tracker=self.tracker,
            algorithm=algorithm,
        )


# Defaults without stills that a person has annotated: with the others a few people of a
# few videos make the error on all others a sixth larger or more (docs/teach.md).
GENTLE = Options(
    detector=replace(RunConfig().detector, round_steps=300, round_learning_rate=1e-4),
    tracker=replace(RunConfig().tracker, round_steps=100),
    algorithm=AlgorithmConfig(cool_down=1.0),
)


def complete(options: Options) -> Options:
    """Return options that name backbone and preset.

    Raises:
        ValueError: options do not go together, in one line.
    """
    if options.threads < 0:
        raise ValueError(f"--threads must not be negative. Received: {options.threads}")
    if options.fresh_tracker and not options.init:
        raise ValueError("--fresh-tracker is for --init: without, both are built anew")
    if options.method == "sbr" and options.devices > 1:
        raise ValueError("--method sbr trains on one device: leave --devices out")
    sizes = {"backbone": "mdm", "preset": "default"}
    if options.init:
        check_init(options)
        description = load(options.init).description
        sizes = {name: description[name] for name in sizes}
    for name, value in sizes.items():
        if getattr(options, name) not in (None, value) and options.init:
            raise ValueError(
                f"--{name} {getattr(options, name)}: the model of --init has {value}; "
                f"leave --{name} out"
            )
        options = replace(options, **{name: getattr(options, name) or value})
    if options.glance is None and not options.init:
        glances = can_glance(options.backbone, options.preset)
        options = replace(options, glance=glances)
    return options


def check_init(options: Options) -> None:
    """Raise a ``ValueError`` if the options leave nothing to do for --init."""
    on_stills = options.input_size or options.fresh_tracker
    if not (options.algorithm.rounds or on_stills):
        raise ValueError("--init with --rounds 0 leaves nothing to train")
    has_videos = options.unlabelled or options.data_root is not None
    if options.algorithm.rounds and not has_videos:
        raise ValueError("--init needs the videos to learn from: give --unlabelled DIR")
    if not (options.algorithm.spatial or options.fresh_tracker):
        raise ValueError(
            "--no-spatial builds another tracker than that of --init: add "
            "--fresh-tracker"
        )
    if options.fresh_tracker and options.has_no_labels:
        raise ValueError("--fresh-tracker is first trained on stills: give --stills")
    if options.input_size and options.has_no_labels:
        raise ValueError("--input-size is first trained on stills: give --stills")
    if options.has_no_labels:
        print(
            f"{PROG}: no --stills: the detector learns from its own pseudo-labels "
            "alone, gently, and may forget what they do not show",
            file=sys.stderr,
        )
    if options.has_own_labels:
        print(
            f"{PROG}: the stills are those of strrn annotate: the detector learns from "
            "a model's labels alone, gently",
            file=sys.stderr,
        )
