"""Mutated media files through the readers: no crash, no traceback, little memory.

Videos and pictures of many kinds are drawn and encoded. Each case damages one of them
at random; its number and the seed decide how. Persistent processes read the cases.
Further cases go through whole `strrn track` processes. A case fails if

* a process crashes, or an error is none of those that the readers document;
* it takes longer than the limit;
* a process needs more than a gigabyte.

The results are lines of FOLDER/cases.jsonl and FOLDER/whole.jsonl. The same command
goes on where it was stopped. FOLDER/failures has the files of the cases that failed.

Example:
  python -m benchmarks.robustness.media_fuzz fuzz --cases 10000 --whole 300
"""

import json
import os
import select
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from benchmarks.robustness.media_seeds import write_seeds
from benchmarks.robustness.mutations import mutated
from strrn_tf.system.command_line import run_program

PROG = "python -m benchmarks.robustness.media_fuzz"
MOST_MEGABYTES = 1024
# Addresses that a process may use: a reader that asks for more fails, not the machine.
MOST_ADDRESSES = 6 << 30
# Lines between two reports on the screen.
INTERVAL = 500


@dataclass(frozen=True)
class Options:
    """How much, and where."""

    folder: tyro.conf.Positional[Path]
    """For files, results and failures; made when missing."""
    cases: int = 10_000
    """Read by persistent processes."""
    whole: int = 300
    """Through `strrn track` processes."""
    seed: int = 0
    """Another one gives other cases."""
    seconds: float = 30.0
    """Limit of a case; three times as much for a whole process."""


Result = dict[str, Any]


def run(options: Options) -> None:
    """Do what is not done yet and print a summary.

    Raises:
        ValueError: a case has failed.
    """
    seeds = write_seeds(options.folder / "seeds")
    reader = Reader(options.seconds)
    try:
        read = run_cases(options, "cases", options.cases, seeds, reader.read)
    finally:
        reader.close()

    def track(path: Path) -> Result:
        return track_whole(path, 3 * options.seconds)

    tracked = run_cases(options, "whole", options.whole, seeds, track)
    failed = summary("cases", read) + summary("whole", tracked)
    if failed:
        raise ValueError(f"{failed} cases failed, see {options.folder / 'failures'}")


def run_cases(
    options: Options,
    name: str,
    count: int,
    seeds: Sequence[Path],
    do: Callable[[Path], Result],
) -> list[Result]:
    """Do the cases that are not in the file of results; return all results."""
    record = options.folder / f"{name}.jsonl"
    lines = record.read_text(encoding="utf-8").splitlines() if record.exists() else []
    results = [json.loads(line) for line in lines[:count]]
    with record.open("a", encoding="utf-8") as file:
        for number in range(len(results), count):
            rng = np.random.default_rng([options.seed, len(name), number])
            seed = seeds[rng.integers(len(seeds))]
            path = options.folder / f"{name}{seed.suffix}"
            path.write_bytes(mutated(seed.read_bytes(), rng))
            result = {"number": number, "seed": seed.name, **do(path)}
            if result["result"] not in ("read", "refused"):
                failures = options.folder / "failures"
                failures.mkdir(exist_ok=True)
                path.replace(failures / f"{name}-{number}-{seed.name}")
            results.append(result)
            file.write(json.dumps(result) + "\n")
            file.flush()
            if len(results) % INTERVAL == 0:
                print(f"{len(results)} of {count} {name}", file=sys.stderr)
    return results


class Reader:
    """A persistent process that reads files; a new one replaces one that fails.

    Args:
        seconds: that a file may take.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._process: subprocess.Popen[str] | None = None

    def read(self, path: Path) -> Result:
        """Return what came of a file."""
        process = self._process = self._process or _worker()
        with suppress(BrokenPipeError):  # it has crashed: no line comes
            process.stdin.write(json.dumps(str(path)) + "\n")
            process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], self._seconds)
        line = process.stdout.readline() if ready else ""
        if not line:
            code = process.poll()
            self.close()
            words = "crash" if ready else "too slow"
            return {"result": words, "decoder": True, "code": code}
        result = json.loads(line)
        if result["megabytes"] > MOST_MEGABYTES:
            self.close()
            result["result"] = "too much memory"
        return result

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            with suppress(BrokenPipeError):
                process.stdin.close()
            process.stdout.close()


def track_whole(path: Path, seconds: float) -> Result:
    """Return what `strrn track` does with a file."""
    command = [sys.executable, "-m", "strrn_tf", "track", str(path)]
    command += ["--landmarks", str(path.with_name("rows.csv"))]
    command += ["--output", str(path.with_name("overlay.mp4"))]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, preexec_fn=_limit
    )
    ended, start = None, time.monotonic()
    os.set_blocking(process.stderr.fileno(), False)
    words = b""
    while ended is None and time.monotonic() - start < seconds:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        words += process.stderr.read() or b""
        ended = (status, usage) if pid else None
        time.sleep(0.05)
    if ended is None:
        process.kill()
        process.wait()
        process.stderr.close()
        return {"result": "too slow", "decoder": True}
    words += process.stderr.read() or b""
    process.stderr.close()
    process.returncode = os.waitstatus_to_exitcode(ended[0])
    megabytes = ended[1].ru_maxrss / 2**10
    result = {0: "read", 2: "refused"}.get(process.returncode, "crash")
    result = "fault" if b"Traceback" in words else result
    result = "too much memory" if megabytes > MOST_MEGABYTES else result
    text = words.decode("utf-8", "replace")
    reached = result == "read" or "no face" in text or "decode" in text
    code = process.returncode
    return {
        **{"result": result, "decoder": reached, "code": code},
        **{"megabytes": megabytes, "words": text[-2000:]},
    }


def summary(name: str, results: Sequence[Result]) -> int:
    """Print the counts of some results and return how many failed."""
    counts = Counter(result["result"] for result in results)
    reached = sum(result["decoder"] for result in results)
    largest = max((result.get("megabytes", 0) for result in results), default=0)
    listed = ", ".join(f"{count} {result}" for result, count in counts.most_common())
    print(
        f"{name}: {len(results)}: {listed}; {reached} reached a decoder; "
        f"{largest:.0f} MB at most"
    )
    return len(results) - counts["read"] - counts["refused"]


def _worker() -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.robustness.media_worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # libraries of pictures write there past Python
        text=True,
        preexec_fn=_limit,
    )


def _limit() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MOST_ADDRESSES, MOST_ADDRESSES))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


if __name__ == "__main__":
    sys.exit(main())
