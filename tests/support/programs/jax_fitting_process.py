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
sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[3]))

import numpy as np
from support.toy_models import Line

from strrn_tf.system.failures import TrainingDiverged
from strrn_tf.training.callbacks import Checkpoints, steps_done
from strrn_tf.training.devices import ONE_DEVICE
from strrn_tf.training.fitting import Phase, fit, make_optimizer
from strrn_tf.training.run_folder import RunFolder

CHECKPOINTS = Checkpoints(steps=20, seconds=0.0)
PHASE = Phase("line-00", steps=100, learning_rate=0.05, weight_decay=0.0)


def interrupt(number: int, kind: str, moment: int) -> None:
    """Press Ctrl-C once in the middle of an update, or twice."""
    if number == moment and kind == "ctrl-c":
        signal.raise_signal(signal.SIGINT)
    if number == moment and kind == "twice":
        raise KeyboardInterrupt


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
    folder = RunFolder(root)
    trainer = Line(partial(interrupt, kind=kind, moment=moment))
    folder.start({})
    try:
        batches = partial(batches_from, poison=moment * (kind == "poison"))
        fit(trainer, batches, PHASE, folder, checkpoints=CHECKPOINTS)
    except TrainingDiverged as error:
        print(f"\nTrainingDiverged: {error}")
    except KeyboardInterrupt:
        print("\nKeyboardInterrupt: ")
    if not folder.checkpoint(PHASE.name).exists():
        print("saved: nothing")
        return
    saved = Line()
    saved.compile(optimizer=make_optimizer(PHASE, ONE_DEVICE))
    saved.optimizer.build(saved.trainable_variables)
    saved.load_weights(folder.checkpoint(PHASE.name))
    print(f"saved: {steps_done(saved)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
