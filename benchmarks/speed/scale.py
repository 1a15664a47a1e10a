"""Frames per second of annotating on 1 and 2 processes.

The command `strrn annotate` runs once for every number of processes: in the project's
own pool, on Apache Beam, and on a Dask cluster of this machine. The files that it
writes are compared. Every run is bound to as many cores as it has processes; on Dask
every worker is bound to a core of its own, scheduler and command to none. The last
table extrapolates to a larger amount of video. Run this on a machine that does nothing
else.

Example:
  python -m benchmarks.speed.scale --videos my_videos/ --hours 1000 --price 0.04
  python -m benchmarks.speed.scale --ways Dask --repeats 3

The exit code is 1 if a run wrote other files than the first.
"""

import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.speed.dask_cluster import dask_cluster
from data_pipeline.media.video import open_video, write_video
from data_pipeline.synthetic import draw_clip
from strrn_tf.system.atomic import write_text
from strrn_tf.system.command_line import run_program

PROG = "python -m benchmarks.speed.scale"
Way = Literal["processes", "Beam", "Dask"]
# Synthetic videos. Start and report take seconds, which far less work would measure.
CLIPS, COPIES, FRAMES = 5, 6, 150


@dataclass(frozen=True)
class Options:
    """What to annotate, and the amount of video to calculate for."""

    videos: Path | None = None
    """Folder of videos; without it, clips drawn by the project."""
    processes: tuple[int, ...] = (1, 2)
    """Numbers of processes to compare; the first is the reference."""
    ways: tuple[Way, ...] = ("processes", "Beam", "Dask")
    """What runs them."""
    repeats: int = 1
    """Runs of each; every figure is that of the fastest."""
    hours: float = 1000.0
    """Hours of video, for the calculation."""
    frame_rate: float = 25.0
    """Frames per second of that video."""
    price: float = 0.04
    """Price of a core for an hour, in any currency."""
    json: Path | None = None
    """File that the figures are written to."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run_all, argv, prog=PROG, description=__doc__)


@dataclass(frozen=True)
class Run:
    """One run: how long it took, and a hash of every file that it wrote.

    Attributes:
        way: what ran the processes.
        processes: number of processes.
        seconds: elapsed.
        core_seconds: processor time of all processes.
        busiest: processor time of the worker that used most; only on Dask. Other work
            on the machine hardly changes it.
        files: hash by path.
        bytes: size of the annotations.
    """

    way: str
    processes: int
    seconds: float
    core_seconds: float
    busiest: float | None
    files: dict[str, str]
    bytes: int


def drawn_videos(folder: Path) -> Path:
    """Draw clips of different lengths, and copy each a few times."""
    for number in range(CLIPS):
        rng = np.random.default_rng(number)
        frames = draw_clip(rng, 1 + number % 3, FRAMES + 30 * number)
        path = folder / f"{number}-0.mp4"
        write_video(path, (image for image, _ in frames), 25)
        for copy in range(1, COPIES):
            shutil.copy(path, folder / f"{number}-{copy}.mp4")
    return folder


def measure(videos: Path, output: Path, way: Way, processes: int) -> Run:
    """Annotate the videos once."""
    shutil.rmtree(output, ignore_errors=True)
    command = [sys.executable, "-m", "strrn_tf", "annotate", str(videos)]
    command += ["--output", str(output), "--workers", str(processes)]
    command += ["--"] if way == "Beam" else []
    cores = sorted(os.sched_getaffinity(0))
    before, busiest = _children_seconds(), None
    if way == "Dask":
        with dask_cluster(output.with_name("cluster"), processes, cores) as cluster:
            address = ["--dask_client_address", cluster.address]
            command += ["--", "--runner", "DaskRunner", *address]
            seconds = _seconds(command, cores)
            busiest = max(cluster.processor_seconds().values())
    else:
        seconds = _seconds(command, cores[:processes])
    used = _children_seconds() - before
    paths = [path for path in sorted(output.rglob("*")) if path.is_file()]
    files = {
        str(path.relative_to(output)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
    }
    size = sum(path.stat().st_size for path in paths if "annotations" in path.parts)
    return Run(way, processes, seconds, used, busiest, files, size)


def _seconds(command: Sequence[str], cores: Sequence[int]) -> float:
    """Run a command on some cores; return how long it took."""
    start = time.perf_counter()
    subprocess.run(
        command,
        check=True,
        stdout=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    return time.perf_counter() - start


def _children_seconds() -> float:
    """Return the processor time of all processes that ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def runs(options: Options, videos: Path, folder: Path) -> Iterator[Run]:
    """Annotate in every way, on every number of processes."""
    # Numbers take turns, so that what else the machine does meets all of them.
    for way in options.ways:
        for _ in range(options.repeats):
            for processes in options.processes:
                yield measure(videos, folder / "output", way, processes)


