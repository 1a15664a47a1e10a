"""Opens the file or the folder of a format."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from pathlib import Path
from typing import TextIO

from strrn_tf.commands.track.formats.frames import Layout, Write
from strrn_tf.commands.track.formats.names import Format
from strrn_tf.commands.track.formats.pts_list import pts_folder
from strrn_tf.commands.track.row_file import RowFile
from strrn_tf.system.atomic import replacing

Writer = Callable[[TextIO, Layout], AbstractContextManager[Write]]

# Modules of this folder, each with a function of its name. Only what is written is
# imported: XML alone takes 60 modules.
_WRITERS = {
    "csv": "csv_rows",
    "jsonl": "json_lines",
    "openface": "openface",
    "coco": "coco",
    "cvat": "cvat",
    "deeplabcut": "deeplabcut",
}


@contextmanager
def open_format(path: Path, wanted: Format, layout: Layout) -> Iterator[Write]:
    """Yield a writer of frames with their faces.

    What is written is complete at its place when this is left, or as it was before if
    it is left by an error. A write that fails may be followed by the end: rows are then
    complete up to it. Memory does not grow with the number of frames.

    Args:
        path: file, or folder of `.pts` files.
        wanted: the format.
        layout: what is written of every frame.
    """
    if wanted == "pts":
        with pts_folder(path, layout) as write:
            yield write
        return
    with (
        replacing(path, shared=True) as new,
        RowFile(new, path) as file,
        _writer(wanted)(file, layout) as write,
    ):
        yield write


def _writer(wanted: Format) -> Writer:
    name = _WRITERS[wanted]
    module = import_module(f"{__package__}.{name}")
    return getattr(module, name)
