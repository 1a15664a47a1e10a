"""Tables of the figures."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

MISSING = "-"
# Names of the stages in the table.
STAGE_NOTES = {
    "decode": "decode",
    "find": "find",
    "crop": "crop",
    "detect": "detect",
    "track": "track",
    "check": "backward",
    "flow": "flow",
    "smooth": "smooth",
    "update": "all but decode",
    "step": "crop, track, backward",
}


def show(report: Mapping[str, Any]) -> None:
    """Print machine, stages, and all trackers side by side."""
    console = Console(highlight=False)
    machine, video = report["machine"], report["video"]
    tied = "tied to one" if machine["tied_to_one_core"] else "not tied to one"
    names = [f"{name} {value}" for name, value in versions(machine).items()]
    console.print(
        f"{machine['processor']}, {machine['cores']} cores, {tied}; {machine['system']}"
    )
    if machine["instructions"]:
        console.print(f"instructions: {machine['instructions']}")
    console.print(f"model {report['model']}; {', '.join(names)}")
    console.print(
        f"{video['name']}: {video['frames']} frames of {video['width']} x "
        f"{video['height']}, {video['frames_per_second']:.1f} per second\n"
    )
    console.print(stages_table(report["trackers"]["strrn"]["stages"]))
    console.print(trackers_table(report["trackers"]))


def stages_table(stages: Mapping[str, Mapping[str, float]]) -> Table:
    """Return the milliseconds of every stage."""
    table = Table(title="strrn, milliseconds", title_justify="left")
    table.add_column("stage")
    for name in ("calls a frame", "median", "95 %", "processor", "a frame"):
        table.add_column(name, justify="right")
    for stage, words in STAGE_NOTES.items():
        row = stages[stage]
        if stage == "update":
            table.add_section()
        table.add_row(
            words,
            number(row["calls_per_frame"]),
            *(number(row.get(key)) for key in ("median", "p95", "processor_median")),
            number(row["per_frame"]),
        )
    return table


def trackers_table(trackers: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return the figures of all trackers, one column each."""
    table = Table(title="whole video", title_justify="left")
    table.add_column("")
    for name in trackers:
        table.add_column(name, justify="right")
    for words, value in ROWS.items():
        table.add_row(words, *map(value, trackers.values()))
    return table


def versions(machine: Mapping[str, Any]) -> dict[str, str]:
    """Return the versions in a description of the machine."""
    others = ("processor", "instructions", "cores", "tied_to_one_core", "system")
    return {name: value for name, value in machine.items() if name not in others}


def number(value: float | None, form: str = "{:.2f}") -> str:
    """Return a number as text, a dash for none."""
    known = value is not None and np.isfinite(value)
    return form.format(value) if known else MISSING


def times_back(result: Mapping[str, Any]) -> str:
    """Return median and largest time until a face is back after an occlusion."""
    seconds = [one["seconds"] for one in result["occlusions"]]
    back = [value for value in seconds if value is not None]
    if not back:
        return f"never in {len(seconds)}" if seconds else MISSING
    text = f"{np.median(back):.2f} / {max(back):.2f}"
    missed = len(seconds) - len(back)
    return f"{text}, never in {missed} of {len(seconds)}" if missed else text


def same_ids(result: Mapping[str, Any]) -> str:
    """Return how often the id was the same."""
    known = [one["same_id"] for one in result["occlusions"]]
    known = [value for value in known if value is not None]
    return f"{sum(known)} of {len(known)}" if known else MISSING


def false_positive_fraction(result: Mapping[str, Any]) -> str:
    """Return the percentage of covered frames in which the tracker reported a face."""
    fractions = [one["claimed"] for one in result["occlusions"]]
    return number(100 * np.mean(fractions), "{:.0f}") if fractions else MISSING


# Rows of the table of all trackers.
ROWS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "frames per second, everything included": lambda r: number(
        r["frames_per_second"], "{:.1f}"
    ),
    "frames per second of processor time": lambda r: number(
        r["frames_per_processor_second"], "{:.1f}"
    ),
    "milliseconds a frame": lambda r: number(1000 / r["frames_per_second"]),
    "milliseconds to open": lambda r: number(r["open_ms"], "{:.0f}"),
    "peak memory, MB": lambda r: number(r["peak_mb"], "{:.0f}"),
    "frames with a face": lambda r: f"{r['frames_with_face']} of {r['frames']}",
    "output jitter at rest, %, 10 points": lambda r: number(
        r["jitter_still"]["common"], "{:.3f}"
    ),
    "output jitter at rest, %, 68 points": lambda r: number(
        r["jitter_still"]["all"], "{:.3f}"
    ),
    "output jitter in the video, %, 10 points": lambda r: number(
        r["jitter_moving"]["common"], "{:.3f}"
    ),
    "output jitter in the video, %, 68 points": lambda r: number(
        r["jitter_moving"]["all"], "{:.3f}"
    ),
    "hidden: seconds until back, median / max": times_back,
    "hidden: same id when back": same_ids,
    "hidden: reported as seen, %": false_positive_fraction,
}
