"""The annotated stills S and the unlabelled pairs D of Algorithm 1, as batches."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_pipeline.augment import Augmentation
from data_pipeline.images import write_image
from data_pipeline.motion import Motion
from data_pipeline.photometric import Photometric
from data_pipeline.pipelines import (
    Labelled,
    clip_pairs_dataset,
    clips_dataset,
    motion_pairs_dataset,
    stills_dataset,
)
from data_pipeline.pts import write_pts
from data_pipeline.store import CropStore
from data_pipeline.stored_window import STORED_SIZE
from data_pipeline.streams import Stream, combine, mix, split_batch
from strrn_tf.config import RunConfig
from strrn_tf.geometry import CROP_SIZE

ROOM = (STORED_SIZE - CROP_SIZE) // 2
PREDICTION_BATCH = 32
PARITY_CROPS = 8
# Of SBR: stills of a batch for every three frames of a clip in it.
STILLS_PER_TRIPLET = 4

BatchesFrom = Callable[[int], Stream]


class PseudoLabels(NamedTuple):
    """What a round has added, shapes (N, 68, 2) in crop pixels, masks (N,).

    ``strrn_tf.omni.criticism.Criticism`` has these attributes and more.
    """

    detected_before: np.ndarray
    detected: np.ndarray
    tracked: np.ndarray
    teaches_detector: np.ndarray
    teaches_tracker: np.ndarray


class TrainingData:
    """Batches for every training of Algorithm 1.

    Args:
        stills: S (T = 1); None: only pseudo-labels are learnt from.
        clips: D (T = 2); None: stills only.
        config: batch sizes, mixtures, seed.
        augmentation: strengths, for all streams.
        motion: of the synthetic pairs.
    """

    def __init__(
        self,
        stills: CropStore | None,
        clips: CropStore | None,
        config: RunConfig,
        augmentation: Augmentation | None = None,
        motion: Motion | None = None,
    ) -> None:
        self.stills = stills
        self.clips = clips
        self.config = config
        self.augmentation = augmentation or Augmentation()
        self.motion = motion or Motion()
        self.names = list(clips.names) if clips else []
        self.annotated = self._choose_annotated()

    def detector_batches(self, pseudo: PseudoLabels | None, seed: int) -> BatchesFrom:
        """Return batches of S u D_det for the detector."""
        share = self.config.algorithm.pseudo_share
        sources = self._annotated_sources(1 - share if pseudo else 1.0)
        if pseudo is not None and (share or not sources):
            frames = self.clips.frames[:, 1]
            index = np.flatnonzero(pseudo.teaches_detector)
            # A frame that somebody annotated needs no second, worse label.
            index = np.setdiff1d(index, self.annotated)
            label = pseudo.tracked + ROOM
            if len(index):
                sources.append(Labelled(frames, label, share or 1.0, index))
        batch_size = self.config.detector.batch_size

        def batches_from(start: int) -> Stream:
            return stills_dataset(
                sources,
                batch_size=batch_size,
                seed=seed,
                start=start,
                augmentation=self.augmentation,
            )

        return batches_from

    def tracker_batches(self, pseudo: PseudoLabels | None, seed: int) -> BatchesFrom:
        """Return batches of D_tck and of stills in synthetic motion."""
        share = self.config.algorithm.mix_stills if pseudo else 1.0
        batch_size = self.config.tracker.batch_size
        sources = self._annotated_sources(1.0)
        if not sources and pseudo is not None:
            # Nobody gave annotated stills: the trusted frames stand in for them.
            index = np.flatnonzero(pseudo.teaches_detector | pseudo.teaches_tracker)
            label = pseudo.tracked + ROOM
            sources = [Labelled(self.clips.frames[:, 1], label, 1.0, index)]

        def stills(size: int, start: int) -> Stream:
            return motion_pairs_dataset(
                sources,
                batch_size=size,
                seed=seed,
                start=start,
                augmentation=self.augmentation,
                motion=self.motion,
            )

        def pairs(size: int, start: int) -> Stream:
            return clip_pairs_dataset(
                self.clips.frames,
                pseudo.detected_before + ROOM,
                pseudo.detected + ROOM,
                self._tracker_targets(pseudo) + ROOM,
                index=self._tracker_index(pseudo),
                batch_size=size,
                seed=seed,
                start_batch=start,
                augmentation=self.augmentation,
            )

        def batches_from(start: int) -> Stream:
            if share == 1:
                return stills(batch_size, start)
            if share == 0:
                return pairs(batch_size, start)
            first, second = split_batch(batch_size, (share, 1 - share))
            return mix(stills(first, start), pairs(second, start))

        return batches_from

    def registration_batches(self, seed: int) -> BatchesFrom:
        """Return batches of S for SBR, with ``triplets`` (b, 3, 315, 315, 3) beside.

        The triplets keep their looks: what noise and painted blocks would add is what
        optical flow would follow.
        """
        stills = self.detector_batches(None, seed)
        plain = replace(self.augmentation, photometric=Photometric.none())
        size = max(self.config.detector.batch_size // STILLS_PER_TRIPLET, 1)

        def batches_from(start: int) -> Stream:
            triplets = clips_dataset(
                self.clips.frames,
                batch_size=size,
                seed=seed,
                start=start,
                augmentation=plain,
            )
            return combine(
                lambda s, t: {**s, "triplets": t["frames"]}, stills(start), triplets
            )

        return batches_from

    def pairs(self) -> Iterator[np.ndarray]:
        """Yield batches (B, 2, 315, 315, 3) float32 in [0, 1] of all pairs in order."""
        inside = slice(ROOM, ROOM + CROP_SIZE)
        for first in range(0, len(self.clips), PREDICTION_BATCH):
            batch = self.clips.frames[first : first + PREDICTION_BATCH]
            yield batch[:, :, inside, inside].astype(np.float32) / 255

    @property
    def num_stills(self) -> int:
        """Number of annotated stills."""
        return len(self.stills) if self.stills else 0

    def parity_crops(self) -> np.ndarray:
        """Return crops (n, 315, 315, 3) float32 in [0, 1] for checking an export."""
        inside = slice(ROOM, ROOM + CROP_SIZE)
        store = self.stills or self.clips
        return store.frames[:PARITY_CROPS, 0, inside, inside].astype(np.float32) / 255

    def images(self, index: int) -> np.ndarray:
        """Return frames t-1 and t (2, 315, 315, 3) uint8 of one pair."""
        inside = slice(ROOM, ROOM + CROP_SIZE)
        return np.asarray(self.clips.frames[index][:, inside, inside])

    def write_pseudo_label(self, folder: Path, index: int, shape: np.ndarray) -> None:
        """Write frame t of a pair and its shape (68, 2) in the 300-W layout."""
        name = self.names[index].replace("/", "_").replace("#", "_")
        write_image(folder / f"{name}.jpg", self.images(index)[1])
        write_pts(folder / f"{name}.pts", shape)

    def write_picture(self, path: Path, picture: np.ndarray) -> None:
        """Write an RGB image."""
        write_image(path, picture)

    def _annotated_sources(self, weight: float) -> list[Labelled]:
        """Return S, and the annotated video frames in proportion to their number."""
        found = []
        if self.stills is not None:
            shapes = self.stills.landmarks[:, 0]
            found.append((self.stills.frames[:, 0], shapes, np.arange(len(shapes))))
        if len(self.annotated):
            frames, shapes = self.clips.frames[:, 1], self.clips.landmarks[:, 1]
            found.append((frames, shapes, self.annotated))
        total = sum(len(index) for *_, index in found)
        if weight == 0:
            return []
        return [
            Labelled(frames, shapes, weight * len(index) / total, index)
            for frames, shapes, index in found
        ]

    def _choose_annotated(self) -> np.ndarray:
        """Return the annotated pairs for Semi-STRRN: a seeded share of each clip.

        Both frames of a pair must be annotated.
        """
        fraction = self.config.algorithm.annotated_fraction
        if not fraction or self.clips is None:
            return np.array([], int)
        known = np.isfinite(self.clips.landmarks).all((1, 2, 3))
        clip = np.array([name.split("#")[0] for name in self.names])
        rng = np.random.default_rng((self.config.seed, len(self.names)))
        chosen = []
        for name in np.unique(clip):
            members = np.flatnonzero(known & (clip == name))
            count = round(fraction * len(members))
            chosen.append(rng.permutation(members)[:count])
        chosen = np.sort(np.concatenate(chosen))
        if not len(chosen):
            raise ValueError(
                f"`annotated_fraction` is {fraction}, but no frame of the clips is "
                "annotated (or too few): give sequences in the 300VW layout, or 0"
            )
        return chosen

    def _tracker_targets(self, pseudo: PseudoLabels) -> np.ndarray:
        targets = pseudo.detected.copy()
        if len(self.annotated):
            targets[self.annotated] = self.clips.landmarks[self.annotated, 1] - ROOM
        return targets

    def _tracker_index(self, pseudo: PseudoLabels) -> np.ndarray:
        return np.union1d(np.flatnonzero(pseudo.teaches_tracker), self.annotated)
