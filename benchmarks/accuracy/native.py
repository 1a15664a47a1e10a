"""How far landmarks of the example in C++ are from Python's.

``examples/minimal_litert.cpp`` is built by cmake against LiteRT's shared library. It
detects the face of a drawn clip and tracks it into the next frame, small and four times
enlarged. The table holds the largest difference to ``FaceTracker.align`` and
``FaceTracker.step``, in pixels of the crop. With ``--compiler``, ``--library`` and
``--emulator`` the program is built for another processor.

Example:
  python -m benchmarks.accuracy.native strrn-hgn
"""

import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import tyro
from rich.console import Console
from rich.table import Table

from data_pipeline.synthetic.pictures import draw_clip
from strrn_tf import FaceTracker
from strrn_tf.geometry import box_from_landmarks, face_size
from strrn_tf.landmarks import NUM_LANDMARKS
from strrn_tf.system.command_line import run_program
from strrn_tf.tracking.networks.model_folder import ModelFolder

PROG = "python -m benchmarks.accuracy.native"
EXAMPLES = Path(__file__).parents[2] / "examples"
SCALES = 1, 4


@dataclass(frozen=True)
class Options:
    """What to compare."""

    model: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="MODEL")]]
    """Name of a shipped model, run folder or exported folder."""
    compiler: str = ""
    """C++ compiler, such as ``aarch64-linux-gnu-g++``. Empty: cmake's choice."""
    library: Path | None = None
    """``libLiteRt.so`` for that processor. None: that of the installed package."""
    emulator: str = ""
    """Command that runs the program, such as ``qemu-aarch64-static -L FOLDER``."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def run(options: Options) -> None:
    """Print a row for every scale of the picture."""
    tracker = FaceTracker.from_pretrained(options.model, any_roll=False)
    table = Table("picture", "detector, px", "tracker, px", "cycle error")
    with tempfile.TemporaryDirectory() as folder:
        program = build(Path(folder), options.compiler, options.library)
        command = [*shlex.split(options.emulator), str(program)]
        for scale in SCALES:
            row = compare(command, tracker, Path(folder), scale)
            table.add_row(f"x {scale}", *(f"{value:.4f}" for value in row))
    Console().print(table)


def build(
    folder: Path,
    compiler: str = "",
    library: Path | None = None,
    build_type: str = "Release",
) -> Path:
    """Build the program and return its path.

    Args:
        folder: for the files of the build.
        compiler: C++ compiler; empty: cmake's choice.
        library: ``libLiteRt.so``; None: that of the installed package.
        build_type: cmake's.

    Raises:
        ValueError: cmake is missing, or the program cannot be built.
    """
    arguments = [
        *("-S", str(EXAMPLES), "-B", str(folder / "build")),
        f"-DLITERT_LIBRARY={library or litert_library()}",
        f"-DCMAKE_BUILD_TYPE={build_type}",
    ]
    if compiler:
        arguments += ["-DCMAKE_SYSTEM_NAME=Linux", f"-DCMAKE_CXX_COMPILER={compiler}"]
    for command in (arguments, ["--build", str(folder / "build")]):
        try:
            subprocess.run(["cmake", *command], check=True, capture_output=True)
        except FileNotFoundError:
            raise ValueError("cmake is missing. Install it.") from None
        except subprocess.CalledProcessError as error:
            raise ValueError(f"cmake failed: {error.stderr.decode()}") from None
    return folder / "build" / "minimal_litert"


def litert_library() -> Path:
    """Return the shared library of the installed package."""
    import ai_edge_litert

    return Path(ai_edge_litert.__file__).parent / "libLiteRt.so"


def compare(
    command: Sequence[str], tracker: FaceTracker, folder: Path, scale: int
) -> tuple[float, float, float]:
    """Return the largest differences of a program to Python.

    Args:
        command: that runs the program.
        tracker: of Python, with windows that do not turn.
        folder: for the pictures.
        scale: by which the drawn pictures are enlarged.

    Returns:
        Differences of landmarks of detector and tracker in pixels of the crop, and of
        the cycle error.
    """
    drawn = list(draw_clip(np.random.default_rng(4), 1, 2))
    frames = [cv2.resize(frame, None, fx=scale, fy=scale) for frame, _ in drawn]
    box = scale * box_from_landmarks(drawn[0][1]).astype(np.float64)
    files = [folder / f"{scale}-{i}.ppm" for i in range(2)]
    for file, frame in zip(files, frames, strict=True):
        cv2.imwrite(str(file), cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    model: ModelFolder = tracker.folder
    sides = [str(side) for side in box.tolist()]
    arguments = [*command, str(model.path), str(files[0]), *sides, str(files[1])]
    result = subprocess.run(arguments, capture_output=True, text=True)
    if result.returncode:
        raise ValueError(f"{command[-1]} failed: {result.stderr.strip()[-300:]}")
    values = np.array(result.stdout.split(), float)
    detected, tracked = values[:-1].reshape(2, NUM_LANDMARKS, 2)
    expected = tracker.align(frames[0], box)
    moved, error = tracker.step(*frames, expected)
    to_crop = model.crop_size / model.crop_margin / face_size(box)
    return (
        float(to_crop * abs(detected - expected).max()),
        float(to_crop * abs(tracked - moved).max()),
        float(abs(values[-1] - error)),
    )


if __name__ == "__main__":
    sys.exit(main())
