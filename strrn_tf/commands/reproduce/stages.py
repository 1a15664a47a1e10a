"""Trains and scores models, each once, in processes of their own.

The folder of a model is named after everything that decides it but the code: options,
the state of the data, the model it goes on with. So rows and tables that need the same
model share it; one that is complete is not made again, and one that was left unfinished
by a kill goes on. What a process prints is in its ``log.txt``.
"""

import ctypes
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from strrn_tf.commands.reproduce.data import Data
from strrn_tf.commands.reproduce.rows import Training
from strrn_tf.evaluation.protocols import PROTOCOLS
from strrn_tf.system.atomic import replacing
from strrn_tf.tracking.networks.model_folder import DESCRIPTION, find

# To be raised with every change that gives another model for the same arguments.
TRAINING_VERSION = "2"
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
# Option of prctl: the signal at the death of the parent.
PR_SET_PDEATHSIG = 1


class StageFailed(ValueError):
    """A process ended with an error; the message has its log and the last line."""


@dataclass(frozen=True)
class Stages:
    """Output folder, data and arguments of all trainings and evaluations.

    Attributes:
        output: folder of all models.
        data: what they are made of and scored on.
        train: further arguments of ``strrn train``, for all.
        evaluate: further arguments of ``strrn evaluate``, for all.
        program: command line before ``train`` or ``evaluate``.
        popen: starts a process.
    """

    output: Path
    data: Data
    train: tuple[str, ...] = ()
    evaluate: tuple[str, ...] = ()
    program: tuple[str, ...] = (sys.executable, "-m", "strrn_tf")
    popen: Callable[..., subprocess.Popen] = subprocess.Popen

    def model(self, training: Training, seed: int) -> str:
        """Return the model of a training, made now if it is missing.

        Args:
            training: what to train.
            seed: of everything random.

        Returns:
            Run folder; or, where nothing is trained, the model of ``--init``.

        Raises:
            LacksData: there are no data for it.
            StageFailed: the training ended with an error.
        """
        start = self.data.start(training)
        if not training.rounds:
            if self.data.init:
                return self.data.init[training.backbone]
            return str(self._stills_run(training, seed))
        clips = self.data.clips_of(training)
        arguments = [*start, *clips, *training.options, *self.train]
        folder = self._folder(training, [*arguments, "--seed", str(seed)])
        # Annotations of clips are learnt beside the stills, from the first update on.
        can_share = not (self.data.init or training.annotated)
        if can_share and not _is_done(folder):
            self._copy_checkpoints(self._stills_run(training, seed), folder, training)
        return str(self._train(folder, arguments, seed))

    def scores(self, model: str) -> Path:
        """Return the folder of a model's evaluation, made now if it is missing."""
        folder = Path(model)
        name = folder.name if (folder / "export").is_dir() else f"init-{folder.name}"
        clips = str(self.data.clips)
        state = [_description_state(model), self.data.scored_state()]
        key = _digest([model, clips, *self.evaluate, *PROTOCOLS, *state])
        target = self.output / "evaluations" / f"{name}-{key}"
        if not (target / "metrics.json").is_file():
            target.mkdir(parents=True, exist_ok=True)
            arguments = ["--model", model, "--data-root", clips, "--category", "all"]
            arguments += ["--output", str(target), *self.evaluate]
            self.run(f"scoring {name}", "evaluate", arguments, target / "log.txt")
        return target

    def results(self, model: str) -> list[dict]:
        """Return the metrics of every category and protocol, see `strrn evaluate`."""
        path = self.scores(model) / "metrics.json"
        return json.loads(path.read_text(encoding="utf-8"))["results"]

    def _stills_run(self, training: Training, seed: int) -> Path:
        """Return the run of a backbone that has learnt from stills only."""
        arguments = [*self.data.start(training), "--rounds", "0", *self.train]
        alone = replace(training, rounds=False, options=())
        folder = self._folder(alone, [*arguments, "--seed", str(seed)])
        return self._train(folder, arguments, seed)

    def _copy_checkpoints(self, donor: Path, folder: Path, training: Training) -> None:
        """Copy the checkpoints of the trainings on stills from another run.

        A training that is complete is only read; so the run ends as if it had done all.
        """
        shared = (
            ["detector-00"] if training.own_tracker else ["detector-00", "tracker-00"]
        )
        for phase in shared:
            name = f"checkpoints/{phase}.weights.h5"
            if not (folder / name).exists():
                with replacing(folder / name) as new:
                    shutil.copyfile(donor / name, new)

    def _train(self, folder: Path, arguments: list[str], seed: int) -> Path:
        if not _is_done(folder):
            folder.mkdir(parents=True, exist_ok=True)
            places = ["--output", str(folder), "--cache", str(self.output / "cache")]
            places += ["--seed", str(seed), "--resume"]
            log = folder / "log.txt"
            self.run(f"training {folder.name}", "train", arguments + places, log)
        return folder

    def _folder(self, training: Training, arguments: list[str]) -> Path:
        init = self.data.init.get(training.backbone)
        state = [self.data.learnt_state(training), init and _description_state(init)]
        digest = _digest([TRAINING_VERSION, *arguments, *filter(None, state)])
        return self.output / "models" / f"{training.label}-{digest}"

    def run(self, what: str, command: str, arguments: list[str], log: Path) -> None:
        """Run one command to its end.

        Args:
            what: the stage, in words.
            command: such as ``train``.
            arguments: of the command.
            log: file for all that the command prints.

        Raises:
            StageFailed: it ended with an error.
        """
        begin = time.monotonic()
        program = [*self.program, command, *arguments]
        with log.open("a", encoding="utf-8") as file:
            file.write(f"$ strrn {command} {' '.join(arguments)}\n")
            file.flush()
            # A session of its own: a terminal's Ctrl-C reaches only this process, which
            # passes it on once.
            process = self.popen(
                program,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent if os.name == "posix" else None,
            )
            try:
                code = process.wait()
            except KeyboardInterrupt:
                process.send_signal(signal.SIGINT)
                process.wait()  # it saves
                raise
        if code:
            last = log.read_text(encoding="utf-8").strip().splitlines()[-1].strip()
            raise StageFailed(f"{what} ended with exit code {code}: {last} ({log})")
        seconds = time.monotonic() - begin
        Console(stderr=True).print(f"{what}: {seconds:.0f} s", highlight=False)


def _end_with_parent() -> None:
    """Let the death of its parent be a Ctrl-C to a new process, where Linux runs.

    A killed command would leave its training behind, which would keep the next one out.
    """
    # Background jobs of a shell ignore SIGINT.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if LIBC:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGINT)


def _is_done(folder: Path) -> bool:
    return (folder / "export" / "model.json").is_file()


def _description_state(model: str) -> str:
    """Return digits that change with a model: its description has the files' hashes."""
    return hashlib.sha256((find(model) / DESCRIPTION).read_bytes()).hexdigest()


def _digest(arguments: list[str]) -> str:
    return hashlib.sha256("\0".join(arguments).encode()).hexdigest()[:8]
