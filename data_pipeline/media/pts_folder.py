"""A folder of `.pts` files, one per frame and face, with a list of all frames."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from data_pipeline.media.pts import pts_text
from strrn_tf.system.atomic import recover_folder, replacing_folder

# One row per frame and face. Rows without landmarks have no `.pts` file.
INDEX = "frames.csv"


def pts_name(index: int, face_id: int) -> str:
    """Return the file name of a face, from the 0-based frame number and the face id."""
    return f"{index:06d}-{face_id}.pts"


def check_pts_folder(path: Path) -> None:
    """Raise a ``ValueError`` unless a folder can be made or replaced at ``path``."""
    if not path.exists():
        return
    if not path.is_dir():
        raise ValueError(f"{path} is a file; name a folder for the .pts files")
    names = [p.name for p in path.iterdir()]
    others = [n for n in names if n != INDEX and not n.endswith(".pts")]
    if others or (names and INDEX not in names):
        raise ValueError(
            f"{path} holds other files ({sorted(others or names)[0]}). Name a new "
            "folder for the .pts files"
        )


class PtsFolder:
    """Writes landmarks into a folder that is not complete yet.

    Args:
        folder: to write into.
        shown: its name in messages, which it has in the end.

    Attributes:
        index_path: file for the list of all frames.
    """

    def __init__(self, folder: Path, shown: Path) -> None:
        self._folder, self._shown = folder, shown
        self._written: set[str] = set()
        self.index_path = folder / INDEX

    def write(
        self,
        index: int,
        face_id: int,
        landmarks: np.ndarray,
        picture: str | None = None,
    ) -> str | None:
        """Write the landmarks of one face, unless they are NaN: a lost face.

        Args:
            index: 0-based number of the frame.
            face_id: number of the face.
            landmarks: (68, 2), xy pixels, 0-based.
            picture: file name of the frame's picture, for a file of the same name. None
                for a name made of the two numbers.

        Returns:
            The name of the file, or None without one.

        Raises:
            OSError: it cannot be written; nothing of it is there.
        """
        if not np.isfinite(landmarks).all():
            return None
        name = pts_name(index, face_id)
        if picture is not None:
            name = f"{Path(picture).stem}.pts"
            # Another picture may have this name with another suffix. Some file systems
            # do not tell case.
            if name.casefold() in self._written:
                name = f"{picture}.pts"
        self._written.add(name.casefold())
        path = self._folder / name
        try:
            path.write_bytes(pts_text(path, landmarks).encode())
        except OSError as error:  # half a file, as on a full disk
            path.unlink(missing_ok=True)
            raise OSError(
                error.errno, error.strerror, str(self._shown / name)
            ) from error
        return name


@contextmanager
def new_pts_folder(path: Path) -> Iterator[PtsFolder]:
    """Yield a writer; the folder is complete at ``path``, or as it was before.

    Raises:
        ValueError: the folder holds other files.
    """
    recover_folder(path)
    check_pts_folder(path)
    with replacing_folder(path, shared=True) as temporary:
        yield PtsFolder(temporary, path)
