"""The store (T = 1) of frames in which a face is filled in from both sides."""

from collections.abc import Sequence
from pathlib import Path

from data_pipeline.crops.filled import FilledOptions, cut_filled
from data_pipeline.crops.fingerprints import fingerprint
from data_pipeline.stores.clip_sources import Video
from data_pipeline.stores.prepared import PreparedPart
from data_pipeline.stores.store import CropStore, Cut, build_store
from data_pipeline.stores.store_writer import NothingStored
from strrn_tf.tracking.networks.model_folder import load
from strrn_tf.tracking.offline.tracker import OfflineTracker

# To be raised with every change that gives other labels for the same clips and models.
VERSION = 1


def build_filled_store(
    folder: Path,
    videos: Sequence[Video],
    models: Sequence[Path],
    options: FilledOptions,
) -> CropStore | None:
    """Return the store of filled frames of clips; it is built if it is missing.

    A kill loses at most the work on one clip, and the next call continues. Prepared
    clips are passed over: they hold single pairs of frames.

    Args:
        folder: of the store, see `store.build_still_store`.
        videos: clips.
        models: names or folders. All have to agree on a frame.
        options: what is looked at, and what is kept.

    Returns:
        None where no clip has such a frame.
    """
    clips = [video for video in videos if not isinstance(video, PreparedPart)]
    if not clips:
        return None
    trackers = [
        OfflineTracker.from_pretrained(model, smooth=False, max_faces=1)
        for model in models
    ]

    def cut(clip: Video) -> Cut:
        return cut_filled(clip, trackers, options), {}

    known = [load(model).description["description_sha256"] for model in models]
    settings = {**options._asdict(), "models": known, "version": VERSION}
    mark = fingerprint(clips, kind="filled", **settings)
    try:
        return build_store(folder, clips, cut, mark, 1, "Looking for lost faces")
    except NothingStored:
        return None
