"""The LiteRT networks of MTCNN, one interpreter per input shape.

A change of the input shape makes LiteRT plan its memory and pack its weights anew
(1 to 3 ms), so an interpreter keeps its shape for life.
"""

import math
from functools import cache
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from strrn_tf.system.digests import sha256
from strrn_tf.system.quiet import quiet_stderr
from strrn_tf.tracking.face_detection.mtcnn.boxes import CELL, STRIDE

FOLDER = Path(__file__).resolve().parent
CHECKSUMS = "SHA256SUMS"
ONET_SIDE = 48
# Pixels of a band at most, but for its overlap, and its rows of windows at least. The
# largest image of a search has about 28,000 pixels.
BAND_PIXELS, LEAST_WINDOWS = 7_000, 15


class Network:
    """One network at one input size.

    The refinement networks run patch by patch: measured on one core, a batch of 64
    takes as long as 64 batches of one, and one shape serves any number of patches.

    Args:
        name: ``"pnet"``, ``"rnet"`` or ``"onet"``.
        height: rows of the input.
        width: columns of the input.
        num_threads: threads of the interpreter.

    Raises:
        ValueError: the file of the network is not the one that was installed.
    """

    def __init__(
        self, name: str, height: int, width: int, num_threads: int = 1
    ) -> None:
        self.height, self.width = height, width
        path = verified(FOLDER / f"{name}.tflite")
        self._interpreter = Interpreter(str(path), num_threads=num_threads)
        self._input = self._interpreter.get_input_details()[0]["index"]
        output = self._interpreter.get_output_details()[0]
        self._output, self.channels = output["index"], int(output["shape"][-1])
        self._interpreter.resize_tensor_input(self._input, (1, height, width, 3))
        with quiet_stderr():
            self._interpreter.allocate_tensors()

    def run(self, pixels: np.ndarray) -> np.ndarray:
        """Return the output for one image (height, width, 3) float32 in [0, 255].

        Returns:
            (rows, columns, 5) for ``pnet``, (5,) for ``rnet``, (15,) for ``onet``.
        """
        self._interpreter.set_tensor(self._input, pixels[None])
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._output)[0]


class ProposalNetwork:
    """``pnet`` on images of one size, band by band.

    A network keeps memory for all that it computes from its input. The largest image of
    a search takes 7 MB, and 2 MB in bands. Their rows overlap, but the cache holds more
    of a band: they take 1.1 times as long.

    Args:
        height: rows of the images.
        width: their columns.
        num_threads: threads of the interpreter.
    """

    def __init__(self, height: int, width: int, num_threads: int = 1) -> None:
        self.height, self.width = height, width
        windows = (height - CELL) // STRIDE + 1
        bands = math.ceil(height * width / BAND_PIXELS)
        rows = CELL + STRIDE * (max(math.ceil(windows / bands), LEAST_WINDOWS) - 1)
        # The last band ends with the image and begins at an even row, as windows do.
        rows += height % STRIDE
        self._band = Network("pnet", min(rows, height), width, num_threads)

    def run(self, pixels: np.ndarray) -> np.ndarray:
        """Return what ``Network.run`` returns for the whole image."""
        rows = self._band.height
        # Windows that lie in a band as a whole; a last one may not.
        step = STRIDE * ((rows - CELL) // STRIDE + 1)
        starts = [*range(0, self.height - rows, step), self.height - rows]
        parts = [self._band.run(pixels[start : start + rows]) for start in starts]
        ends = [start // STRIDE for start in starts[1:]]
        kept = [
            part[: end - start // STRIDE]
            for part, start, end in zip(parts, starts, ends, strict=False)
        ]
        return np.concatenate([*kept, parts[-1]])


def open_onet(num_threads: int = 1) -> Network:
    """Return the last network, which both the face finder and the face check run."""
    return Network("onet", ONET_SIDE, ONET_SIDE, num_threads)


@cache
def verified(path: Path) -> Path:
    """Return the path of a file whose SHA-256 stands beside it, once it is compared.

    Raises:
        ValueError: the file is missing, changed or not in the list.
    """
    try:
        sums = (path.parent / CHECKSUMS).read_text(encoding="ascii")
        digest = sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ValueError(f"{error.filename} is missing. Install strrn again.") from None
    if f"{digest}  {path.name}" not in sums.splitlines():
        raise ValueError(
            f"{path} was changed (its SHA-256 differs). Install strrn again."
        )
    return path
