"""The folder of a run: where everything is, and writing that a kill cannot spoil."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import strrn_tf
from strrn_tf.config import LATER
from strrn_tf.system.atomic import remove_leftovers, replacing
from strrn_tf.system.locking import alone_in


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a file beside ``path``, then put it in place of it."""
    with replacing(path) as new:
        write(new)


def write_json(path: Path, content: Any) -> None:
    """Write JSON atomically."""
    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    write_atomically(path, lambda new: new.write_text(text))


def append_json_line(path: Path, content: dict[str, Any]) -> None:
    """Append one line with the time of writing."""
    with path.open("a") as file:
        file.write(json.dumps({"time": round(time.time(), 1), **content}) + "\n")


@dataclass(frozen=True)
class RunFolder:
    """Paths inside the folder of a run.

    Attributes:
        root: the folder.
    """

    root: Path

    @property
    def config(self) -> Path:
        """What the run was told."""
        return self.root / "config.json"

    @property
    def metrics(self) -> Path:
        """One JSON object a line: losses while training, reports of the rounds."""
        return self.root / "metrics.jsonl"

    @property
    def export(self) -> Path:
        """The exported models."""
        return self.root / "export"

    @property
    def report(self) -> Path:
        """What the rounds have changed on the clips."""
        return self.root / "report.json"

    @property
    def report_picture(self) -> Path:
        """The frames that this has changed most."""
        return self.root / "report.png"

    def checkpoint(self, phase: str) -> Path:
        """Weights and optimizer of one training."""
        return self.root / "checkpoints" / f"{phase}.weights.h5"

    def tensorboard(self, phase: str) -> Path:
        """TensorBoard's files of one training."""
        return self.root / "tensorboard" / phase

    def round(self, number: int) -> Path:
        """What round ``number`` (from 1) of Algorithm 1 accepted, and why."""
        return self.root / "rounds" / f"{number:02d}"

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Keep other processes from training in the folder.

        Raises:
            ValueError: one does.
            OSError: its lock cannot be made.
        """
        # A mistake is to leave no run behind.
        with alone_in(self.root, beside=True):
            # What a killed process was writing; nobody else is in here now.
            remove_leftovers(self.root)
            yield

    def check(self, config: dict[str, Any], *, resume: bool) -> bool:
        """Look before hours of work whether the folder can be used.

        Args:
            config: what is known by then of that which decides the result, as JSON.
            resume: whether a run that is there shall go on.

        Returns:
            Whether there is a run.

        Raises:
            ValueError: there is a run already and it is not to be resumed, or it was
                started with other options.
        """
        if not self.config.exists():
            return False
        if not resume:
            raise ValueError(
                f"{self.root} holds a run already: add --resume to continue it, or "
                "choose another --output"
            )
        self._check_same(config)
        return True

    def start(self, config: dict[str, Any]) -> None:
        """Make the folder and write the configuration, or compare it with a run's.

        Args:
            config: what decides the result, as JSON.

        Raises:
            ValueError: the folder holds a run that was started with another one.
        """
        if self.config.exists():
            self._check_same(config)
            return
        self.checkpoint("x").parent.mkdir(parents=True, exist_ok=True)
        about = {"version": strrn_tf.__version__, "git_commit": _git_commit()}
        write_json(self.config, {**about, **config})

    def _check_same(self, config: dict[str, Any]) -> None:
        try:
            before = dict(json.loads(self.config.read_text()))
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"{self.config} is damaged ({error}). Choose another --output"
            ) from error
        # Older versions did not name it.
        before.setdefault("method", "sbr" if before.get("sbr") else "strrn")
        wrong = [k for k in config if before.get(k) != config[k]]
        if wrong:
            unknown = _unknown(before.get("run"), config.get("run"))
            if unknown:
                leaf = unknown.rpartition(".")[2]
                then = f"Set it to {LATER[leaf]}, r" if leaf in LATER else "R"
                raise ValueError(
                    f"{self.root} was started by an older version, which did not know "
                    f"the option {unknown}. {then}esume with that version (git_commit "
                    "in config.json), or choose another --output"
                )
            options = _difference(before.get(wrong[0]), config[wrong[0]])
            raise ValueError(
                f"{self.root} was started with other options ({wrong[0]}: {options}). "
                "Resume with those of the start (config.json), or choose another "
                "--output"
            )


def _unknown(before: Any, now: Any) -> str | None:
    """Name the first leaf that was not there before."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in now:
            if key not in before:
                return key
            if inner := _unknown(before[key], now[key]):
                return f"{key}.{inner}"
    return None


def _difference(before: Any, now: Any) -> str:
    """Name the first leaf that differs."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in {**before, **now}:
            if before.get(key) != now.get(key):
                return f"{key}: {_difference(before.get(key), now.get(key))}"
    return f"{before} then, {now} now"


def _git_commit() -> str | None:
    """Return the commit of the working tree this package runs from, if any."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(
            command, capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
