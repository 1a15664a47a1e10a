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
  python train.py --init saved_models/strrn-mdm --unlabelled my_videos/
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

    backbone: Backbone = "mdm"
    """Detector: mnemonic descent (mdm) or stacked hourglasses (hgn)."""
    preset: Preset = "default"
    """Sizes of the networks; "paper" has the published ones and needs a GPU."""
    data_root: Path | None = None
    """Folder with 300w/ and 300vw/. Without any data option the project draws its own
    data set in runs/drawn."""
    stills: Path | None = None
    """Annotated stills in the 300-W layout, instead of <data-root>/300w."""
    unlabelled: tuple[Path, ...] = ()
    """Folders of videos, instead of the training sequences of <data-root>/300vw."""
    output: Path | None = None
    """Run folder; without it runs/<backbone>."""
    cache: Path = RUNS / "cache"
    """Where crops cut from the data are kept; several GB for large data sets."""
    init: Path | None = None
    """Exported folder to start from instead of training the networks from nothing."""
    resume: bool = False
    """Continue the run in --output where it stopped."""
    seed: int = 0
    """Of everything random."""
    threads: int = 0
    """Threads of one operation; 0: as many as there are cores."""
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
        return self.output or RUNS / self.backbone

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
    if options.init and not options.init.joinpath("model.json").is_file():
        raise ValueError(
            f"--init {options.init}: is no exported folder (no model.json)"
        )
    return options


def run(options: Options) -> None:
    """Train in a run folder that no other process uses."""
    from strrn_tf.omni.run_folder import RunFolder

    folder = RunFolder(options.folder)
    with folder.claimed():
        folder.check(resume=options.resume)
        train(options, folder)


def train(options: Options, folder: "RunFolder") -> None:
    """Cut the data, train, export."""
    # Loaded here: --help and mistakes must not wait for TensorFlow.
    with quiet_stderr():
        import keras

    from data_pipeline.store_writer import read_state
    from data_pipeline.training_data import TrainingData
    from strrn_tf.config import to_json
    from strrn_tf.fitting import use_threads
    from strrn_tf.geometry import mean_shape
    from strrn_tf.models.build import build_networks, load_networks
    from strrn_tf.omni.algorithm import OmniSupervision
    from strrn_tf.tracking.model_folder import load

    use_threads(options.threads)
    config = options.run_config
    stills, clips = read_data(options)
    stores = {"stills": stills, "clips": clips}
    marks = {k: s and read_state(s.folder).fingerprint for k, s in stores.items()}
    about = {"init": str(options.init) if options.init else None, "data": marks}
    folder.start({"run": to_json(config), **about})

    keras.utils.set_random_seed(config.seed)
    if options.init:
        start = load(options.init).mean_shape
        networks = load_networks(options.init)
    else:
        start = mean_shape(stills.landmarks[:, 0])
        networks = build_networks(config, start)
    data = TrainingData(stills, clips, config)
    method = OmniSupervision(config, *networks, data, folder)
    if not options.init:
        method.train_on_stills()
        export(options, method, start, folder.round(0) / "export")
    method.run_rounds()
    export(options, method, start, folder.export)
    print(f"the models are in {folder.export}; next: python evaluate.py --category all")


def read_data(options: Options) -> "tuple[CropStore | None, CropStore | None]":
    """Return the stores of stills and of pairs, cut now where they are missing."""
    from data_pipeline.clips import list_clips
    from data_pipeline.face_boxes import find_face_boxes
    from data_pipeline.store import build_pair_store, build_still_store
    from data_pipeline.three_hundred_vw import list_sequences
    from data_pipeline.three_hundred_w import list_stills

    root = options.data_root
    has_data = options.stills or options.unlabelled or options.init
    if root is None and not has_data:
        root = drawn_faces()
    stills_root = options.stills or (root and root / "300w")
    stills = clips = None
    if stills_root:
        found = list_stills(stills_root, "train")
        stills = build_still_store(options.cache / "stills", found)
    if options.unlabelled:
        videos = list_clips(options.unlabelled)
    elif root and (root / "300vw").is_dir():
        videos = list_sequences(root / "300vw", "train")
    else:
        videos = []
    if videos and options.algorithm.rounds:
        clips = build_pair_store(
            options.cache / "clips",
            videos,
            pairs_per_clip=options.algorithm.pairs_per_clip,
            seed=options.seed,
            box_finder=find_face_boxes,
        )
    if stills is None and not options.init:
        raise ValueError("no annotated stills: give --stills DIR, or start from --init")
    if clips is None and options.algorithm.rounds:
        raise ValueError(
            "no unlabelled clips: give --unlabelled DIR, or --rounds 0 to train on "
            "stills alone"
        )
    return stills, clips


def drawn_faces() -> Path:
    """Return the project's own data set, drawn now if it is missing."""
    from data_pipeline.drawn.dataset import draw_dataset

    return draw_dataset(RUNS / "drawn")


def export(
    options: Options,
    method: "OmniSupervision",
    mean_shape: "np.ndarray",
    folder: Path,
) -> None:
    """Write both networks as an exported folder, checked on crops of the run's data."""
    from strrn_tf.export import export_models

    if (folder / "model.json").is_file():
        return  # written before the run was interrupted
    crops = method.data.parity_crops()
    export_models(
        method.detector,
        method.tracker,
        folder,
        info={**describe(options, method), "mean_shape": mean_shape},
        crops=crops,
        starts=mean_shape[None].repeat(len(crops), 0),
        saved_model=options.saved_model,
    )


def describe(options: Options, method: "OmniSupervision") -> dict:
    """Return what the exported folder says of its origin."""
    data = method.data
    drawn = not (options.stills or options.data_root or options.unlabelled)
    origin = "drawn by the project" if drawn else "given by the user"
    return {
        "name": options.folder.name,
        "backbone": options.backbone,
        "preset": options.preset,
        "seed": options.seed,
        "training_data": {
            "annotated stills": data.num_stills,
            "unlabelled pairs of frames": len(data.names),
            "origin": origin,
        },
        "licence": "that of the data it was trained on"
        if not drawn
        else "Apache-2.0: no foreign data was used",
    }


if __name__ == "__main__":
    sys.exit(main())
