"""Make a published model folder smaller, and seal it.

Stores the kernels of its .keras files in float16 and failures.jpg in the quality of
published pictures. The TFLite files stay as they are. A second call changes nothing,
so it also seals a folder again whose card was edited. An empty --networks changes the
picture alone.

Example:
  python -m benchmarks.models.lighten_model saved_models/strrn-hgn --networks detector
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from strrn_tf.system.command_line import run_program

PROG = "python -m benchmarks.models.lighten_model"
NETWORKS = ("detector", "tracker")
JPEG_QUALITY = 80
# Encoding a picture again in the same quality saves less than this fraction.
WORTHWHILE = 0.1


@dataclass(frozen=True)
class Options:
    """Which folder, and which of its networks."""

    folder: Annotated[Path, tyro.conf.Positional]
    """Folder with model.json."""
    networks: tuple[Literal["detector", "tracker"], ...] = NETWORKS
    """Networks whose .keras file is halved."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    return run_program(Options, run, argv, prog=PROG, description=__doc__)


def run(options: Options) -> None:
    """Lighten the folder and print the sizes."""
    lighten(options.folder, options.networks)
    for path in sorted(options.folder.iterdir()):
        print(f"{path.stat().st_size / 1e6:6.2f} MB  {path}")


def lighten(folder: Path, networks: Sequence[str] = NETWORKS) -> None:
    """Halve the .keras files of networks, shrink failures.jpg, seal the folder.

    Args:
        folder: of a published model.
        networks: names of the files, without ``.keras``.

    Raises:
        ValueError: ``model.json`` or a TFLite file was changed since it was sealed.
    """
    from strrn_tf.export.keras_file import halve_kernels
    from strrn_tf.tracking.networks.model_folder import load, seal

    description = dict(load(folder).description)
    for name in networks:
        halve_kernels(folder / f"{name}.keras")
    picture = folder / "failures.jpg"
    if picture.is_file():
        shrink_picture(picture)
    if networks:
        halved = dict.fromkeys(networks, "float16")
        description["keras_kernels"] = description.get("keras_kernels", {}) | halved
    seal(folder, description)


def shrink_picture(path: Path) -> None:
    """Encode a picture again if that makes it clearly smaller."""
    from data_pipeline.media.images import read_image, write_image

    before = path.read_bytes()
    write_image(path, read_image(path), JPEG_QUALITY)
    if path.stat().st_size > (1 - WORTHWHILE) * len(before):
        path.write_bytes(before)


if __name__ == "__main__":
    sys.exit(main())
