"""Train a detector and the STRRN tracker by Algorithm 1, and export both.

First the detector learns from annotated stills, and the tracker from the same stills in
synthetic motion. Then come the rounds of Algorithm 1. In each, both networks label the
unlabelled clips and learn from the labels that both trust. Without any data option the
command draws its own data set.

Examples:
  strrn train --backbone mdm
      Train everything on drawn faces. The result is runs/mdm/export.
  strrn train --init strrn-fast --unlabelled my_videos/
      Teach a shipped model your own videos. Add annotated --stills if you have some.
  strrn train --init strrn-mdm --second strrn-hgn --stills S --photographs P
      Both models label the photographs in P. The first learns, and is replaced only
      if it is better on stills that were held out.
  strrn train --init strrn-fast --stills my_frames/ --unlabelled my_videos/
      Stills called VIDEO#000123.jpg are corrected frames: they move all labels of
      their clip.
  strrn train --stills ~/300w --unlabelled ~/videos ~/more_videos
      Train on your data: stills in the 300-W layout, any folders of videos.
  strrn train --data-root ~/data
      Train on ~/data/300w, and on the training sequences of ~/data/300vw as clips.
  strrn train --data-root ~/data --annotated-fraction 0.1
      Use the annotations of a tenth of the frames of every sequence (Semi-STRRN).
  strrn prepare youtube-faces ~/YouTubeFaces; strrn prepare 300vw ~/300VW
  strrn train --stills ~/300w --unlabelled prepared/300vw prepared/youtube-faces
      Train on prepared shards. The original videos are not read again.
  strrn train --backbone mdm --resume
      Continue a run that was stopped. Give the options that it was started with.

Ctrl-C saves the weights and ends. --resume also works after a kill or a power cut.
"""

import os
import shlex
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from strrn_tf.commands.train_labels import chosen_labels, second_model_note
from strrn_tf.commands.train_options import (
    CORRECTED_DEFAULTS,
    FUSED_LABEL_ONLY_DEFAULTS,
    PROG,
    PSEUDO_LABEL_ONLY_DEFAULTS,
    Options,
    complete,
    run_settings,
)
from strrn_tf.commands.train_setup import prepare_run, read_filled
from strrn_tf.system.command_line import exit_code, parse_options, with_new_options
from strrn_tf.tracking.networks.model_folder import load

if TYPE_CHECKING:
    import keras

    from strrn_tf.methods.gate import FilledFrames
    from strrn_tf.methods.method import Method
    from strrn_tf.methods.training_run import TrainingRun
    from strrn_tf.training.run_folder import RunFolder

# TensorFlow's warnings while it runs are of no use to a user.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code, see `command_line`."""
    return exit_code(PROG, lambda: run(parse(argv)))


def parse(argv: Sequence[str] | None) -> Options:
    """Return the options; a ``ValueError`` of one line if they are wrong."""
    argv = with_new_options(sys.argv[1:] if argv is None else argv, PROG)
    read = partial(parse_options, Options, argv, prog=PROG, description=__doc__)
    options = read()
    if options.has_no_stills and chosen_labels(options) == "fused":
        options = read(default=FUSED_LABEL_ONLY_DEFAULTS)
    elif options.has_pseudo_labels_only:
        options = read(default=PSEUDO_LABEL_ONLY_DEFAULTS)
    elif options.has_corrected_frames_only:
        options = read(default=CORRECTED_DEFAULTS)
    return complete(options)


def run(options: Options) -> None:
    """Train in a run folder that no other process uses."""
    from strrn_tf.training.run_folder import RunFolder

    folder = RunFolder(options.folder)
    with folder.locked():
        found = folder.check(run_settings(options), resume=options.resume)
        if options.resume and not found:
            warn_new_run(options)
        try:
            train(options, folder)
        except KeyboardInterrupt:
            if folder.config.exists():
                print("\nthe same command with --resume continues", file=sys.stderr)
            raise


def warn_new_run(options: Options) -> None:
    """Warn that --resume found no run, so that a new one starts.

    Raises:
        ValueError: no other option was given, so --output is probably misspelt.
    """
    if options == complete(Options(resume=True, output=options.output)):
        raise ValueError(
            f"{options.folder} holds no run to resume. Runs there: "
            f"{sibling_runs(options)}"
        )
    print(f"{options.folder} holds no run yet: a new run starts", file=sys.stderr)


def sibling_runs(options: Options) -> str:
    """Return the names of the runs beside the run folder, in one line."""
    configs = sorted(options.folder.parent.glob("*/config.json"))
    return ", ".join(path.parent.name for path in configs) or "none"


