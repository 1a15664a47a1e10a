"""Synthetic data of all kinds for a quick run of the tables."""

from pathlib import Path

from data_pipeline.synthetic.dataset import draw_dataset
from strrn_tf.commands.reproduce.data import Data
from strrn_tf.commands.reproduce.rows import Source

CLIPS_OF_A_SOURCE, FRAMES_OF_A_CLIP = 6, 24


def synthetic_data(root: Path) -> Data:
    """Return synthetic data of all kinds, and draw them if they are missing."""
    draw_dataset(
        root / "data",
        num_stills=160,
        num_test_stills=0,
        num_training_clips=CLIPS_OF_A_SOURCE,
        clips_per_category=2,
        frames_per_clip=FRAMES_OF_A_CLIP,
    )
    collections: dict[Source, Path | None] = {}
    for seed, source in enumerate(("youtube-celebrities", "youtube-faces"), 1):
        draw_dataset(
            root / source,
            num_stills=0,
            num_test_stills=0,
            num_training_clips=CLIPS_OF_A_SOURCE,
            clips_per_category=0,
            frames_per_clip=FRAMES_OF_A_CLIP,
            seed=seed,
        )
        collections[source] = root / source / "300vw"
    return Data(root / "data", root / "data" / "300w", collections=collections)
