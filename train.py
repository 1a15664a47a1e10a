"""Train a detector and the STRRN tracker by Algorithm 1, and export both.

From nothing: trains the detector on annotated stills, initialises the tracker on the
same stills in synthetic motion, then goes through rounds of distilling unlabelled clips
and re-training both. With no data given it draws its own.

Examples:
  python train.py --backbone mdm
      the whole method on drawn faces; the result is runs/mdm/export
  python train.py --backbone hgn --stills ~/300w --unlabelled ~/videos ~/more_videos
      annotated stills in the 300-W layout, any folders of videos
  python train.py --backbone mdm --data-root ~/data
      ~/data/300w, and the training sequences of ~/data/300vw as unlabelled clips
  strrn prepare youtube-faces ~/YouTubeFaces; strrn prepare 300vw ~/300VW
  python train.py --stills ~/300w --unlabelled prepared/300vw prepared/youtube-faces
      from shards: the originals are not read again, and need not be there
  python train.py --data-root ~/data --annotated-fraction 0.1
      Semi-STRRN: with the annotations of a tenth of the frames of every sequence
  python train.py --init strrn-mdm --unlabelled my_videos/ --stills ~/300w
      teach a shipped model your own videos
  python train.py --backbone mdm --resume
      continue a run that was stopped, with the options it was started with

Ctrl-C saves and leaves; --resume continues, also after a kill or a power cut.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from strrn_tf.command_line import exit_code, parse_options
from strrn_tf.config import AlgorithmConfig, Backbone, FitConfig, Preset, RunConfig
from strrn_tf.quiet import quiet_stderr
from strrn_tf.tracking.model_folder import ModelFolder, load

if TYPE_CHECKING:
    import numpy as np

    from data_pipeline.store import CropStore
    from strrn_tf.omni.algorithm import OmniSupervision
    from strrn_tf.omni.run_folder import RunFolder

# TensorFlow's warnings while it runs say nothing to a user.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

PROG = "python train.py"
RUNS = Path("runs")


@dataclass(frozen=True)
class Options:
    """Where data come from, where results go, and how the networks learn."""

    backbone: Backbone | None = None
    """Detector: mnemonic descent (mdm) or stacked hourglasses (hgn). Without it mdm, or
    that of --init."""
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
    without annotated stills the detector has only its own pseudo-labels."""
    resume: bool = False
    """Continue the run in --output where it stopped."""
    seed: int = 0
    """Of everything random."""
    mixed_precision: bool = False
    """Train hourglasses in bfloat16, with weights in float32: a quarter faster where
    the processor has instructions for it (AVX512-BF16, GPUs), slower elsewhere. Not
    with --init."""
    threads: int = 0
    """Threads of one operation; 0: as many as there are cores."""
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

    @property
    def folder(self) -> Path:
        """Run folder."""
        return self.output or RUNS / (self.init.name if self.init else self.backbone)

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
            detector=self.detector,
            tracker=self.tracker,
            algorithm=algorithm,
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code, see `strrn_tf.command_line`."""
    return exit_code(PROG, lambda: run(parse(argv)))


def parse(argv: Sequence[str] | None) -> Options:
    """Return the options; a ``ValueError`` of one line if they are wrong."""
    options = parse_options(Options, argv, prog=PROG, description=__doc__)
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
    return options


def check_init(options: Options) -> None:
    """Raise a ``ValueError`` if the options leave nothing to do for --init."""
    if not options.algorithm.rounds:
        raise ValueError("--init with --rounds 0 leaves nothing to train")
    if not options.unlabelled and options.data_root is None:
        raise ValueError("--init needs the videos to learn from: give --unlabelled DIR")
    if options.mixed_precision:
        raise ValueError("--mixed-precision does not go with --init")
    if not options.algorithm.spatial:
        raise ValueError("--no-spatial builds other networks than those of --init")
    if options.stills is None and options.data_root is None:
        print(
            f"{PROG}: no --stills: the detector learns from its own pseudo-labels "
            "alone, and may forget what they do not show",
            file=sys.stderr,
        )


def run(options: Options) -> None:
    """Train in a run folder that no other process uses."""
    from strrn_tf.config import to_json
    from strrn_tf.omni.run_folder import RunFolder

    folder = RunFolder(options.folder)
    with folder.claimed():
        found = folder.check(to_json(options.run_config), resume=options.resume)
        if options.resume and not found:
            print(f"{folder.root} holds no run yet: a new one begins", file=sys.stderr)
        train(options, folder)


def train(options: Options, folder: "RunFolder") -> None:
    """Cut the data, train, export."""
    # Loaded here: --help and mistakes must not wait for TensorFlow.
    with quiet_stderr():
        import keras

    from data_pipeline.inputs import read_annotation
    from data_pipeline.store_writer import read_state
    from data_pipeline.training_data import TrainingData
    from strrn_tf.config import to_json
    from strrn_tf.devices import choose_devices
    from strrn_tf.fitting import use_threads
    from strrn_tf.geometry import mean_shape
    from strrn_tf.models.build import build_networks, load_networks
    from strrn_tf.omni.algorithm import OmniSupervision

    use_threads(options.threads)
    batch_sizes = options.detector.batch_size, options.tracker.batch_size
    devices = choose_devices(options.devices, batch_sizes)
    config = options.run_config
    stills, clips = read_data(options)
    root, folders = data_root(options), options.unlabelled
    annotated, source = read_annotation(root, folders, options.cache, clips, config)
    stores = {"stills": stills, "clips": clips}
    stores |= {"annotated": annotated} if annotated else {}
    marks = {k: s and read_state(s.folder).fingerprint for k, s in stores.items()}
    parent = load(options.init) if options.init else None
    mark = parent and parent.description["description_sha256"]
    about = {"init": mark, "data": marks}
    folder.start({"run": to_json(config), **about})

    keras.utils.set_random_seed(config.seed)
    if parent:
        start, networks = parent.mean_shape, load_networks(parent.path)
    else:
        start = mean_shape(stills.landmarks[:, 0])
        networks = build_networks(config, start)
    data = TrainingData(stills, clips, config, annotated=annotated, source=source)
    method = OmniSupervision(config, *networks, data, folder, devices)
    if not parent:
        method.train_on_stills()
        export(options, method, start, folder.round(0) / "export", parent)
    method.run_rounds()
    export(options, method, start, folder.export, parent)
    if (folder.export / "model.json").is_file():
        print(f"the models are in {folder.export}; next: {next_command(options)}")
    else:
        print(
            f"the weights are in {folder.root / 'checkpoints'}; next, where Keras runs "
            "on TensorFlow: the same command with --resume exports them"
        )


def next_command(options: Options) -> str:
    """Return the command that scores the run on data like its own."""
    from data_pipeline.prepared import is_prepared

    command = f"python evaluate.py --model {options.folder}"
    if any(f and is_prepared(f) for f in (options.stills, *options.unlabelled)):
        return f"{command} --data-root DIR, with the original data"
    if options.stills:
        return f"{command} --dataset 300w --data-root {options.stills}"
    root = f" --data-root {options.data_root}" if options.data_root else ""
    return f"{command} --category all{root}"


def read_data(options: Options) -> "tuple[CropStore | None, CropStore | None]":
    """Return the stores of stills and of pairs, cut now where they are missing."""
    from data_pipeline.inputs import read_clips, read_stills

    root = data_root(options)
    stills_root = options.stills or (root and root / "300w")
    stills = read_stills(stills_root, options.cache) if stills_root else None
    if stills is None and not options.init:
        raise ValueError("no annotated stills: give --stills DIR, or start from --init")
    if not options.algorithm.rounds:
        return stills, None
    clips = read_clips(
        root,
        options.unlabelled,
        options.cache,
        pairs_per_clip=options.algorithm.pairs_per_clip,
        seed=options.seed,
    )
    return stills, clips


def data_root(options: Options) -> Path | None:
    """Return --data-root; without any data option the project's own, drawn data set."""
    if options.stills or options.unlabelled or options.init or options.data_root:
        return options.data_root
    from data_pipeline.drawn.dataset import draw_dataset

    return draw_dataset(RUNS / "drawn")


def export(
    options: Options,
    method: "OmniSupervision",
    mean_shape: "np.ndarray",
    folder: Path,
    parent: ModelFolder | None,
) -> None:
    """Write both networks as an exported folder, unless it is there."""
    from strrn_tf.export_run import export_run

    export_run(
        method,
        mean_shape,
        folder,
        name=options.folder.name,
        is_drawn=not (options.stills or options.data_root or options.unlabelled),
        parent=parent and parent.description,
        saved_model=options.saved_model,
    )


if __name__ == "__main__":
    sys.exit(main())
