"""Annotated stills of any layout: 300-W's, a mapping's, a table's, COCO's."""

from collections.abc import Iterable
from pathlib import Path

from data_pipeline.annotations.coco import read_faces
from data_pipeline.annotations.mapping import FILE_NAME, IBUG_68, Markup, read_mapping
from data_pipeline.annotations.reading import Labels
from data_pipeline.annotations.table import read_rows
from data_pipeline.datasets.three_hundred_w import (
    Still,
    Stills,
    check_stills,
    list_stills,
)
from data_pipeline.media.images import natural_key
from data_pipeline.media.suffixes import is_image
from strrn_tf.system.file_names import numbered, plain


def list_labelled(
    root: str | Path,
    split: str = "train",
    *,
    mapping: str | Path | None = None,
    mark: str | None = None,
) -> Stills:
    """Return the annotated stills at a path. Some of their points may be missing.

    Args:
        root: folder of images with annotations, or a COCO file (`.json`). Without a
            mapping a folder is in the 300-W layout.
        split: "train" or "test" of the 300-W layout. Other layouts have one set, which
            is used for either.
        mapping: mapping file; None for ``mapping.json`` in the folder, if it is there.
        mark: of missing points, beside those that are always known.

    Raises:
        ValueError: the path or the mapping does not exist, or no still is usable.
    """
    root = Path(root)
    beside = (root if root.is_dir() else root.parent) / FILE_NAME
    if mapping is None and beside.is_file():
        mapping = beside
    is_file = root.suffix.lower() == ".json" and root.is_file()
    if mapping is None and not is_file:
        return list_stills(root, split, mark=mark, partial=True)
    mapping = None if mapping is None else Path(mapping).absolute()
    markup = read_mapping(mapping) if mapping else IBUG_68
    labels = Labels(mapping=mapping, mark=mark)
    if is_file:
        stills = _coco_stills(root.parent, root, markup, labels)
    elif not root.is_dir():
        raise ValueError(f"{root}: there is no such folder of stills")
    elif markup.coco:
        stills = _coco_stills(root, root / markup.coco, markup, labels)
    elif markup.table:
        stills = _table_stills(root, root / markup.table, markup, labels)
    else:
        stills = _pts_stills(root, labels)
    return check_stills(stills, f"{root}: no usable still", partial=True)


def _pts_stills(root: Path, labels: Labels) -> Iterable[Still]:
    """Return the images at any depth, with a `.pts` file beside each."""
    for path in _sorted(p for p in root.rglob("*") if is_image(p)):
        name = plain(path.relative_to(root).as_posix())
        yield Still(name, path, path.with_suffix(".pts"), labels)


def _table_stills(
    root: Path, table: Path, markup: Markup, labels: Labels
) -> Iterable[Still]:
    rows = read_rows(table, markup)
    images = {entry: f"{row.image}{markup.suffix}" for entry, row in rows.items()}
    return _entries(images, root / markup.images, table, labels)


def _coco_stills(
    root: Path, file: Path, markup: Markup, labels: Labels
) -> Iterable[Still]:
    faces = read_faces(file, markup.keypoints)
    images = {entry: face.image for entry, face in faces.items()}
    return _entries(images, root / markup.images, file, labels)


def _entries(
    images: dict[str, str], folder: Path, file: Path, labels: Labels
) -> Iterable[Still]:
    """Return the stills of one file from the names of its entries' images.

    Several entries may have one image.
    """
    names = numbered([plain(image) for image in images.values()])
    stills = [
        Still(name, folder / image, file, labels._replace(entry=entry))
        for name, (entry, image) in zip(names, images.items(), strict=True)
    ]
    return sorted(stills, key=lambda still: natural_key(still.name))


def _sorted(paths: Iterable[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: natural_key(path.as_posix()))