def fastest(done: list[Run]) -> list[Run]:
    """Return the fastest of equal runs, in their order."""
    best: dict[tuple[str, int], Run] = {}
    for run in done:
        other = best.setdefault((run.way, run.processes), run)
        if run.seconds < other.seconds:
            best[run.way, run.processes] = run
    return list(best.values())


def show_runs(console: Console, done: list[Run], frames: int) -> None:
    """Print frames per second, the gain, and whether the files are the same."""
    table = Table("", "processes", "frames/s", "gain", "frames/core-second", "files")
    first = {}
    for run in fastest(done):
        reference = first.setdefault(run.way, run)
        table.add_row(
            run.way,
            str(run.processes),
            f"{frames / run.seconds:.1f}",
            f"{reference.seconds / run.seconds:.2f}",
            f"{frames / run.core_seconds:.1f}",
            "same" if run.files == done[0].files else "DIFFERENT",
        )
    console.print(table)


def calculate(options: Options, run: Run, frames: int) -> dict[str, float]:
    """Return the calculation for ``options.hours`` of video like that of a run."""
    wanted = options.hours * 3600 * options.frame_rate
    core_hours = wanted / (frames / run.core_seconds) / 3600
    return {
        "hours of video": options.hours,
        "million frames": wanted / 1e6,
        "frames per core-second": frames / run.core_seconds,
        "core-hours": core_hours,
        "days on one core": core_hours / 24,
        "hours on 64 cores": core_hours / 64,
        "cost": core_hours * options.price,
        "GB of annotations per million frames": run.bytes / frames * 1e6 / 1e9,
        "GB of annotations": run.bytes / frames * wanted / 1e9,
    }


def run_all(options: Options) -> None:
    """Measure and print.

    Raises:
        SystemExit: with code 1, a run wrote other files than the first.
    """
    console = Console(width=100)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        videos = options.videos or drawn_videos(folder / "videos")
        sources = [p for p in sorted(videos.iterdir()) if not p.name.startswith(".")]
        frames = sum(1 for p in sources for _ in open_video(p).frames())
        done = []
        for run in runs(options, videos, folder):
            done.append(run)
            line = f"{run.way}, {run.processes}: {run.seconds:.1f} s, "
            line += f"{run.core_seconds:.1f} s of processors"
            if run.busiest:
                line += f", {run.busiest:.1f} s of the busiest worker"
            console.print(line)
    console.print(f"{len(sources)} videos, {frames} frames, {os.cpu_count()} cores")
    show_runs(console, done, frames)
    figures = calculate(options, done[0], frames)
    table = Table("calculation", "")
    for name, value in figures.items():
        table.add_row(name, f"{value:,.4g}" if value < 1e4 else f"{value:,.0f}")
    console.print(table)
    if options.json:
        names = "way", "processes", "seconds", "core_seconds", "busiest"
        rows = [{name: getattr(run, name) for name in names} for run in done]
        content = {"frames": frames, "runs": rows, "calculation": figures}
        write_text(options.json, json.dumps(content, indent=1) + "\n")
    sys.exit(int(any(run.files != done[0].files for run in done)))


if __name__ == "__main__":
    sys.exit(main())
