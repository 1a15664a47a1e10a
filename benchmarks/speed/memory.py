"""Memory of a tracking process, step by step, and what it is made of.

Two programs run in processes of their own on one core: `strrn track VIDEO` and the loop
of the README, which calls `FaceTracker`. A first run that is not shown writes Python's
compiled files. The first tables hold megabytes (of 2^20 bytes) after each step:

* peak: the largest resident size so far, as the system reports it (VmHWM);
* resident: now. This counts pages that other processes share;
* shared out: each page is divided among the processes that have it (PSS);
* private: pages that only this process has;
* anonymous: pages without a file. Only these cannot be read again.

The last table holds the resident size at the end by owner of the files. --keep-pages
leaves file pages where they are that a program gives back otherwise. Linux only.

Example:
  python -m benchmarks.speed.memory talk.mp4 --model strrn-mdm
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import tyro
from rich.console import Console
from rich.table import Table

from data_pipeline.animation.sample_clip import write_sample_clip
from strrn_tf.system.command_line import run_program

PROG = "python -m benchmarks.speed.memory"
SIZES = {
    "VmHWM": "peak",
    "Rss": "resident",
    "Pss": "shared out",
    "Private": "private",
    "Anonymous": "anonymous",
}
# Parts of the names of files, and who owns them. The first that fits counts.
OWNERS = {
    "opencv_python": "OpenCV",
    "/cv2/": "OpenCV",
    "/av.libs/": "PyAV",
    "/av/": "PyAV",
    "/numpy": "NumPy",
    "/ai_edge_litert/": "LiteRT",
    ".tflite": "model files",
    "python3": "Python",
    "/": "system libraries",
    "[heap]": "heap",
}
# What both children begin with. It may import nothing that a program needs.
REPORT = """
import os, sys
os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
frames, kept = int(sys.argv.pop(1)), sys.argv.pop(1)
def numbers(path):
    with open(path) as file:
        for words in map(str.split, file):
            if words[-1] == "kB":
                yield words[0][:-1], int(words[1]) / 1024
def report(step):
    sizes = dict(numbers("/proc/self/smaps_rollup"))
    sizes["Private"] = sizes["Private_Clean"] + sizes["Private_Dirty"]
    sizes["VmHWM"] = dict(numbers("/proc/self/status"))["VmHWM"]
    print("step", [step, sizes], sep="\\t", flush=True)
def end():
    report(f"{frames} frames tracked")
    with open("/proc/self/smaps") as file:
        for line in file:
            words = line.split()
            if not words[0].endswith(":"):
                name = words[5] if len(words) > 5 else ""
            elif words[0] == "Rss:":
                print("file", [name, int(words[1]) / 1024], sep="\\t")
    sys.stdout.flush()
    os._exit(0)
def counted(tracker):
    def update(self, *arguments, update=tracker.update):
        faces = update(self, *arguments)
        update.__dict__["count"] = count = update.__dict__.get("count", 0) + 1
        if count == 1:
            report("first frame tracked")
        if count == frames:
            end()
        return faces
    tracker.update = update
report("Python started")
from strrn_tf.system import machine
give_back = machine.release_file_pages
def release_file_pages(folders=None):
    if folders:
        report("networks opened")
    if kept != "keep":
        give_back(folders)
        report("their pages given back" if folders else "all pages given back")
machine.release_file_pages = release_file_pages
"""
COMMAND = """
from strrn_tf.commands import cli
from strrn_tf.system import command_line
def parsed(*arguments, parse=command_line.parse_options, **options):
    options = parse(*arguments, **options)
    report("command line parsed")
    from data_pipeline.media import video
    def open_video(*arguments, open_video=video.open_video, **options):
        reader = open_video(*arguments, **options)
        report("video opened")
        from strrn_tf import FaceTracker
        counted(FaceTracker)
        return reader
    video.open_video = open_video
    return options
command_line.parse_options = parsed
video, model = sys.argv[1:]
sys.exit(cli.main(["track", video, "--model", model, "--landmarks", "rows.csv"]))
"""
LOOP = """
import av, strrn_tf
counted(strrn_tf.FaceTracker)
report("packages imported")
tracker = strrn_tf.FaceTracker.from_pretrained(sys.argv[2])
for frame in av.open(sys.argv[1]).decode(video=0):
    tracker.update(frame.to_ndarray(format="rgb24"), frame.time)
end()
"""
PROGRAMS = {"strrn track": COMMAND, "FaceTracker": LOOP}


@dataclass(frozen=True)
class Options:
    """What is tracked."""

    video: tyro.conf.Positional[Path | None] = None
    """Video to track; without it, a synthetic face."""
    model: str = "strrn-hgn"
    """Name of a shipped model, run folder or exported folder."""
    frames: int = 150
    """Frames to track; the video must have as many."""
    keep_pages: bool = False
    """Keep file pages that can be read again."""


def run(options: Options) -> None:
    """Print a table for each program, and the owners of files.

    Raises:
        ValueError: a program ended early, as with a shorter video.
    """
    owners = {}
    with TemporaryDirectory() as folder:
        video = options.video or write_sample_clip(Path(folder) / "face.mp4", 100)
        for name, program in PROGRAMS.items():
            measured(program, video, options, folder)
            steps, owners[name] = measured(program, video, options, folder)
            table = Table(f"{name}, MB", *SIZES.values())
            for step, sizes in steps:
                table.add_row(step, *(f"{sizes[size]:.0f}" for size in SIZES))
            Console().print(table)
    table = Table("resident at the end, MB", *owners)
    for owner in [*dict.fromkeys(OWNERS.values()), "other"]:
        table.add_row(
            owner, *(f"{sizes.get(owner, 0):.0f}" for sizes in owners.values())
        )
    Console().print(table)


def measured(
    program: str, video: Path, options: Options, folder: str
) -> tuple[list[tuple[str, dict[str, float]]], dict[str, float]]:
    """Return the steps of a program with their sizes, and sizes by owner."""
    root = str(Path(__file__).resolve().parents[2])
    paths = filter(None, (root, os.environ.get("PYTHONPATH")))
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONPYCACHEPREFIX": folder,
        "PYTHONDONTWRITEBYTECODE": "",
    }
    kept = "keep" if options.keep_pages else "give"
    model = Path(options.model)
    words = [str(video.resolve()), str(model.resolve() if model.is_dir() else model)]
    done = subprocess.run(
        [sys.executable, "-c", REPORT + program, str(options.frames), kept, *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    lines = [line.split("\t") for line in done.stdout.splitlines() if "\t" in line]
    found = [(kind, json.loads(what.replace("'", '"'))) for kind, what in lines]
    if not any(kind == "file" for kind, _ in found):
        raise ValueError(f"the program ended early: {done.stderr or done.stdout}")
    sizes: dict[str, float] = {}
    for name, size in (what for kind, what in found if kind == "file"):
        owner = next((who for part, who in OWNERS.items() if part in name), "other")
        sizes[owner] = sizes.get(owner, 0) + size
    return [tuple(what) for kind, what in found if kind == "step"], sizes


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


if __name__ == "__main__":
    sys.exit(main())
