"""Trains a line on JAX, where the weights are gone while an update is under way.

    python jax_fitting_process.py FOLDER poison|ctrl-c|twice UPDATE

does that in the middle of an update (from 1), and prints how it ended and how many
updates the checkpoint has.
"""

import os
import signal
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"
sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from strrn_tf.training import callbacks, fitting
from strrn_tf.training.failures import TrainingDiverged
from strrn_tf.training.fitting import Phase, fit
from strrn_tf.training.run_folder import RunFolder
from support.toy_models import Line

STRETCH = 20
PHASE = Phase("line-00", steps=100, learning_rate=0.05, weight_decay=0.0)


class Interrupted(Line):
    """Something happens in the middle of an update."""

    def __init__(self, kind: str, moment: int) -> None:
        super().__init__()
        self.kind, self.moment, self.updates = kind, moment, 0

    def make_train_function(self, force: bool = False) -> None:
        super().make_train_function(force)
        update = self.train_function

        def interrupted(*arguments: object) -> object:
            result = update(*arguments)
            self.updates += 1
            if self.updates == self.moment and self.kind == "ctrl-c":
                signal.raise_signal(signal.SIGINT)
            if self.updates == self.moment and self.kind == "twice":
                raise KeyboardInterrupt
            return result

        self.train_function = interrupted


def batches_from(start: int, poison: int) -> Iterator[dict[str, np.ndarray]]:
    """Yield the batches from a number on, of which one may be poisoned."""
    number = start
    while True:
        x = np.random.default_rng(number).normal(size=(4, 2)).astype(np.float32)
        if number == poison - 1:
            x[:] = np.nan
        yield {"x": x, "y": x[:, :1]}
        number += 1


def main(root: Path, kind: str, moment: int) -> None:
    """Train, and read what was saved."""
    fitting.CHECKPOINT_STEPS, callbacks.CHECKPOINT_SECONDS = STRETCH, 0.0
    folder = RunFolder(root)
    folder.start({})
    try:
        batches = partial(batches_from, poison=moment * (kind == "poison"))
        fit(Interrupted(kind, moment), batches, PHASE, folder)
    except TrainingDiverged as error:
        print(f"\nTrainingDiverged: {error}")
    except KeyboardInterrupt:
        print("\nKeyboardInterrupt: ")
    if not folder.checkpoint(PHASE.name).exists():
        print("saved: nothing")
        return
    saved = Line()
    saved.compile(optimizer=fitting._optimizer(PHASE, fitting.ONE_DEVICE))
    saved.optimizer.build(saved.trainable_variables)
    saved.load_weights(folder.checkpoint(PHASE.name))
    print(f"saved: {callbacks.steps_done(saved)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
