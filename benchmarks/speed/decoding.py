"""Decoding of videos by PyAV, as this project does it, beside OpenCV's.

A face is drawn and encoded in two sizes by two codecs. Each clip is decoded on one core
to RGB, in turns by both libraries. The first table holds, for each clip:

* milliseconds of processor time of a frame, which other work on the machine hardly
  changes: medians of the rounds;
* PyAV's time divided by OpenCV's;
* largest difference of a pixel.

The second table holds what each library costs without a video: seconds of the import
and megabytes of memory, in a process of its own that has imported NumPy, and megabytes
on the disk. `strrn` needs OpenCV either way.

Example:
  python -m benchmarks.speed.decoding --frames 100 --rounds 5
"""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import files
from itertools import islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import av
import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from data_pipeline.animation.sample_clip import sample_frames
from data_pipeline.media.video_file import VideoFile
from strrn_tf.system.command_line import run_program
from strrn_tf.system.machine import pin_to_one_core

PROG = "python -m benchmarks.speed.decoding"
SIZES = (640, 480), (1920, 1080)
CODECS = {"libx264": "H.264", "mpeg4": "MPEG-4"}
# Standard deviation of the noise of a sensor.
NOISE = 4
DRAWN = 25
LIBRARIES = {"cv2": "opencv-python-headless", "av": "av"}
IMPORT = """
import sys, time
import numpy
from strrn_tf.system.machine import resident_megabytes
memory, start = resident_megabytes(), time.perf_counter()
__import__(sys.argv[1])
print(time.perf_counter() - start, resident_megabytes() - memory)
"""


@dataclass(frozen=True)
class Options:
    """How much to measure."""

    frames: int = 100
    """Of each clip."""
    rounds: int = 5
    """Of which the median is taken."""


def run(options: Options) -> None:
    """Print both tables."""
    pin_to_one_core()
    drawn = list(sample_frames(min(options.frames, DRAWN)))
    clips = Table("clip", "OpenCV, ms", "PyAV, ms", "ratio", "difference")
    with TemporaryDirectory() as folder:
        for width, height in SIZES:
            for codec, name in CODECS.items():
                path = Path(folder) / f"{codec}-{height}.mp4"
                encode(path, drawn, codec, (width, height), options.frames)
                row = compared(path, options.rounds)
                clips.add_row(f"{width} x {height}, {name}", *row)
    libraries = Table("library", "import, s", "memory, MB", "disk, MB")
    for module, package in LIBRARIES.items():
        libraries.add_row(package, *cost(module, package))
    for table in (clips, libraries):
        Console().print(table)


def encode(
    path: Path, drawn: Sequence[np.ndarray], codec: str, size: tuple[int, int], num: int
) -> None:
    """Write the frames, over and over, with the noise of a sensor."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0, NOISE, (4, *size[::-1], 1))
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=25)
        (stream.width, stream.height), stream.pix_fmt = size, "yuv420p"
        stream.bit_rate = 4 * size[0] * size[1]
        for number in range(num):
            image = cv2.resize(drawn[number % len(drawn)], size) + noise[number % 4]
            image = np.clip(image, 0, 255).astype(np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(image)))
        output.mux(stream.encode(None))


def compared(path: Path, rounds: int) -> list[str]:
    """Return the cells of a clip."""
    ours, theirs = [], []
    for _ in range(rounds):
        theirs.append(milliseconds(by_opencv(path)))
        ours.append(milliseconds(by_pyav(path)))
    pairs = zip(islice(by_opencv(path), 20), by_pyav(path), strict=False)
    largest = max(int(cv2.absdiff(*pair).max()) for pair in pairs)
    before, after = median(theirs), median(ours)
    return [f"{before:.2f}", f"{after:.2f}", f"{after / before:.2f}", str(largest)]


def by_opencv(path: Path) -> Iterator[np.ndarray]:
    """Yield the frames (H, W, 3) RGB that OpenCV decodes.

    Like this project's reader it first looks whether a frame can be decoded.
    """
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    capture.grab()
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    while True:
        is_there, image = capture.read()
        if not is_there:
            return
        yield cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def by_pyav(path: Path) -> Iterator[np.ndarray]:
    """Yield the frames (H, W, 3) RGB of this project's reader."""
    return (frame.image for frame in VideoFile(path))


def milliseconds(images: Iterator[np.ndarray]) -> float:
    """Return the processor time of an image."""
    start = time.process_time()
    count = sum(1 for _ in images)
    return 1000 * (time.process_time() - start) / count


def cost(module: str, package: str) -> list[str]:
    """Return the cells of a library."""
    command = [sys.executable, "-c", IMPORT, module]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, memory = map(float, done.stdout.split())
    places = [Path(file.locate()) for file in files(package) or ()]
    disk = sum(place.stat().st_size for place in places if place.is_file()) / 2**20
    return [f"{seconds:.2f}", f"{memory:.0f}", f"{disk:.0f}"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


if __name__ == "__main__":
    sys.exit(main())
