"""Unlabelled photographs as samples (T = 1): the largest face of each picture.

Two numbered pictures in one folder are a clip elsewhere. Here they are photographs.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_pipeline.crops.face_boxes import BoxFinder, choose_face, find_face_boxes
from data_pipeline.crops.fingerprints import fingerprint
from data_pipeline.crops.samples import Samples
from data_pipeline.crops.window import cut_samples
from data_pipeline.media.images import natural_key, read_image
from data_pipeline.media.suffixes import is_image
from data_pipeline.stores.inputs import report_left_out
from data_pipeline.stores.store import CropStore, build_store
from strrn_tf.landmarks import NUM_LANDMARKS
from strrn_tf.system.file_names import plain


class Photograph(NamedTuple):
    """One picture: its name, which begins with its folder, and its path."""

    name: str
    image_path: Path


def list_photographs(folders: Sequence[str | Path]) -> list[Photograph]:
    """Return all pictures at or below some folders, in the order of their names.

    Raises:
        ValueError: a folder does not exist, or there is no picture in it.
    """
    found = {}
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise ValueError(f"{folder}: there is no such folder of photographs")
        root = folder.resolve()
        paths = [p for p in root.rglob("*") if is_image(p) and p.is_file()]
        if not paths:
            raise ValueError(f"{folder}: there are no photographs in this folder")
        for path in paths:
            found[path] = plain(path.relative_to(root.parent).as_posix())
    names = sorted(found.items(), key=lambda item: natural_key(item[1]))
    return [Photograph(name, path) for path, name in names]


def read_photographs(folders: Sequence[Path], cache: Path) -> CropStore:
    """Return the store of the photographs in some folders.

    Pictures that are left out are counted on stderr.
    """
    found = list_photographs(folders)
    store = build_photograph_store(cache / "photographs", found)
    problems = [(p["name"], p["reason"]) for p in store.report["problems"]]
    report_left_out("photographs", problems, len(store))
    return store


def build_photograph_store(
    folder: str | Path,
    photographs: Sequence[Photograph],
    box_finder: BoxFinder = find_face_boxes,
) -> CropStore:
    """Return the store (T = 1, no landmarks) of photographs; it is built if missing.

    Args:
        folder: of the store, see `store.build_still_store`.
        photographs: pictures. Those without a face are left out.
        box_finder: function from an image to boxes and rolls (N, 5) of faces.

    Raises:
        ValueError: no picture shows a face.
    """

    def cut(photograph: Photograph) -> tuple[Samples, dict]:
        return cut_photograph(photograph, box_finder), {}

    mark = fingerprint(photographs, kind="photographs", box_finder=box_finder)
    return build_store(folder, photographs, cut, mark, 1, "Cutting photographs")


def cut_photograph(photograph: Photograph, box_finder: BoxFinder) -> Samples:
    """Return the sample (n = 1) of the largest face, in a window that turns with it.

    Raises:
        ValueError: the picture cannot be read or shows no face.
    """
    image = read_image(photograph.image_path)
    face = choose_face(box_finder(image), (image.shape[1], image.shape[0]))
    if face is None:
        raise ValueError(f"{photograph.image_path}: no face was found in this picture")
    unknown = np.full((1, NUM_LANDMARKS, 2), np.nan, np.float32)
    roll = float(face[4:].sum())
    return cut_samples(photograph.name, [image], unknown, face[:4], roll=roll)
