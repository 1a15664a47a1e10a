"""A folder of `.pts` files, and its list of all frames in CSV."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from strrn_tf.commands.track.formats.frames import FacesOfFrame, Layout, Write
from strrn_tf.commands.track.formats.rows import FIELDS, last_fields, rows_of
from strrn_tf.commands.track.row_file import RowFile


@contextmanager
def pts_folder(path: Path, layout: Layout) -> Iterator[Write]:
    """Yield a writer of one file per face; the folder is complete when it is left.

    The list has the columns of ``csv_rows`` without the landmarks. That of pictures
    names the landmark file at the end. If a picture has one face at most, the file has
    the picture's name.
    """
    from data_pipeline.media.pts_folder import new_pts_folder

    tail = (*last_fields(layout), *(["pts"] if layout.named else []))
    with (
        new_pts_folder(path) as folder,
        RowFile(folder.index_path, path) as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*FIELDS, *tail])

        def write(frame: FacesOfFrame) -> None:
            picture = frame.name if layout.max_faces == 1 else None
            files = [
                folder.write(frame.index, face.id, face.landmarks, picture)
                for face in frame.faces or ()
            ]
            rows = rows_of(frame, layout)
            for row, pts in zip(rows, files or [None], strict=True):
                row["pts"] = pts
                writer.writerow([row[field] for field in (*FIELDS, *tail)])

        yield write
