"""``strrn track``: videos and cameras in, landmarks and overlay videos out."""

import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

import strrn_tf
from strrn_tf.commands.track.outputs import Format, Outputs, open_writer, plan
from strrn_tf.system.command_line import one_line, parse_options

if TYPE_CHECKING:
    from threading import Event

    from data_pipeline.media.frame_reader import FrameReader, VideoFrame
    from strrn_tf.commands.track.video import Summary
    from strrn_tf.tracking.tracker import FaceTracker

PROG = "strrn track"
HELP = """Follow the faces of videos with 68 landmarks each.

Landmarks are written as one row per frame and face: frame number (from 0), seconds,
id and state of the face, its reliability in [0, 1] and 68 points in pixels, integers
being pixel centres. A frame without a face has a row with the state "none", one that
cannot be decoded a row with the state "broken". In the overlay the colour of a face
is its reliability: green 1, amber 0.5, red 0.

Examples:
  strrn track talk.mp4
      writes talk-landmarks.csv and talk-overlay.mp4 into the working directory
  strrn track talk.mp4 --landmarks out.jsonl
      landmarks only, as JSON lines; out.csv for CSV
  strrn track talk.mp4 --landmarks points/
      a name without suffix is a folder: points/000012-0.pts is face 0 of frame 12,
      points/frames.csv lists all frames with the state and reliability of the faces
  strrn track a.mp4 b.mp4 frames/ --output out --landmarks out --format csv
      several sources: out/a-landmarks.csv, out/a-overlay.mp4, out/b-landmarks.csv ...
  strrn track 0 --landmarks me.jsonl
      the first camera, until Ctrl-C; seconds are those of the wall clock

Ctrl-C stops early and leaves files that are complete up to there. Of several sources,
one that fails is named and the others are done; the exit code is 2 then.
"""


@dataclass(frozen=True)
class Options:
    """Which videos, which model, and what is written."""

    sources: tyro.conf.Positional[
        Annotated[tuple[str, ...], tyro.conf.arg(metavar="SOURCE [SOURCE ...]")]
    ]
    """Video files, folders of numbered images, numbers of cameras."""
    model: str = "strrn-hgn"
    """Name of a shipped model, exported folder, or run folder."""
    output: Path | None = None
    """Video to write with the landmarks drawn in (.mp4), or folder for such videos."""
    landmarks: Path | None = None
    """File to write the landmarks to (.csv or .jsonl), or folder."""
    format: Format | None = None
    """Of the landmarks in a folder; without it, .pts files."""
    max_faces: int = 1
    """Number of faces to follow, the largest first."""
    smooth: bool = True
    """Take the jitter out (One-Euro filter)."""
    check_faces: bool = True
    """Lose what does not look like a face; switch off for masks and drawings."""
    fps: float | None = None
    """Frames per second of a folder of images (25 if not given) and of a camera's
    overlay."""
    threads: int = 1
    """Threads of every network."""


def parse(argv: Sequence[str]) -> Options:
    """Return the options; a ``ValueError`` of one line if they are wrong."""
    return parse_options(Options, argv, prog=PROG, description=HELP)


def run(
    options: Options, load: "Callable[[Options], FaceTracker] | None" = None
) -> None:
    """Track all sources, one after the other.

    Args:
        options: what is asked for.
        load: gives the tracker; by default that of the model in the options.

    Raises:
        ValueError: a source cannot be tracked; of several, the others are done first.
        KeyboardInterrupt: after what was done so far has been written.
    """
    from data_pipeline.media.video import open_video
    from data_pipeline.media.video_file import VideoFile

    if not options.sources:
        raise ValueError(
            f"name a video, a folder of images or a camera ({PROG} --help)"
        )
    check_numbers(options)
    planned = plan(options.sources, options.output, options.landmarks, options.format)
    failures = _Failures(len(options.sources))
    # All are opened before the first is tracked: mistakes are known at once.
    opened: list[tuple[str, FrameReader, Outputs]] = []
    for source, outputs in zip(options.sources, planned, strict=True):
        with failures.noted():
            reader = open_video(source, options.fps)
            opened.append((source, reader, outputs))
            if options.fps and isinstance(reader, VideoFile):
                note = "a video file has its own times, --fps is not for it"
                print(f"note: {source}: {note}", file=sys.stderr)
    if opened:
        tracker = (load or _open_tracker)(options)
    for number, (source, reader, outputs) in enumerate(opened, 1):
        name = Path(source).name
        title = f"{name} ({number} of {len(opened)})" if len(opened) > 1 else name
        with failures.noted():
            tracker.reset()
            track_source(source, title, reader, tracker, outputs)
    failures.raise_if_any()


