"""Seconds from the start of a process to the first landmarks of a video.

Every run is `strrn track VIDEO` in a process of its own on one core. The process ends
when its first frame with a face has landmarks. The first table holds when each step was
reached: median over the runs, of elapsed time and of processor time, which other work
on the machine hardly changes. The first run finds the fewest files in the system's
cache and has a column of its own. The second table holds the time of the imports of one
more run, by package. Without a video, a face is drawn.

Example:
  python -m benchmarks.speed.cold_start talk.mp4 --model strrn-mdm --runs 7
"""

import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import tyro

from strrn_tf.system.command_line import run_program

PROG = "python -m benchmarks.speed.cold_start"
STEPS = (
    "Python started",
    "command line parsed",
    "first frame decoded",
    "faces searched for",
    "first landmarks",
)
# What the child runs. Each step ends with one function.
CHILD = """
import sys, time
def report(step):
    print(f"{step}\\t{time.time()}\\t{time.process_time()}", flush=True)
report("Python started")
import os
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
from strrn_tf.commands import cli
from strrn_tf.system import command_line
def parsed(*arguments, parse=command_line.parse_options, **options):
    options = parse(*arguments, **options)
    report("command line parsed")
    from strrn_tf.tracking.face_detection.face_finder import FaceFinder
    from strrn_tf.tracking.tracker import FaceTracker
    def find(self, image, find=FaceFinder.find):
        found = find(self, image)
        report("faces searched for")
        return found
    def update(self, frame, *arguments, update=FaceTracker.update, **options):
        report("first frame decoded")
        faces = update(self, frame, *arguments, **options)
        if any(face.state != "lost" for face in faces):
            report("first landmarks")
            os._exit(0)
        return faces
    FaceFinder.find, FaceTracker.update = find, update
    return options
command_line.parse_options = parsed
sys.exit(cli.main(sys.argv[1:]))
"""


@dataclass(frozen=True)
class Options:
    """What to start, and how often."""

    video: tyro.conf.Positional[Path | None] = None
    """Video to track; without it, a synthetic face."""
    model: str = "strrn-hgn"
    """Name of a shipped model, run folder or exported folder."""
    runs: int = 7
    """Runs of which the median is printed."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def time_start(command: list[str], folder: str) -> np.ndarray:
    """Return seconds (S, 2) at each of ``STEPS``: since the start, of the processor.

    Raises:
        ValueError: the process ended without landmarks.
    """
    program = [sys.executable, "-c", CHILD, *command]
    started = time.time()
    done = subprocess.run(program, cwd=folder, capture_output=True, text=True)
    lines = (line.split("\t") for line in done.stdout.splitlines() if "\t" in line)
    times = {step: (float(wall) - started, float(cpu)) for step, wall, cpu in lines}
    if STEPS[-1] not in times:
        raise ValueError(f"no landmarks: {done.stderr or done.stdout}")
    return np.array([times[step] for step in STEPS])


def import_times(command: list[str], folder: str) -> Counter[str]:
    """Return milliseconds that the modules of each package took to import."""
    program = [sys.executable, "-X", "importtime", "-c", CHILD, *command]
    done = subprocess.run(program, cwd=folder, capture_output=True, text=True)
    lines = re.findall(r"import time:\s+(\d+) \|\s+\d+ \|\s+([\w.]+)", done.stderr)
    times: Counter[str] = Counter()
    for microseconds, module in lines:
        top = module.partition(".")[0].lstrip("_")
        known = top in sys.stdlib_module_names or f"_{top}" in sys.stdlib_module_names
        times["standard library" if known else top] += int(microseconds) / 1000
    return times


def drawn_clip(folder: str) -> Path:
    """Write one second of a synthetic face, 640 x 480."""
    from data_pipeline.media.video import write_video
    from data_pipeline.synthetic import draw_face

    path = Path(folder, "drawn.mp4")
    frame, _ = draw_face(np.random.default_rng(3), 1, (480, 640))
    write_video(path, [frame] * 25, fps=25)
    return path


def run(options: Options) -> None:
    """Print both tables."""
    root = str(Path(__file__).resolve().parents[2])
    path = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (root, path)))
    with TemporaryDirectory() as folder:
        video = (options.video or drawn_clip(folder)).resolve()
        model = options.model
        if Path(model).is_dir():
            model = str(Path(model).resolve())
        command = ["track", str(video), "--model", model, "--landmarks", "rows.csv"]
        first = time_start(command, folder)
        runs = np.array([time_start(command, folder) for _ in range(options.runs)])
        imports = import_times(command, folder)
    wall, processor = np.median(runs, axis=0).T
    print(f"{'seconds':24}{'median':>9}{'worst':>9}{'processor':>11}{'first run':>11}")
    for i, step in enumerate(STEPS):
        worst, before = runs[:, i, 0].max(), first[i, 0]
        print(f"{step:24}{wall[i]:9.2f}{worst:9.2f}{processor[i]:11.2f}{before:11.2f}")
    print(f"\nimports, ms, together {sum(imports.values()):.0f}")
    for package, milliseconds in imports.most_common(12):
        print(f"{package:24}{milliseconds:9.0f}")


if __name__ == "__main__":
    sys.exit(main())
