"""How far landmarks of the networks in Chromium are from Python's, on the same crops.

Drawn faces are cut, and ``web/scripts/measure/networks.mjs`` runs detector and tracker
of every folder on the crops, in WebAssembly. The tracker starts at the landmarks of the
frame before, as they were drawn. The table holds the distance of a landmark to Python's
in pixels of the crop: mean, and largest. ``make web`` comes first.

Example:
  python -m benchmarks.accuracy.browser runs/float32 runs/float16 strrn-fast
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import tyro
from rich.console import Console
from rich.table import Table

from data_pipeline.synthetic.pictures import draw_clip
from strrn_tf.geometry import apply_matrix, box_from_landmarks, crop_matrix
from strrn_tf.landmarks import NUM_LANDMARKS
from strrn_tf.system.command_line import run_program
from strrn_tf.tracking.networks.crop import cut, to_network
from strrn_tf.tracking.networks.face_networks import FaceNetworks
from strrn_tf.tracking.networks.model_folder import ModelFolder, load

PROG = "python -m benchmarks.accuracy.browser"
WEB = Path(__file__).parents[2] / "web"
SCRIPT = WEB / "scripts" / "measure" / "networks.mjs"
CATEGORIES = 1, 2, 3


@dataclass(frozen=True)
class Options:
    """What to compare."""

    models: tyro.conf.Positional[
        Annotated[tuple[str, ...], tyro.conf.arg(metavar="MODEL")]
    ]
    """Names of shipped models, run folders or exported folders."""
    frames: int = 20
    """Frames of every category of drawn clips."""


class Samples(NamedTuple):
    """Crops (N, S, S, 3) uint8, and where the tracker starts, (N, 68, 2) float32."""

    crops: np.ndarray
    starts: np.ndarray


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def run(options: Options) -> None:
    """Print the table."""
    table = Table("model", "network", "mean px", "largest px")
    for model in options.models:
        folder = load(model)
        samples = draw_samples(folder, options.frames)
        pairs = zip(
            in_browser(folder, samples), in_python(folder, samples), strict=True
        )
        for name, (found, expected) in zip(("detector", "tracker"), pairs, strict=True):
            off = np.linalg.norm(found - expected, axis=-1)
            table.add_row(model, name, f"{off.mean():.4f}", f"{off.max():.4f}")
    table.title = f"{len(samples.crops)} crops"
    Console().print(table)


def draw_samples(folder: ModelFolder, frames: int) -> Samples:
    """Draw clips and cut their faces as the model takes them."""
    size, crops, starts = folder.crop_size, [], []
    for category in CATEGORIES:
        before = None
        for frame, landmarks in draw_clip(
            np.random.default_rng(category), category, frames + 1
        ):
            if before is not None:
                box = box_from_landmarks(before).astype(np.float64)
                matrix = crop_matrix(box, size, folder.crop_margin)
                crops.append(cut(frame, matrix, size))
                starts.append(apply_matrix(matrix, before))
            before = landmarks
    return Samples(np.stack(crops), np.stack(starts).astype(np.float32))


def in_python(folder: ModelFolder, samples: Samples) -> np.ndarray:
    """Return landmarks (2, N, 68, 2) of detector and tracker."""
    networks = FaceNetworks(folder)
    answers = [
        (networks.detect_in_crop(pixels), networks.track_in_crop(pixels, start))
        for pixels, start in zip(
            map(to_network, samples.crops), samples.starts, strict=True
        )
    ]
    return np.stack(answers, axis=1)


def in_browser(folder: ModelFolder, samples: Samples) -> np.ndarray:
    """Return the same from Chromium.

    Raises:
        ValueError: Node is missing, or the script has failed.
    """
    node = shutil.which("node")
    if node is None:
        raise ValueError("Node is missing. Install version 20 or later.")
    with tempfile.TemporaryDirectory() as target:
        given = Path(target)
        for name in ("detector.tflite", "tracker.tflite"):
            shutil.copyfile(folder.path / name, given / name)
        (given / "crops.bin").write_bytes(samples.crops.tobytes())
        (given / "starts.bin").write_bytes(samples.starts.astype("<f4").tobytes())
        command = [node, str(SCRIPT), str(given)]
        result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        raise ValueError(f"{SCRIPT.name} failed: {result.stderr.strip()[-300:]}")
    answers = np.array(json.loads(result.stdout), np.float32)
    return answers.reshape(2, -1, NUM_LANDMARKS, 2)


if __name__ == "__main__":
    sys.exit(main())
