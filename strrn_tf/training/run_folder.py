"""The folder of a run: paths, lock, and the recorded settings."""

import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import strrn_tf
from strrn_tf.config import ADDED_OPTIONS, option_name
from strrn_tf.system.atomic import remove_leftovers, write_json
from strrn_tf.system.locking import exclusive_lock
from strrn_tf.system.renamed import with_new_names


def append_json_line(path: Path, content: dict[str, Any]) -> None:
    """Append one line, with the time of writing in seconds."""
    with path.open("a", encoding="utf-8", newline="\n") as file:
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
        """The settings of the run, as JSON."""
        return self.root / "config.json"

    @property
    def metrics(self) -> Path:
        """One JSON object per line: losses of trainings, reports of rounds."""
        return self.root / "metrics.jsonl"

    @property
    def export(self) -> Path:
        """The exported models."""
        return self.root / "export"

    @property
    def report(self) -> Path:
        """Report of what the rounds have changed on the clips."""
        return self.root / "report.json"

    @property
    def report_picture(self) -> Path:
        """Sheet of the frames with the largest changes."""
        return self.root / "report.png"

    @property
    def verdict(self) -> Path:
        """Whether the former weights were replaced, and on which evidence."""
        return self.root / "verdict.json"

    def checkpoint(self, phase: str) -> Path:
        """Weights and optimizer of one training."""
        return self.root / "checkpoints" / f"{phase}.weights.h5"

    def tensorboard(self, phase: str) -> Path:
        """TensorBoard's files of one training."""
        return self.root / "tensorboard" / phase

    def round(self, number: int) -> Path:
        """Scores, report and pseudo-labels of round ``number``, from 1."""
        return self.root / "rounds" / f"{number:02d}"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder against other trainings. Nothing in it is changed.

        Raises:
            ValueError: another process trains there.
            OSError: the lock cannot be made.
        """
        # The lock lies beside the folder: a wrong option must not leave a folder.
        with exclusive_lock(self.root, beside=True):
            yield

    def check(self, config: dict[str, Any], *, resume: bool) -> bool:
        """Check before hours of work that the folder can be used.

        Args:
            config: the settings that are known without reading data, as JSON.
            resume: whether to continue a run.

        Returns:
            Whether the folder holds a run.

        Raises:
            ValueError: it is a file, holds a run that is not to be resumed, or one with
                other options.
        """
        if self.root.exists() and not self.root.is_dir():
            raise ValueError(f"{self.root} is a file: choose another --output")
        if not self.config.exists():
            return False
        if not resume:
            raise ValueError(
                f"{self.root} holds a run already: add --resume to continue it, or "
                "choose another --output"
            )
        self._check_same(config, older={})
        return True

    def start(
        self, config: dict[str, Any], older: Mapping[str, Any] | None = None
    ) -> None:
        """Make the folder and write the settings, or compare them with a run's.

        Of a run, files are removed that a killed process did not finish. The caller
        has locked the folder.

        Args:
            config: the settings that decide the result, as JSON.
            older: what earlier versions wrote for the same settings, where it differs.

        Raises:
            ValueError: the folder holds a run with other settings.
        """
        if self.config.exists():
            self._check_same(config, older or {})
            remove_leftovers(self.root)
            return
        self.checkpoint("x").parent.mkdir(parents=True, exist_ok=True)
        about = {"version": strrn_tf.__version__, "git_commit": _git_commit()}
        write_json(self.config, {**about, **config})

    def _check_same(self, config: dict[str, Any], older: Mapping[str, Any]) -> None:
        try:
            before = dict(
                with_new_names(json.loads(self.config.read_text(encoding="utf-8")))
            )
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"{self.config} is damaged ({error}). Choose another --output"
            ) from error
        # Older versions did not record it.
        before.setdefault("method", "sbr" if before.get("sbr") else "strrn")
        wrong = [
            k
            for k in config
            if before.get(k) not in (config[k], older.get(k, config[k]))
        ]
        if wrong:
            added = _added(before, config)
            if added:
                cure = _cure(added)
                raise ValueError(
                    f"{self.root} was started by an older version, which did not have "
                    f"the option {option_name(added)}. {cure}esume with that "
                    "version (git_commit in config.json), or choose another --output"
                )
            options = _difference(before.get(wrong[0]), config[wrong[0]])
            if wrong[0] == "fused" and before.get("fused") is None:
                options = "add --labels paper"
            raise ValueError(
                f"{self.root} was started with other options ({wrong[0]}: {options}). "
                "Resume with those of the start (config.json), or choose another "
                "--output"
            )


def _added(before: dict[str, Any], now: dict[str, Any]) -> str | None:
    """Return the dotted name of the first option that is new; None if there is none."""
    if name := _first_new_key(before.get("run"), now.get("run")):
        return name.removeprefix("algorithm.")
    name = _first_new_key(before.get("fused"), now.get("fused"))
    return f"fused.{name}" if name else None


def _first_new_key(before: Any, now: Any) -> str | None:
    if isinstance(before, dict) and isinstance(now, dict):
        for key in now:
            if key not in before:
                return key
            if inner := _first_new_key(before[key], now[key]):
                return f"{key}.{inner}"
    return None


def _cure(name: str) -> str:
    """Say how a new option gets the value with which it changes nothing."""
    section, dot, leaf = name.rpartition(".")
    if leaf not in ADDED_OPTIONS:
        return "R"
    neutral = ADDED_OPTIONS[leaf]
    if neutral in (None, []):
        return f"Leave {option_name(name)} out, r"
    # Where True and False are not all, as for --global-context, a value follows.
    if neutral is False and section == "fused":
        return f"Add {option_name(f'{section}{dot}no_{leaf}')}, r"
    return f"Add {option_name(name)} {neutral}, r"


def _difference(before: Any, now: Any) -> str:
    """Describe the first value that differs."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in {**before, **now}:
            if before.get(key) != now.get(key):
                return f"{key}: {_difference(before.get(key), now.get(key))}"
    return f"{before} then, {now} now"


def _git_commit() -> str | None:
    """Return the git commit that this package runs from; None outside a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(
            command, capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
