"""The options of `strrn train`, and checks of their combinations.

The command line is made of `Options`, so its docstrings are the help.
"""

import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import tyro

from strrn_tf.commands.train_labels import check_independence, complete_labels
from strrn_tf.config import (
    ADDED_OPTIONS,
    ANNOTATIONS_NOTE,
    AlgorithmConfig,
    Backbone,
    FitConfig,
    LabelsName,
    MethodName,
    Preset,
    RunConfig,
    SbrConfig,
    supports_global_context,
    to_json,
)
from strrn_tf.methods.fused_config import FusedConfig
from strrn_tf.tracking.networks.model_folder import load

PROG = "strrn train"
RUNS = Path("runs")


@dataclass(frozen=True)
class Options:
    """Data, results, and how the networks learn."""

    backbone: Backbone | None = None
    """Detector: mnemonic descent (mdm) or stacked hourglasses (hgn). Default: mdm, or
    that of --init."""
    method: MethodName = "strrn"
    """How the networks learn from clips. strrn: Algorithm 1. sbr: the paper's baseline,
    which teaches the detector to agree with optical flow."""
    labels: LabelsName | None = None
    """Labels of clips and photographs. fused: those of two models together, of --init
    and --second. Without --stills only moments of clips in which a face is lost are
    learnt. paper: detector and tracker trust or reject each other's, as published.
    Default: fused with --second or --photographs, or with --init of a shipped model or
    one trained from it; else paper."""
    preset: Preset | None = None
    """Sizes of the networks. "paper" has the published sizes and needs a GPU. Default:
    "default", or that of --init."""
    data_root: Path | None = None
    """Folder with 300w/ and 300vw/. Without any data option the command draws its own
    data set in runs/drawn."""
    stills: Path | None = None
    """Annotated stills: a folder in the 300-W layout, a prepared one, one of another
    markup, or a file of COCO keypoints. They replace <data-root>/300w."""
    mapping: Path | None = None
    """For stills in another markup: file with their points' landmarks, see
    docs/data.md. Without it, mapping.json beside the stills, if it is there."""
    missing_mark: str | None = None
    """Mark of points that nobody annotated, such as -999. Beside it, `0 0`, `-1 -1` and
    `nan nan` are marks."""
    unlabelled: tuple[Path, ...] = ()
    """Folders of videos, prepared folders, or 300VW (its training sequences). They
    replace <data-root>/300vw."""
    photographs: tuple[Path, ...] = ()
    """Folders of unlabelled photographs of faces. They get fused labels. Of every
    picture the largest face is used."""
    output: Path | None = None
    """Run folder. Default: runs/<backbone>, or runs/<name of the model of --init>."""
    cache: Path = RUNS / "cache"
    """Folder for crops that are cut from the data; several GB for large data sets."""
    init: Path | None = None
    """Model to train further: the name of a shipped model, an exported folder or a run
    folder. Add --stills with annotated stills if you have some. Without them the
    detector learns from models' labels only, and the defaults are cautious: at most
    1200 updates per round, fewer with few pictures (--fused.passes), at a learning rate
    of 1e-4 with weak augmentation (--augmentation-annealing 1). With --labels paper
    300 updates, and 100 of the tracker."""
    second: Path | None = None
    """For fused labels: a model with the other backbone. Default: with --init of a
    shipped model or one trained from it, a shipped one."""
    judge: Path | None = None
    """With --init and without --stills: a model that labels nothing. It decides, on
    clips that are kept out, whether to go a quarter of the way to the trained weights.
    Default: with --init of a shipped model or one trained from it, a shipped one that
    labels nothing."""
    fresh_tracker: bool = False
    """With --init: keep only the detector. A new tracker is built and first trained on
    the stills."""
    resume: bool = False
    """Continue the run in --output."""
    seed: int = 0
    """Seed of everything random."""
    mixed_precision: bool = False
    """Train hourglasses in bfloat16, with weights in float32. It is a quarter faster on
    processors with AVX512-BF16 and on GPUs, and slower elsewhere."""
    input_size: int | None = None
    """Side in pixels to which hourglasses shrink the face, a multiple of 64. The preset
    "default" has 128. 192 shows more detail and takes twice as long. With --init the
    weights are first trained at that size, for --detector.steps updates on the
    stills."""
    global_context: bool | None = None
    """MDM gets a global context branch, which sees the whole crop before the first
    step. Default: a new MDM has it, and that of --init stays as it is. False: start at
    the mean shape, as published. True, with --init: add the branch."""
    threads: int = 0
    """Threads of one operation; 0: one per core."""
    workers: int = 0
    """Processes that prepare the batches if Keras does not run on TensorFlow
    (KERAS_BACKEND=jax); 0: threads of the training process. With a GPU use one per
    core."""
    devices: int = 1
    """Accelerators to train on. Every batch is split among them."""
    saved_model: bool = False
    """Also export SavedModels."""
    lambda_: Annotated[float | None, tyro.conf.arg(name="lambda")] = None
    """Lambda of Eq. 6; the same as --l-det-weight."""
    detector: FitConfig = field(default_factory=lambda: RunConfig().detector)
    tracker: FitConfig = field(default_factory=lambda: RunConfig().tracker)
    algorithm: Annotated[AlgorithmConfig, tyro.conf.arg(name="")] = field(
        default_factory=AlgorithmConfig
    )
    sbr: SbrConfig = field(default_factory=SbrConfig)
    fused: FusedConfig = field(default_factory=FusedConfig)

    @property
    def folder(self) -> Path:
        """Run folder."""
        return self.output or RUNS / (self.init.name if self.init else self.backbone)

    @property
    def has_no_stills(self) -> bool:
        """Whether a model is trained further without annotated stills."""
        return bool(self.init and self.stills is None and self.data_root is None)

    @property
    def has_model_labels(self) -> bool:
        """Whether a model is trained further on stills that `strrn annotate` wrote."""
        if not (self.init and self.stills):
            return False
        folders = self.stills, self.stills.absolute().parent
        return any((folder / ANNOTATIONS_NOTE).is_file() for folder in folders)

    @property
    def has_corrected_frames_only(self) -> bool:
        """Whether a model is trained further on stills that are frames of its clips."""
        from data_pipeline.batches.corrected_stills import are_frames

        if not (self.init and self.stills and self.unlabelled):
            return False
        return are_frames(self.stills, self.unlabelled, self.mapping, self.missing_mark)

    @property
    def has_pseudo_labels_only(self) -> bool:
        """Whether a model is trained further without annotations by a person."""
        return self.has_no_stills or self.has_model_labels

    @property
    def run_config(self) -> RunConfig:
        """The settings that decide the result, given the data."""
        algorithm = self.algorithm
        if self.lambda_ is not None:
            algorithm = replace(algorithm, l_det_weight=self.lambda_)
        return RunConfig(
            backbone=self.backbone,
            preset=self.preset,
            seed=self.seed,
            mixed_precision=self.mixed_precision,
            input_size=self.input_size,
            global_context=bool(self.global_context),
            detector=self.detector,
            tracker=self.tracker,
            algorithm=algorithm,
        )


