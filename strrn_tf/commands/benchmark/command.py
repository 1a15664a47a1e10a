"""``strrn benchmark``: speed, memory, jitter and occlusions, on this machine."""

import json
import math
import multiprocessing
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from strrn_tf.system.command_line import parse_options
from strrn_tf.system.machine import describe, pin_to_one_core

if TYPE_CHECKING:
    from data_pipeline.media.frame_reader import VideoFrame
    from strrn_tf.commands.benchmark.scenarios import Scene

PROG = "strrn benchmark"
HELP = """Measure the tracker on this machine, on one core.

  stages      milliseconds of decoding, face finding, crops, detector, tracker,
              backward tracking, optical flow and smoothing
  video       frames per second with everything included, and peak memory
  jitter      output jitter: second difference over time of the smoothed landmarks, in
              percent of the distance of the outer eye corners. Of a face at rest (the
              middle frame again and again, with the noise of a sensor), and of the
              video itself, where the face's own motion is included
  occlusion   a gray block hides the face for one second in every three: seconds of
              video until it is followed again, and whether it has the same id

Without --video a face is drawn that moves and talks, which needs no data. Where
MediaPipe is installed (`pip install mediapipe==0.10.21`, best in an environment of its
own), its Face Mesh is measured in the same manner. Both are compared on the 10 points
that they share: eye corners, tip and foot of the nose, mouth corners, middle of either
lip.

Examples:
  strrn benchmark
      the default model on a drawn face
  strrn benchmark --video talk.mp4 --json figures.json
      on your video; figures.json has all figures
"""
SYNTHETIC = "synthetic face"
# Runs a task with arguments and returns its result.
RunTask = Callable[..., Any]


@dataclass(frozen=True)
class Options:
    """Which model, on what, and where the figures go."""

    model: str = "strrn-fast"
    """Name of a shipped model, exported folder, or run folder."""
    video: Path | None = None
    """Video file or folder of numbered images; a synthetic face if not given."""
    frames: int = 500
    """Frames of the video that are used, at most; 100 of a synthetic face."""
    json: Path | None = None
    """File to write all figures to."""


def parse(argv: Sequence[str]) -> Options:
    """Return the options; a ``ValueError`` of one line if they are wrong."""
    return parse_options(Options, argv, prog=PROG, description=HELP)


def run(options: Options, run_task: RunTask | None = None) -> None:
    """Measure, print tables, write the file of ``--json``.

    Args:
        options: model, video and outputs.
        run_task: runs a task with arguments, by default ``in_own_process``.

    Raises:
        ValueError: an option is out of its range, the video or the model cannot be
            read, or there is no face in it.
    """
    from strrn_tf.commands.benchmark.report import show
    from strrn_tf.system.atomic import write_text
    from strrn_tf.tracking.networks.model_folder import load

    if options.frames < 3:
        raise ValueError(f"--frames must be at least 3. Received: {options.frames}")
    load(options.model)  # a mistake in the name shows at once
    with TemporaryDirectory() as folder:
        name, path = source(options, Path(folder))
        report = measured(options, name, path, run_task or in_own_process)
    show(report)
    if options.json:
        text = json.dumps(without_nan(report), indent=2, allow_nan=False)
        write_text(options.json, text + "\n")
        print(f"{options.json} has all figures")


def source(options: Options, folder: Path) -> tuple[str, Path]:
    """Return name and path of the video, drawn into the folder if none is given."""
    if options.video is not None:
        return options.video.name, options.video
    from data_pipeline.animation.sample_clip import write_sample_clip

    frames = min(options.frames, 100)
    print(f"Drawing a face, {frames} frames …", file=sys.stderr)
    return SYNTHETIC, write_sample_clip(folder / "face.mp4", frames)


def measured(
    options: Options, name: str, path: Path, run_task: RunTask
) -> dict[str, Any]:
    """Return the report: every tracker in a process of its own, one after the other."""
    from data_pipeline.media.suffixes import report_passed_over
    from data_pipeline.media.video import open_video

    reader = open_video(path)
    report_passed_over(reader.passed_over, path)
    height, width = next(iter(reader)).image.shape[:2]
    print("Measuring strrn …", file=sys.stderr)
    ours, scene = run_task(measure_strrn, path, options.frames, options.model)
    trackers = {"strrn": ours}
    print("Measuring MediaPipe Face Mesh …", file=sys.stderr)
    try:
        theirs = run_task(measure_face_mesh, path, options.frames, scene)
        trackers["MediaPipe Face Mesh"] = theirs
    except ImportError:
        print(
            "MediaPipe is left out: it is not installed here, or not in a release that "
            "has Face Mesh (`pip install mediapipe==0.10.21`)",
            file=sys.stderr,
        )
    video = {
        "name": name,
        "frames": ours["frames"],
        "width": width,
        "height": height,
        "frames_per_second": reader.fps,
    }
    return {
        "model": options.model,
        "machine": describe(),
        "video": video,
        "trackers": trackers,
    }


def in_own_process(task: Any, *arguments: object) -> Any:
    """Run a task in a fresh process on one core: memory and threads are its own."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, initializer=pin_to_one_core) as process:
        return process.submit(task, *arguments).result()


def measure_strrn(path: Path, limit: int, model: str) -> "tuple[dict[str, Any], Scene]":
    """Return our tracker's figures, and the scene for other trackers."""
    from strrn_tf.commands.benchmark.scenarios import measure
    from strrn_tf.commands.benchmark.trackers import open_strrn

    return measure(partial(open_strrn, model), partial(read, path, limit))


def measure_face_mesh(path: Path, limit: int, scene: "Scene") -> dict[str, Any]:
    """Return the figures of MediaPipe Face Mesh."""
    from strrn_tf.commands.benchmark.scenarios import measure
    from strrn_tf.commands.benchmark.trackers import open_face_mesh
    from strrn_tf.system.quiet import quiet_stderr

    # It writes there at any time, from threads of its own.
    with quiet_stderr():
        return measure(open_face_mesh, partial(read, path, limit), scene)[0]


def read(path: Path, limit: int) -> "Iterator[VideoFrame]":
    """Yield the first frames of a video."""
    from data_pipeline.media.video import open_video

    return islice(open_video(path), limit)


def without_nan(value: Any) -> Any:
    """Return the same with None for every number that JSON does not have."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_nan(item) for item in value]
    is_number = not isinstance(value, float) or math.isfinite(value)
    return value if is_number else None
