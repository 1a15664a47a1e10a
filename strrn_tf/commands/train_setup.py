"""From the options of `strrn train` to the data and networks of a run."""

import sys
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from strrn_tf.commands.train_options import RUNS, Options, run_settings
from strrn_tf.system.file_names import clip_of
from strrn_tf.system.quiet import quiet_stderr
from strrn_tf.tracking.networks.model_folder import ModelFolder, load

if TYPE_CHECKING:
    import keras
    import numpy as np

    from data_pipeline.batches.fused_data import FusedData
    from data_pipeline.batches.training_data import TrainingData
    from data_pipeline.stores.store import CropStore
    from strrn_tf.methods.training_run import TrainingRun
    from strrn_tf.training.run_folder import RunFolder


class Data(NamedTuple):
    """The data of a run. Data that are not used are None.

    Attributes:
        stills: annotated stills S.
        clips: unlabelled pairs of frames D; triplets for SBR.
        annotated: annotated frames of the clips (Semi-STRRN).
        photographs: unlabelled photographs.
        filled: frames of the clips in which a face is filled in from both sides.
        source: (N,) number of the folder that each pair of the clips comes from.
    """

    stills: "CropStore | None"
    clips: "CropStore | None"
    annotated: "CropStore | None"
    source: "np.ndarray | None"
    photographs: "CropStore | None" = None
    filled: "CropStore | None" = None

    @property
    def fingerprints(self) -> dict[str, str | None]:
        """Name the content of every store, as ``config.json`` records it."""
        from data_pipeline.stores.store_writer import read_state

        stores = {"stills": self.stills, "clips": self.clips}
        for name in ("annotated", "photographs", "filled"):
            if store := getattr(self, name):
                stores[name] = store
        return {
            name: read_state(store.folder).fingerprint if store else None
            for name, store in stores.items()
        }


def prepare_run(
    options: Options, folder: "RunFolder"
) -> "tuple[TrainingRun, Callable[[Path], None]]":
    """Read the data and build the networks.

    Returns:
        The run, and a function that exports its networks to a folder.
    """
    # Imported here: --help and messages of mistakes must not wait for TensorFlow.
    with quiet_stderr():
        import keras

    from data_pipeline.batches.streams import use_workers
    from strrn_tf.export.run import export_run
    from strrn_tf.methods.training_run import TrainingRun
    from strrn_tf.training.devices import choose_devices
    from strrn_tf.training.fitting import use_threads

    use_threads(options.threads)
    use_workers(options.workers)
    batch_sizes = options.detector.batch_size, options.tracker.batch_size
    devices = choose_devices(options.devices, batch_sizes)
    data, config = read_data(options), options.run_config
    models = used_models(options)
    parent, second = models["init"], models.get("second")
    about = parent.description if parent else None
    hashes = {k: model and model.tracking_sha256 for k, model in models.items()}
    older = {
        k: model and model.description["description_sha256"]
        for k, model in models.items()
    }
    settings = {**run_settings(options), **hashes, "data": data.fingerprints}
    folder.start(settings, older)

    keras.utils.set_random_seed(config.seed)
    mean_shape, networks = initial_networks(options, data.stills, parent)
    batches = training_data(options, data)
    training = TrainingRun(config, *networks, batches, folder, devices)
    given = options.stills, options.data_root, options.unlabelled
    export = partial(
        export_run,
        training,
        mean_shape=mean_shape,
        is_drawn=not any((*given, options.photographs)),
        parent=about,
        saved_model=options.saved_model,
        second=second.description if second else None,
    )
    return training, export


def used_models(options: Options) -> dict[str, ModelFolder | None]:
    """Return the models that a run starts from, and that label or judge if there are.

    Networks tell them apart: a rewritten model card changes no run. Earlier versions
    recorded the hash of the description.
    """
    named = {"second": options.second, "judge": options.judge}
    named = {"init": options.init, **{k: path for k, path in named.items() if path}}
    return {k: load(path) if path else None for k, path in named.items()}


def training_data(options: Options, data: Data) -> "TrainingData":
    """Return the batches of a run."""
    from data_pipeline.batches.fused_data import FusedData
    from data_pipeline.batches.training_data import TrainingData

    stores = data.stills, data.clips, options.run_config
    also = {"annotated": data.annotated, "source": data.source}
    if options.labels != "fused" and not options.judge:
        return TrainingData(*stores, **also)
    also |= {"photographs": data.photographs, "filled": data.filled}
    fused = FusedData(*stores, options.fused, **also, known=known_stills(options, data))
    report_filled(fused)
    return fused


def initial_networks(
    options: Options, stills: "CropStore | None", parent: ModelFolder | None
) -> "tuple[np.ndarray, tuple[keras.Model, keras.Model]]":
    """Return the mean shape (68, 2) and the networks before the training.

    Args:
        options: of the command.
        stills: annotated stills, of which the mean shape of a new model is computed.
        parent: the model of --init.
    """
    from strrn_tf.geometry import mean_shape
    from strrn_tf.models.build import build_networks, load_networks

    config = options.run_config
    if parent is None:
        start = mean_shape(stills.landmarks[:, 0], stills.whole[:, 0])
        return start, build_networks(config, start)
    start, (detector, tracker) = parent.mean_shape, load_networks(parent.path)
    if options.fresh_tracker:
        tracker = build_networks(config, start)[1]
    return start, (adapt_detector(detector, options), tracker)


