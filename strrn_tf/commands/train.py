"""Train a detector and the STRRN tracker by Algorithm 1, and export both.

From nothing: trains the detector on annotated stills, initialises the tracker on the
same stills in synthetic motion, then goes through rounds of distilling unlabelled clips
and re-training both. With no data given it draws its own.

Examples:
  strrn train --backbone mdm
      the whole method on drawn faces; the result is runs/mdm/export
  strrn train --backbone hgn --stills ~/300w --unlabelled ~/videos ~/more_videos
      annotated stills in the 300-W layout, any folders of videos
  strrn train --backbone mdm --data-root ~/data
      ~/data/300w, and the training sequences of ~/data/300vw as unlabelled clips
  strrn prepare youtube-faces ~/YouTubeFaces; strrn prepare 300vw ~/300VW
  strrn train --stills ~/300w --unlabelled prepared/300vw prepared/youtube-faces
      from shards: the originals are not read again, and need not be there
  strrn train --data-root ~/data --annotated-fraction 0.1
      Semi-STRRN: with the annotations of a tenth of the frames of every sequence
  strrn train --init strrn-mdm --unlabelled my_videos/
      teach a shipped model your own videos; better with annotated --stills beside
  strrn train --backbone mdm --resume
      continue a run that was stopped, with the options it was started with

Ctrl-C saves and leaves; --resume continues, also after a kill or a power cut.
"""

import os
import shlex
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from strrn_tf.commands.command_line import exit_code, parse_options
from strrn_tf.commands.train_options import GENTLE, PROG, RUNS, Options, complete
from strrn_tf.system.quiet import quiet_stderr
from strrn_tf.tracking.networks.model_folder import ModelFolder, load

if TYPE_CHECKING:
    import keras
    import numpy as np

    from data_pipeline.stores.store import CropStore
    from strrn_tf.methods.omni_supervision import OmniSupervision
    from strrn_tf.training.run_folder import RunFolder

# TensorFlow's warnings while it runs say nothing to a user.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code, see `command_line`."""
    return exit_code(PROG, lambda: run(parse(argv)))


def parse(argv: Sequence[str] | None) -> Options:
    """Return the options; a ``ValueError`` of one line if they are wrong."""
    read = partial(parse_options, Options, argv, prog=PROG, description=__doc__)
    options = read()
    return complete(read(default=GENTLE) if options.is_gentle else options)


def run(options: Options) -> None:
    """Train in a run folder that no other process uses."""
    from strrn_tf.training.run_folder import RunFolder

    folder = RunFolder(options.folder)
    with folder.claimed():
        found = folder.check(told(options), resume=options.resume)
        if options.resume and not found:
            begins_anew(options)
        train(options, folder)


def begins_anew(options: Options) -> None:
    """Say that there is nothing to go on with.

    Raises:
        ValueError: nothing else was said either, so the name is a typing error.
    """
    if options == complete(Options(resume=True, output=options.output)):
        raise ValueError(
            f"{options.folder} holds no run to resume. Runs there: "
            f"{runs_beside(options)}"
        )
    print(f"{options.folder} holds no run yet: a new one begins", file=sys.stderr)


def runs_beside(options: Options) -> str:
    """Return the names of the runs that lie beside the output, in one line."""
    configs = sorted(options.folder.parent.glob("*/config.json"))
    return ", ".join(path.parent.name for path in configs) or "none"


def told(options: Options) -> dict[str, object]:
    """Return what decides the result, given the data, as JSON.

    None where there is nothing to say: runs of older versions do not know the names.
    """
    from strrn_tf.config import to_json

    return {
        "method": options.method,
        "run": to_json(options.run_config),
        "sbr": to_json(options.sbr) if options.method == "sbr" else None,
        "fresh_tracker": options.fresh_tracker or None,
    }


def train(options: Options, folder: "RunFolder") -> None:
    """Cut the data, train, export."""
    # Loaded here: --help and mistakes must not wait for TensorFlow.
    with quiet_stderr():
        import keras

    from data_pipeline.batches.streams import use_workers
    from data_pipeline.batches.training_data import TrainingData
    from data_pipeline.stores.inputs import read_annotation
    from data_pipeline.stores.store_writer import read_state
    from strrn_tf.export.run import export_run
    from strrn_tf.training.devices import choose_devices
    from strrn_tf.training.fitting import use_threads

    use_threads(options.threads)
    use_workers(options.workers)
    batch_sizes = options.detector.batch_size, options.tracker.batch_size
    devices = choose_devices(options.devices, batch_sizes)
    config = options.run_config
    root, folders = data_root(options), options.unlabelled
    stills, clips = read_data(options, root)
    annotated, source = read_annotation(root, folders, options.cache, clips, config)
    stores = {"stills": stills, "clips": clips}
    stores |= {"annotated": annotated} if annotated else {}
    marks = {k: s and read_state(s.folder).fingerprint for k, s in stores.items()}
    parent = load(options.init) if options.init else None
    mark = parent and parent.description["description_sha256"]
    folder.start({**told(options), "init": mark, "data": marks})

    keras.utils.set_random_seed(config.seed)
    start, networks = begin(options, stills, parent)
    data = TrainingData(stills, clips, config, annotated=annotated, source=source)
    method = method_of(options)(config, *networks, data, folder, devices)
    export = partial(
        export_run,
        method,
        mean_shape=start,
        is_drawn=not (options.stills or options.data_root or options.unlabelled),
        parent=parent and parent.description,
        saved_model=options.saved_model,
    )
    if not parent:
        method.train_on_stills()
        export(folder.round(0) / "export")
    else:
        if options.input_size:
            # What it would distil before it has seen pictures of this size is wrong.
            method.train_detector(0, None)
        if options.fresh_tracker:
            method.train_tracker(0, None)
    for number in range(1, config.algorithm.rounds + 1):
        method.run_round(number)
        if number < config.algorithm.rounds:
            export(folder.round(number) / "export")
    export(folder.export)
    method.report_gain()
    print(farewell(options, folder))