# Defaults without annotations by a person. With the usual ones, a few videos of a few
# people raised the error on all other people by a sixth or more (docs/teach.md).
PSEUDO_LABEL_ONLY_DEFAULTS = Options(
    detector=replace(RunConfig().detector, round_steps=300, round_learning_rate=1e-4),
    tracker=replace(RunConfig().tracker, round_steps=100),
    algorithm=AlgorithmConfig(augmentation_annealing=1.0),
)

# The same with fused labels. `FusedConfig.passes` lowers the number for few pictures.
FUSED_LABEL_ONLY_DEFAULTS = replace(
    PSEUDO_LABEL_ONLY_DEFAULTS,
    detector=replace(PSEUDO_LABEL_ONLY_DEFAULTS.detector, round_steps=1200),
)

# Defaults where all stills are corrected frames of the clips: a few pictures of a few
# people, which are learnt in minutes (docs/results.md, "Corrected frames").
CORRECTED_DEFAULTS = Options(
    detector=replace(RunConfig().detector, round_steps=150, round_learning_rate=1e-3),
    tracker=replace(RunConfig().tracker, round_steps=100),
    algorithm=AlgorithmConfig(augmentation_annealing=1.0),
)


def run_settings(options: Options) -> dict[str, object]:
    """Return the settings that decide the result, given the data, as JSON.

    Settings that are not used are None: run folders of older versions lack them.
    """
    fused = options.fused
    if not options.has_no_stills:
        # Of no effect beside stills, so that runs of older versions can be resumed.
        idle = "own_answers", "frozen_statistics", "passes"
        fused = replace(fused, **{name: ADDED_OPTIONS[name] for name in idle})
    return {
        "method": options.method,
        "run": to_json(options.run_config),
        "sbr": to_json(options.sbr) if options.method == "sbr" else None,
        "fresh_tracker": options.fresh_tracker or None,
        "fused": to_json(fused) if options.labels == "fused" else None,
    }


def complete(options: Options) -> Options:
    """Return the options with backbone and preset filled in.

    Raises:
        ValueError: options contradict each other; one line.
    """
    if options.threads < 0:
        raise ValueError(f"--threads must not be negative. Received: {options.threads}")
    if options.fresh_tracker and not options.init:
        raise ValueError(
            "--fresh-tracker needs --init: without it both networks are new anyway"
        )
    is_named = options.mapping is not None or options.missing_mark is not None
    if is_named and options.stills is None:
        raise ValueError("--mapping and --missing-mark describe stills: give --stills")
    if options.method == "sbr" and options.devices > 1:
        raise ValueError("--method sbr trains on one device: leave --devices out")
    options = complete_labels(options)
    check_independence(options)
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
    if options.global_context is None and not options.init:
        supported = supports_global_context(options.backbone, options.preset)
        options = replace(options, global_context=supported)
    return options


def check_init(options: Options) -> None:
    """Check what --init needs, and warn if it learns from a model's labels only.

    Raises:
        ValueError: an option is missing; one line.
    """
    on_stills = options.input_size or options.fresh_tracker
    if not (options.algorithm.rounds or on_stills):
        raise ValueError("--init with --rounds 0 leaves nothing to train")
    given = options.unlabelled or options.photographs
    has_videos = given or options.data_root is not None
    if options.algorithm.rounds and not has_videos:
        raise ValueError(
            "--init needs something to learn from: give --unlabelled DIR with videos, "
            "or --photographs DIR"
        )
    if not (options.algorithm.spatial or options.fresh_tracker):
        raise ValueError(
            "--no-spatial needs another tracker than that of --init: add "
            "--fresh-tracker"
        )
    if options.fresh_tracker and options.has_no_stills:
        raise ValueError("--fresh-tracker is first trained on stills: give --stills")
    if options.input_size and options.has_no_stills:
        raise ValueError("--input-size is first trained on stills: give --stills")
    if options.has_no_stills:
        unjudged = "" if options.judge else ". Nothing would show it: add --judge MODEL"
        print(
            f"{PROG}: no --stills: the detector learns from models' labels only, and "
            f"may get worse on other faces{unjudged}",
            file=sys.stderr,
        )
    if options.has_model_labels:
        print(
            f"{PROG}: the stills are those of strrn annotate: the detector learns from "
            "a model's labels only, with few updates. Those that you have checked "
            "count fully in a folder of their own",
            file=sys.stderr,
        )
