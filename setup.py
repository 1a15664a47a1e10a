"""Metadata lies in pyproject.toml; here is what it cannot say: where models go.

A plain installation carries the shipped models in ``share/strrn/saved_models`` of its
environment, where ``FaceTracker.from_pretrained`` looks for them.
"""

from pathlib import Path

from setuptools import setup

HERE = Path(__file__).parent


def shipped_models() -> list[tuple[str, list[str]]]:
    """Return (target folder, files) of every model that is shipped."""
    folders = sorted(found.parent for found in HERE.glob("saved_models/*/model.json"))
    return [
        (
            f"share/strrn/saved_models/{folder.name}",
            [str(p.relative_to(HERE)) for p in sorted(folder.iterdir()) if p.is_file()],
        )
        for folder in folders
    ]


setup(data_files=shipped_models())