def train(options: Options, folder: "RunFolder") -> None:
    """Read the data, train, export, and print what comes next."""
    if note := second_model_note(options):
        print(note)
    training, export = prepare_run(options, folder)
    run_method(options, training, export)
    print(closing_message(options, folder))


def run_method(
    options: Options, training: "TrainingRun", export: Callable[[Path], None]
) -> None:
    """Train by the method of the options, and export after every round."""
    method, folder = make_method(options, training), training.folder
    if not options.init:
        method.train_on_stills()
        export(folder.round(0) / "export")
    elif options.input_size:
        # A detector that has seen no picture of this size would label clips wrongly.
        training.train_detector(0)
    if options.fresh_tracker:
        training.train_tracker(0)
    rounds = options.algorithm.rounds
    for number in range(1, rounds + 1):
        method.run_round(number)
        is_judged = options.labels == "fused" or options.judge
        if number < rounds or is_judged:
            export(folder.round(number) / "export")
    method.decide()
    export(folder.export)
    method.report_gain()


def make_method(options: Options, training: "TrainingRun") -> "Method":
    """Return the method that --method names."""
    if options.method == "sbr":
        from strrn_tf.methods.sbr import SupervisionByRegistration

        return SupervisionByRegistration(training, options.sbr)
    from strrn_tf.methods.omni_supervision import OmniSupervision

    if not (options.labels == "fused" or options.judge):
        return OmniSupervision(training)
    from strrn_tf.methods.fused_supervision import FusedSupervision
    from strrn_tf.methods.gate import Gate

    # Held-out stills are better evidence than another model.
    is_needed = options.judge and training.data.stills is None
    gate = Gate(training, detector_of(options.judge) if is_needed else None)
    if options.labels == "paper":
        return OmniSupervision(training, gate)
    if is_needed:
        gate = replace(gate, filled_by_judge=partial(filled_by_judge, options))
    second = detector_of(options.second)
    return FusedSupervision(training, second, options.fused, gate)


def filled_by_judge(options: Options, names: Collection[str]) -> "FilledFrames | None":
    """Return the frames of clips with these names that the model of --judge fills in.

    A detector fails in moments in which a face is lost or spoiled. The model tracks
    these clips in both directions instead.
    """
    from strrn_tf.methods.gate import FilledFrames

    store = read_filled(options, (options.judge,), names)
    if store is None:
        return None
    return FilledFrames(store.frames[:, 0], store.landmarks[:, 0], store.names)


def detector_of(model: Path) -> "keras.Model":
    """Return the detector of a model that only labels or judges."""
    from strrn_tf.models.build import load_networks

    return load_networks(load(model).path)[0]


def closing_message(options: Options, folder: "RunFolder") -> str:
    """Return where the result is and which command comes next."""
    from strrn_tf.methods.verdict import keeps_all

    if (folder.export / "model.json").is_file():
        if keeps_all(folder.verdict):
            former = shlex.quote(str(options.init))
            return (
                f"nothing was replaced: go on with --model {former}. "
                f"{folder.export} has the former weights, in float32"
            )
        return f"the models are in {folder.export}; next: {next_command(options)}"
    command = "the same command with --resume"
    command += " and without --workers" if options.workers else ""
    return (
        f"the weights are in {folder.root / 'checkpoints'}; next, where Keras runs on "
        f"TensorFlow: {command} exports them"
    )


def next_command(options: Options) -> str:
    """Return the command that measures the result on data like those of the run."""
    from data_pipeline.stores.prepared import is_prepared

    model = shlex.quote(str(options.folder))
    given = options.unlabelled or options.photographs
    has_labels = options.stills or options.data_root
    if options.has_corrected_frames_only or (given and not has_labels):
        # Without labels that were not learnt nothing can be scored.
        return f"strrn track VIDEO --model {model}"
    command = f"strrn evaluate --model {model}"
    if any(f and is_prepared(f) for f in (options.stills, *options.unlabelled)):
        return f"{command} --data-root DIR, with the original data"
    command += " --dataset 300w" if options.stills else " --category all"
    if options.mapping:
        command += f" --mapping {shlex.quote(str(options.mapping))}"
    root = options.stills or options.data_root
    if options.stills and not has_test_split(options.stills, options.mapping):
        return f"{command} --data-root DIR, with stills that were not learnt"
    return f"{command} --data-root {shlex.quote(str(root))}" if root else command


def has_test_split(stills: Path, mapping: Path | None) -> bool:
    """Return whether --stills also has stills that were not learnt, as 300-W does."""
    from data_pipeline.annotations.mapping import FILE_NAME
    from data_pipeline.datasets.three_hundred_w import holds_images

    if mapping or stills.is_file() or (stills / FILE_NAME).is_file():
        return False
    return not (stills.is_dir() and holds_images(stills))


if __name__ == "__main__":
    sys.exit(main())
