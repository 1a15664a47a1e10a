"""Memory and speed over a long run: one clip, again and again.

Every round opens the file again while time goes on. So the run includes decoding,
losing the face at the jump from the last frame to the first, and finding it again. The
table holds for every tenth resident memory at its end and milliseconds of a frame:
median, 95th percentile, and processor time, which other work on the machine hardly
changes. Without --video a face is drawn. A day at 25 frames per second has 2,160,000
frames.

Example:
  python -m benchmarks.speed.soak --video talk.mp4 --frames 864000
"""

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from rich.console import Console
from rich.table import Table

from data_pipeline.animation.sample_clip import write_sample_clip
from data_pipeline.media.frame_reader import VideoFrame
from data_pipeline.media.video import open_video
from strrn_tf import FaceTracker
from strrn_tf.system.command_line import run_program
from strrn_tf.system.machine import pin_to_one_core, resident_megabytes

PROG = "python -m benchmarks.speed.soak"
TENTHS = 10


@dataclass(frozen=True)
class Options:
    """What to track, and how long."""

    model: str = "strrn-hgn"
    """Name of a shipped model, run folder or exported folder."""
    video: Path | None = None
    """Video to repeat; without it, a synthetic face."""
    frames: int = 20_000
    """Frames in all."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def endless(path: Path) -> Iterator[VideoFrame]:
    """Yield the frames of a video without end, with timestamps that rise."""
    begin = 0.0
    while True:
        reader = open_video(path)
        for frame in reader:
            last = begin + frame.timestamp
            yield frame._replace(timestamp=last)
        begin = last + 1 / reader.fps


def tenth(
    tracker: FaceTracker, frames: Iterator[VideoFrame], count: int
) -> tuple[list[float], int]:
    """Follow so many frames.

    Returns:
        Median, 95th percentile and mean of processor time of a frame in milliseconds,
        decoding included, and memory in MB; and the number of frames with a face.
    """
    wall, faces = np.empty(count), 0
    processor = time.process_time()
    for i in range(count):
        begin = time.perf_counter()
        frame = next(frames)
        found = tracker.update(frame.image, frame.timestamp)
        wall[i] = time.perf_counter() - begin
        faces += any(face.state != "lost" for face in found)
    processor = (time.process_time() - processor) / count
    median, p95 = np.percentile(wall, (50, 95))
    figures = [1000 * value for value in (median, p95, processor)]
    return [*figures, resident_megabytes()], faces


def run(options: Options) -> None:
    """Print a line per tenth, then what changed between the second and the last."""
    pin_to_one_core()
    rows = []
    with TemporaryDirectory() as folder:
        video = options.video or write_sample_clip(Path(folder) / "face.mp4", 100)
        tracker = FaceTracker.from_pretrained(options.model)
        frames = endless(video)
        for i in range(TENTHS):
            row, faces = tenth(tracker, frames, max(1, options.frames // TENTHS))
            rows.append(row)
            print(f"{i + 1}/{TENTHS}: {row[-1]:.1f} MB, {faces} frames with a face")
    table = Table("tenth", "median ms", "95 % ms", "processor ms", "memory MB")
    for i, row in enumerate(rows, 1):
        table.add_row(f"{i}", *(f"{value:.2f}" for value in row))
    Console().print(table)
    # The first tenth still fills what is kept: crops, networks, buffers of the decoder.
    change = np.subtract(rows[-1], rows[1])
    print(
        f"from the second tenth to the last: {change[3]:+.1f} MB, "
        f"{100 * change[2] / rows[1][2]:+.1f} % processor time a frame"
    )


if __name__ == "__main__":
    sys.exit(main())
