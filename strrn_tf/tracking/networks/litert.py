"""One LiteRT model: named arrays in, named arrays out. No TensorFlow.

A TFLite file has a signature, ``serving_default``, with the names of its inputs and
outputs. Names are used, not positions: converters reorder positions freely.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import ai_edge_litert
import numpy as np
from ai_edge_litert.interpreter import Interpreter

from strrn_tf.system.quiet import quiet_stderr
from strrn_tf.system.validation import check_count

SIGNATURE = "serving_default"
# Of LiteRT's own libraries.
FOLDER = Path(ai_edge_litert.__file__).resolve().parent


class LiteRTModel:
    """A TFLite file with one signature of fixed shapes.

    Example:
        >>> model = LiteRTModel("detector.tflite", inputs={"frames": (1, 315, 315, 3)})
        >>> landmarks = model(frames=crop[None])["landmarks"]

    Attributes:
        inputs: shape of every input by name.
        outputs: names of the outputs.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        inputs: Mapping[str, tuple[int, ...]] | None = None,
        outputs: Sequence[str] = (),
        num_threads: int = 1,
    ) -> None:
        """Open a file.

        Args:
            path: the ``.tflite`` file; it is mapped, not read, into memory.
            inputs: names and shapes the file must have; None: no check.
            outputs: names the file must have, in any order; empty: no check.
            num_threads: threads of the interpreter. One is fastest for networks as
                small as these, and leaves the other cores to other work.

        Raises:
            ValueError: the file is missing, is not a TFLite model or has other names or
                shapes.
        """
        self.path = Path(path)
        num_threads = check_count(num_threads, "num_threads")
        self._interpreter = _open(self.path, num_threads)
        names = self._interpreter.get_signature_list().get(SIGNATURE)
        if names is None:
            raise ValueError(
                f"{self.path} has no signature '{SIGNATURE}'. Export the model again."
            )
        self.outputs: tuple[str, ...] = tuple(sorted(names["outputs"]))
        # Allocate first: the runner holds references to the tensors.
        with quiet_stderr():
            self._interpreter.allocate_tensors()
        self._runner = self._interpreter.get_signature_runner(SIGNATURE)
        self.inputs: dict[str, tuple[int, ...]] = {
            name: tuple(int(side) for side in details["shape"])
            for name, details in self._runner.get_input_details().items()
        }
        self._check("inputs", inputs, self.inputs)
        self._check("outputs", sorted(outputs), list(self.outputs))

    def __call__(self, **arrays: np.ndarray) -> Mapping[str, np.ndarray]:
        """Run the model.

        Args:
            **arrays: one float32 array for every input, of exactly its shape.

        Returns:
            The outputs by name; the arrays are copies and stay valid.

        Raises:
            ValueError: a name, shape or dtype differs from the signature.
        """
        if arrays.keys() != self.inputs.keys():
            raise ValueError(
                f"{self.path.name} takes the inputs {sorted(self.inputs)}. "
                f"Received: {sorted(arrays)}"
            )
        for name, shape in self.inputs.items():
            array = arrays[name]
            # LiteRT would silently re-plan the whole graph for another shape.
            if array.shape != shape or array.dtype != np.float32:
                raise ValueError(
                    f"`{name}` of {self.path.name} must be float32 {shape}. "
                    f"Received: {array.dtype} {array.shape}"
                )
        return self._runner(**arrays)

    def _check(self, kind: str, expected: object, received: object) -> None:
        if expected and expected != received:
            raise ValueError(
                f"{self.path} must have the {kind} {expected}. Received: {received}"
            )


def _open(path: Path, num_threads: int) -> Interpreter:
    if not path.is_file():
        raise ValueError(f"There is no model file {path}.")
    try:
        return Interpreter(model_path=str(path), num_threads=num_threads)
    except (ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"{path} is not a TFLite model LiteRT can read ({reason}). Export it again."
        ) from error
