"""``strrn track``: videos and cameras in, landmarks and overlay videos out."""

import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import tyro

import strrn_tf
from strrn_tf.commands.track.formats.names import (
    WITH_CONFIDENCES,
    WITHOUT_MEASURES,
    Format,
    check_focal_length,
)
from strrn_tf.commands.track.offline_options import check_offline, make_config
from strrn_tf.commands.track.outputs import Outputs, plan
from strrn_tf.commands.track.source import track_source
from strrn_tf.system.command_line import WORDS, one_line, parse_options
from strrn_tf.system.machine import release_file_pages

if TYPE_CHECKING:
    from data_pipeline.media.frame_reader import FrameReader
    from strrn_tf.tracking.tracker import FaceTracker

PROG = "strrn track"
HELP = """Follow the faces of videos with 68 landmarks each.

Landmarks are written as one row per frame and face: frame number (from 0, or of the
picture's name), seconds, id and state of the face, its reliability in [0, 1] and 68
points in pixels, integers being pixel centres. A frame without a face has a row with
the state "none", one that cannot be decoded a row with the state "broken". In the
overlay the colour of a face is its reliability: green 1, amber 0.5, red 0.

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
  strrn track frames/ --landmarks points/
      numbered pictures: rows name them, points/img_0100.pts is that of img_0100.jpg
  strrn track talk.mp4 --landmarks faces.json --format coco
      a format that other tools read: openface, coco, cvat, deeplabcut
  strrn track 0 --landmarks me.jsonl
      the first camera, until Ctrl-C; seconds are those of the wall clock
  strrn track rtsp://camera/live --allow-network
      a network camera, likewise
  strrn track talk.mp4 --offline
      looks at the frames to come too: short losses are filled, state "filled"
  program | strrn track -
      standard input: writes stdin-landmarks.csv and stdin-overlay.mp4

Whatever stops it early, Ctrl-C, a signal or a full disk, the files are complete up to
there. Of several sources, one that fails is named and the others are done; the exit
code is 2 then.
"""


@dataclass(frozen=True)
class Options:
    """Which videos, which model, and what is written."""

    sources: tyro.conf.Positional[
        Annotated[tuple, tyro.conf.arg(metavar="SOURCE [SOURCE ...]"), WORDS]
    ]
    """Videos, images, folders of them, numbers of cameras, - (a pipe), addresses."""
    model: str = "strrn-fast"
    """Name of a shipped model, exported folder, or run folder."""
    output: Optional[Path] = None
    """Video to write with the landmarks drawn in (.mp4), or folder for such videos."""
    landmarks: Optional[Path] = None
    """File to write the landmarks to (.csv or .jsonl), or folder."""
    format: Optional[Format] = None
    """Of the landmarks; without it, by the suffix of the file, .pts files in a
    folder."""
    pose: bool = False
    """Add yaw, pitch and roll of the head and the openings of eyes and mouth, to the
    rows and to the overlay."""
    confidence: bool = False
    """Add the confidence of every landmark to the rows."""
    focal_length: Optional[float] = None
    """Of the camera, in pixels, for the pose. Without it the longer side of the
    picture, or as much more as puts the head half a metre away."""
    max_faces: int = 1
    """Number of faces to follow, the largest first."""
    any_roll: Optional[bool] = None
    """Also find and follow faces that are tilted by more than 40 degrees or upside
    down. A search without an upright face takes two to four times as long. Default:
    True, but for strrn-hgn, strrn-mdm and models of version 0.1."""
    offline: bool = False
    """Look at the frames to come as well: short losses are filled from both sides
    (state "filled"), and smoothing looks both ways. For files only."""
    longest_gap: Optional[float] = None
    """Seconds of the longest loss that --offline fills, 0 to 10 (1 if not given)."""
    smooth: bool = True
    """Take the jitter out (One-Euro filter)."""
    check_faces: bool = True
    """Lose what does not look like a face; switch off for masks and drawings."""
    fps: Optional[float] = None
    """Frames per second of a folder of images (25 if not given) and of a camera's
    overlay."""
    threads: int = 1
    """Threads of every network."""
    allow_network: bool = False
    """Open sources that are network addresses, such as rtsp://camera/live."""


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
    from data_pipeline.media.sources import shown_name
    from data_pipeline.media.suffixes import report_passed_over
    from data_pipeline.media.video import open_video

    if not options.sources:
        raise ValueError(
            f"name a video, a folder of images or a camera ({PROG} --help)"
        )
    check_numbers(options)
    check_offline(options)
    planned = plan(options.sources, options.output, options.landmarks, options.format)
    check_measures(options, planned)
    failures = _Failures(len(options.sources))
    # All are opened before the first is tracked: mistakes are known at once.
    opened: list[tuple[str, FrameReader, Outputs]] = []
    for source, outputs in zip(options.sources, planned, strict=True):
        with failures.noted():
            reader = open_video(
                source, options.fps, allow_network=options.allow_network
            )
            shown = shown_name(source)
            opened.append((shown, reader, outputs))
            report_passed_over(reader.passed_over, shown)
            if options.fps and reader.has_times:
                note = "a video file has its own times, --fps is not for it"
                print(f"note: {shown}: {note}", file=sys.stderr)
    if opened:
        tracker = (load or _open_tracker)(options)
        release_file_pages()
    for number, (source, reader, outputs) in enumerate(opened, 1):
        name = Path(source).name
        title = f"{name} ({number} of {len(opened)})" if len(opened) > 1 else name
        with failures.noted():
            tracker.reset()
            track_source(source, title, reader, tracker, outputs, options)
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
    check_focal_length(options.focal_length)


def check_measures(options: Options, planned: Sequence[Outputs]) -> None:
    """Raise a ``ValueError`` if pose and openings are wanted and have no place.

    A focal length that nothing uses is a note.
    """
    uses_camera = options.pose or any(o.format == "openface" for o in planned)
    if options.focal_length is not None and not uses_camera:
        note = "--focal-length is for the pose: add --pose or --format openface"
        print(f"note: {note}", file=sys.stderr)
    has_columns = any(o.format not in WITHOUT_MEASURES for o in planned)
    if options.confidence and any(o.format not in WITH_CONFIDENCES for o in planned):
        formats = ", ".join(WITH_CONFIDENCES)
        raise ValueError(f"--confidence needs a format with columns for it: {formats}")
    if options.pose and not (has_columns or any(o.overlay for o in planned)):
        raise ValueError(
            f"--pose: {options.format} has no columns for what it adds. Leave it out, "
            "or name a video for the overlay: --output overlay.mp4"
        )


def _open_tracker(options: Options) -> "FaceTracker":
    from strrn_tf.tracking.config import TrackingConfig

    interval = make_config(options).redetect_interval if options.offline else None
    return strrn_tf.FaceTracker.from_pretrained(
        options.model,
        config=TrackingConfig(focal_length=options.focal_length or 0.0),
        max_faces=options.max_faces,
        num_threads=options.threads,
        any_roll=options.any_roll,
        smooth=options.smooth and not options.offline,
        redetect_interval=interval,
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