def adapt_detector(detector: "keras.Model", options: Options) -> "keras.Model":
    """Return the detector of --init with the structure that the options ask for.

    Raises:
        ValueError: the options would take a part away that the detector has.
    """
    from strrn_tf.models.build import rebuilt, with_global_context

    config = options.run_config
    detector = rebuilt(
        detector, mixed=config.mixed_precision, input_size=config.input_size
    )
    if config.global_context:
        return with_global_context(detector, config.preset)
    if options.global_context is False and getattr(detector, "global_context", None):
        raise ValueError(
            "the model of --init has a global context branch, which cannot be taken "
            "away: leave --global-context out"
        )
    return detector


def read_data(options: Options) -> Data:
    """Return the stores of crops. Those that are missing are cut now.

    Raises:
        ValueError: the options need data that they do not name.
    """
    from data_pipeline.stores.inputs import read_annotation, read_clips, read_stills
    from data_pipeline.stores.photographs import read_photographs

    root, cache = data_root(options), options.cache
    stills_root = options.stills or (root and root / "300w")
    stills = None
    if stills_root:
        stills = read_stills(stills_root, cache, options.mapping, options.missing_mark)
    if stills is None and not options.init:
        raise ValueError("no annotated stills: give --stills DIR, or start from --init")
    if stills is None and options.method == "sbr":
        raise ValueError("--method sbr learns from annotated stills too: give --stills")
    clips, photographs = None, None
    if options.photographs:
        photographs = read_photographs(options.photographs, cache)
    has_clips = options.unlabelled or (root and (root / "300vw").is_dir())
    if options.algorithm.rounds and (has_clips or not photographs):
        clips = read_clips(
            root,
            options.unlabelled,
            cache,
            pairs_per_clip=options.algorithm.pairs_per_clip,
            seed=options.seed,
            frames=3 if options.method == "sbr" else 2,
        )
    annotated, source = read_annotation(
        root, options.unlabelled, cache, clips, options.run_config
    )
    data = Data(stills, clips, annotated, source, photographs)
    if options.labels == "fused" or options.judge:
        check_evidence(options, data)
    if clips is None or options.labels != "fused":
        return data
    return data._replace(filled=read_filled(options, (options.init, options.second)))


def known_stills(options: Options, data: Data) -> "np.ndarray | None":
    """Return which stills (N,) the model of --init has learnt."""
    from strrn_tf.export.learnt_stills import are_learnt

    if not (options.init and data.stills):
        return None
    return are_learnt(data.stills.names, load(options.init).description)


def check_evidence(options: Options, data: Data) -> None:
    """Check that a training can be judged. One that has begun goes on in any case.

    Raises:
        ValueError: there are too few stills, clips or photographs; one line.
    """
    from data_pipeline.batches.evidence import lack_of_evidence, remarks
    from data_pipeline.batches.fused_data import FusedData
    from strrn_tf.training.run_folder import RunFolder

    stores = data.stills, data.clips, options.run_config, options.fused
    known = known_stills(options, data)
    fused = FusedData(*stores, photographs=data.photographs, known=known)
    for line in remarks(fused):
        print(line, file=sys.stderr)
    lack = lack_of_evidence(fused)
    # Of corrected frames alone some may lie in clips of which no face was found.
    begun = RunFolder(options.folder).config.exists()
    if lack and not (begun or options.has_corrected_frames_only):
        raise ValueError(lack)


def read_filled(
    options: Options, models: Sequence[Path], names: Collection[str] | None = None
) -> "CropStore | None":
    """Return frames in which all models fill a face in; None where there are none.

    Args:
        options: of the command.
        models: names or folders.
        names: of the clips to look at; None: all.
    """
    from data_pipeline.crops.filled import FilledOptions
    from data_pipeline.stores.filled_frames import build_filled_store
    from data_pipeline.stores.inputs import find_unlabelled

    seconds = options.fused.tracked_seconds
    if not seconds:
        return None
    videos = find_unlabelled(data_root(options), options.unlabelled).videos
    videos = [video for video in videos if names is None or video.name in names]
    # A store of its own for each set of models: both are needed in one run.
    place = options.cache / "-".join(["filled", *(model.name for model in models)])
    looked = FilledOptions(seconds, seed=options.seed)
    judges = len(models) == 1
    title = "Looking for lost faces" + (", for the judge" if judges else "")
    return build_filled_store(place, videos, models, looked, title)


def report_filled(data: "FusedData") -> None:
    """Print how many frames are learnt that no detector could label."""
    count = len(data.learnt_filled)
    if count:
        clips = {clip_of(data.filled.names[i]) for i in data.learnt_filled}
        print(
            f"frames in which a face is lost or spoiled for a moment, filled in from "
            f"both sides and learnt: {count}, clips: {len(clips)}"
        )


def data_root(options: Options) -> Path | None:
    """Return --data-root; without any data option the project's own, drawn data set."""
    if options.stills or options.unlabelled or options.init or options.data_root:
        return options.data_root
    from data_pipeline.synthetic.dataset import draw_dataset

    return draw_dataset(RUNS / "drawn")
