"""``strrn track --offline``: rows wait until the frames behind them are known."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from strrn_tf.commands.track.endings import Endings
from strrn_tf.commands.track.formats.frames import FacesOfFrame, Write
from strrn_tf.commands.track.offline_options import make_config
from strrn_tf.commands.track.restarts import RestartingTracker, Tracker
from strrn_tf.commands.track.video import F, Summary
from strrn_tf.tracking.face import Face
from strrn_tf.tracking.offline.tracker import OfflineTracker

if TYPE_CHECKING:
    from strrn_tf.commands.track.command import Options


def track_ahead(
    frames: Iterable[F],
    tracker: Tracker,
    write: Write | None,
    summary: Summary,
    endings: Endings,
    options: "Options",
    pictures: Iterator[F] | None = None,
) -> Iterator[tuple[F, list[Face] | None]]:
    """Yield every frame with its faces, after writing their rows.

    As ``track_frames``, but seconds later.

    Args:
        frames: of one file, in order.
        tracker: fresh, or reset. It must not smooth.
        write: receives the faces of every frame; None: not written.
        summary: is brought up to date with every frame.
        endings: gets what ends the writing of rows, and with it the frames.
        options: number of faces, smoothing, and the longest gap.
        pictures: the same frames once more, for the overlay. None: yielded frames have
            no image. Frames that wait are not kept.
    """
    live = RestartingTracker(tracker)
    ahead = OfflineTracker(
        live,
        max_faces=options.max_faces,
        smooth=options.smooth,
        config=make_config(options),
        tracking=getattr(tracker, "config", None),
    )
    waiting: deque[tuple[F, tuple[int, int] | None]] = deque()
    decided: Sequence[list[Face]]
    for frame in frames:
        decided, size = (), None
        with endings.noting() as noted:
            if frame.image is not None:
                size = frame.image.shape[1], frame.image.shape[0]
                decided = ahead.push(frame.image, frame.timestamp)
                summary.restarts = live.restarts
        if noted:
            break
        waiting.append((frame._replace(image=None), size))
        for done in _decided(waiting, decided):
            if not _write(done, write, summary, endings):
                return
            yield _with_picture(done[0], pictures, endings), done[2]
    decided = ()
    with endings.noting():
        decided = ahead.flush()
    for done in _decided(waiting, decided):
        if not _write(done, write, summary, endings):
            return
        yield _with_picture(done[0], pictures, endings), done[2]


def _decided(
    waiting: deque[tuple[F, tuple[int, int] | None]], faces: Sequence[list[Face]]
) -> Iterator[tuple[F, tuple[int, int] | None, list[Face] | None]]:
    """Take the frames whose faces are decided, and broken ones before and behind."""
    for row in faces:
        while waiting[0][1] is None:
            yield *waiting.popleft(), None
        yield *waiting.popleft(), row
    while waiting and waiting[0][1] is None:
        yield *waiting.popleft(), None


def _write(
    done: tuple[F, tuple[int, int] | None, list[Face] | None],
    write: Write | None,
    summary: Summary,
    endings: Endings,
) -> bool:
    """Write the rows of a frame; return whether that went well."""
    frame, size, faces = done
    with endings.noting(OSError) as noted:
        if write is not None:
            index, seconds = frame.index, frame.timestamp
            write(FacesOfFrame(index, seconds, faces, size, frame.name))
    if not noted:
        summary.add(faces)
    return not noted


def _with_picture(frame: F, pictures: Iterator[F] | None, endings: Endings) -> F:
    """Return a frame with its image, read once more."""
    if pictures is None:
        return frame
    with endings.noting(ValueError, OSError):
        return next(pictures, frame)
    return frame