def check_numbers(options: Options) -> None:
    """Raise a ``ValueError`` that calls a wrong number by the option's name."""
    # LiteRT starts any number of threads, and crashes with too many.
    most = 4 * (os.cpu_count() or 1)
    if not 1 <= options.threads <= most:
        raise ValueError(
            f"--threads must be 1 to {most} (four times the cores). "
            f"Received: {options.threads}"
        )
    if options.max_faces < 1:
        raise ValueError(
            f"--max-faces must be at least 1. Received: {options.max_faces}"
        )
    if options.fps is not None and not 0 < options.fps < math.inf:
        raise ValueError(f"--fps must be a positive number. Received: {options.fps}")


def track_source(
    source: str,
    title: str,
    reader: "FrameReader",
    tracker: "FaceTracker",
    outputs: Outputs,
) -> None:
    """Track one source and report its outputs and warnings.

    Raises:
        ValueError: it cannot be tracked, or there is no face.
        KeyboardInterrupt: Ctrl-C ended it early.
    """
    stopped, summary = write_outputs(title, reader, tracker, outputs)
    for path in outputs.paths:
        print(f"{path}: {summary.frames} frames, {len(summary.ids)} face(s)")
    if reader.truncated:
        print(f"note: {source} ends before its announced end", file=sys.stderr)
    if summary.broken:
        print(
            f"note: {source}: {summary.broken} of {summary.frames} frames cannot be "
            'decoded; their rows have the state "broken"',
            file=sys.stderr,
        )
    if stopped:
        raise KeyboardInterrupt
    if not summary.frames_with_face:
        raise ValueError(
            f"{source}: no face was found in {summary.frames} frames. Faces must be "
            "upright and fill at least a tenth of the picture's shorter side"
        )


def write_outputs(
    title: str, reader: "FrameReader", tracker: "FaceTracker", outputs: Outputs
) -> "tuple[bool, Summary]":
    """Follow the faces and write what is asked for; a file is complete or not there.

    Returns:
        Whether Ctrl-C ended it early, and what was seen.
    """
    from data_pipeline.media.video import write_video
    from strrn_tf.commands.track.progress import shown
    from strrn_tf.commands.track.video import Summary, overlays, track_frames
    from strrn_tf.system.interruption import stop_signal

    summary = Summary()
    with stop_signal() as stop, open_writer(outputs) as write:
        frames = shown(reader.frames(broken=True), title, reader.num_frames_hint)
        tracked = track_frames(_until(stop, frames), tracker, write, summary)
        if outputs.overlay:
            write_video(outputs.overlay, overlays(tracked), reader.fps)
        else:
            for _ in tracked:
                pass
    return stop.is_set(), summary


def _until(stop: "Event", frames: "Iterator[VideoFrame]") -> "Iterator[VideoFrame]":
    """Yield frames until the event is set."""
    for frame in frames:
        yield frame
        if stop.is_set():
            return


def _open_tracker(options: Options) -> "FaceTracker":
    return strrn_tf.FaceTracker.from_pretrained(
        options.model,
        max_faces=options.max_faces,
        num_threads=options.threads,
        smooth=options.smooth,
        check_faces=options.check_faces,
    )


class _Failures:
    """Lets the other sources go on when one fails."""

    def __init__(self, num_sources: int) -> None:
        self._num_sources = num_sources
        self._num_failed = 0

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Report a failure in one line; raise that of an only source."""
        try:
            yield
        except (ValueError, OSError) as error:
            if self._num_sources == 1:
                raise
            self._num_failed += 1
            print(f"strrn: {one_line(error)}", file=sys.stderr)

    def raise_if_any(self) -> None:
        """Raise a ``ValueError`` if a source has failed."""
        if self._num_failed:
            raise ValueError(
                f"{self._num_failed} of {self._num_sources} sources failed, see above"
            )
