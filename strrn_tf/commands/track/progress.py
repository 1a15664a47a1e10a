"""Progress of a video: a bar in a terminal, a line every few seconds elsewhere."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

# Seconds between two lines where stderr is no terminal.
INTERVAL = 10.0


def shown(
    frames: Iterable[T],
    title: str,
    total: int | None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[T]:
    """Yield the frames and show on stderr how many, how fast, and the time left.

    Args:
        frames: of one video.
        title: its name.
        total: how many there may be; None: unknown.
        clock: gives the seconds between lines.
    """
    if sys.stderr.isatty():
        yield from _bar(frames, title, total)
    else:
        yield from _lines(frames, title, total, clock)


def _bar(frames: Iterable[T], title: str, total: int | None) -> Iterator[T]:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeft

    name, speed = TextColumn("{task.description}"), TextColumn("{task.fields[speed]}")
    count, unit = MofNCompleteColumn(), TextColumn("frames")
    columns = name, BarColumn(), count, unit, speed, TimeLeft()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(escape(title), total=total, speed="")
        for frame in frames:
            yield frame
            rate = progress.tasks[task].speed
            speed_shown = "" if rate is None else f"{rate:.1f} frames/s"
            progress.update(task, advance=1, speed=speed_shown)


def _lines(
    frames: Iterable[T], title: str, total: int | None, clock: Callable[[], float]
) -> Iterator[T]:
    start = last = clock()
    for count, frame in enumerate(frames, 1):
        yield frame
        now = clock()
        if now - last >= INTERVAL:
            last = now
            rate = count / (now - start)
            of_all = f"{count} of {total}" if total else f"{count}"
            left = f", {max(0, total - count) / rate:.0f} s left" if total else ""
            print(
                f"{title}: {of_all} frames, {rate:.1f} frames/s{left}",
                file=sys.stderr,
                flush=True,
            )
