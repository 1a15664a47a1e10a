"""The store (T = 1) of frames in which a face is filled in from both sides."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from data_pipeline.crops.filled import FilledOptions, Model, cut_filled
from data_pipeline.crops.fingerprints import fingerprint
from data_pipeline.stores.clip_sources import Video
from data_pipeline.stores.prepared import PreparedPart
from data_pipeline.stores.store import CropStore, Cut, build_store
from data_pipeline.stores.store_writer import NothingStored
from strrn_tf.tracking.networks.model_folder import load
from strrn_tf.tracking.offline.tracker import OfflineTracker
from strrn_tf.tracking.tracker import FaceTracker

# To be raised with every change that gives other labels for the same clips and models.
VERSION = 2


def build_filled_store(
    folder: Path,
    videos: Sequence[Video],
    models: Sequence[Path],
    options: FilledOptions,
    title: str = "Looking for lost faces",
) -> CropStore | None:
    """Return the store of filled frames of clips; it is built if it is missing.

    A kill loses at most the work on one clip, and the next call continues. Prepared
    clips are passed over: they hold single pairs of frames.

    Args:
        folder: of the store, see `store.build_still_store`.
        videos: clips.
        models: names or folders. All have to agree on a frame.
        options: what is looked at, and what is kept.
        title: of the progress bar.

    Returns:
        None where no clip has such a frame.
    """
    clips = [video for video in videos if not isinstance(video, PreparedPart)]
    if not clips:
        return None
    # A complete store needs none of them.
    opened = cache(lambda: [open_model(model) for model in models])

    def cut(clip: Video) -> Cut:
        return cut_filled(clip, opened(), options), {}

    known = [load(model).tracking_sha256 for model in models]
    settings = {**options._asdict(), "models": known, "version": VERSION}
    mark = fingerprint(clips, kind="filled", **settings)
    try:
        return build_store(folder, clips, cut, mark, 1, title)
    except NothingStored:
        return None


def open_model(name: str | Path) -> Model:
    """Return a model by its name or folder, which follows one face."""
    tracker = OfflineTracker.from_pretrained(name, smooth=False, max_faces=1)
    return Model(tracker, FaceTracker.from_pretrained(name).align)