def begin(
    options: Options, stills: "CropStore | None", parent: ModelFolder | None
) -> "tuple[np.ndarray, tuple[keras.Model, keras.Model]]":
    """Return the mean shape (68, 2) and both networks as the training finds them."""
    from strrn_tf.geometry import mean_shape
    from strrn_tf.models.build import (
        build_networks,
        load_networks,
        rebuilt,
        with_glance,
    )

    config = options.run_config
    if parent is None:
        start = mean_shape(stills.landmarks[:, 0])
        return start, build_networks(config, start)
    start, networks = parent.mean_shape, load_networks(parent.path)
    detector, tracker = networks
    detector = rebuilt(
        detector, mixed=config.mixed_precision, input_size=config.input_size
    )
    if config.glance:
        detector = with_glance(detector, config.preset)
    elif options.glance is False and getattr(detector, "glance", None):
        raise ValueError("the model of --init begins with a glance: leave --glance out")
    if options.fresh_tracker:
        tracker = build_networks(config, start)[1]
    return start, (detector, tracker)


def farewell(options: Options, folder: "RunFolder") -> str:
    """Return where the result is and what comes next."""
    if (folder.export / "model.json").is_file():
        return f"the models are in {folder.export}; next: {next_command(options)}"
    command = "the same command with --resume"
    command += " and without --workers" if options.workers else ""
    return (
        f"the weights are in {folder.root / 'checkpoints'}; next, where Keras runs on "
        f"TensorFlow: {command} exports them"
    )


def method_of(options: Options) -> "Callable[..., OmniSupervision]":
    """Return what is made of configuration, networks, data and folder."""
    if options.method == "sbr":
        from strrn_tf.methods.sbr import SupervisionByRegistration

        return partial(SupervisionByRegistration, sbr=options.sbr)
    from strrn_tf.methods.omni_supervision import OmniSupervision

    return OmniSupervision


def next_command(options: Options) -> str:
    """Return the command that shows what the run is worth, on data like its own."""
    from data_pipeline.stores.prepared import is_prepared

    model = shlex.quote(str(options.folder))
    if options.unlabelled and not (options.stills or options.data_root):
        # There are no labels to score it by.
        return f"strrn track VIDEO --model {model}"
    command = f"strrn evaluate --model {model}"
    if any(f and is_prepared(f) for f in (options.stills, *options.unlabelled)):
        return f"{command} --data-root DIR, with the original data"
    root = options.stills or options.data_root
    data = f" --data-root {shlex.quote(str(root))}" if root else ""
    return f"{command} {'--dataset 300w' if options.stills else '--category all'}{data}"


def read_data(
    options: Options, root: Path | None
) -> "tuple[CropStore | None, CropStore | None]":
    """Return the stores of stills and of pairs, cut now where they are missing."""
    from data_pipeline.stores.inputs import read_clips, read_stills

    stills_root = options.stills or (root and root / "300w")
    stills = read_stills(stills_root, options.cache) if stills_root else None
    if stills is None and not options.init:
        raise ValueError("no annotated stills: give --stills DIR, or start from --init")
    if stills is None and options.method == "sbr":
        raise ValueError("--method sbr learns from annotated stills too: give --stills")
    if not options.algorithm.rounds:
        return stills, None
    clips = read_clips(
        root,
        options.unlabelled,
        options.cache,
        pairs_per_clip=options.algorithm.pairs_per_clip,
        seed=options.seed,
        frames=3 if options.method == "sbr" else 2,
    )
    return stills, clips


def data_root(options: Options) -> Path | None:
    """Return --data-root; without any data option the project's own, drawn data set."""
    if options.stills or options.unlabelled or options.init or options.data_root:
        return options.data_root
    from data_pipeline.synthetic.dataset import draw_dataset

    return draw_dataset(RUNS / "drawn")


if __name__ == "__main__":
    sys.exit(main())
