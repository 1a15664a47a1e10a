"""The annotated stills S and the unlabelled pairs D of Algorithm 1, as batches."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_pipeline.augmentation.augment import Augmentation
from data_pipeline.augmentation.motion import Motion
from data_pipeline.augmentation.photometric import PhotometricStrength
from data_pipeline.batches.annotated_sources import annotated_sources
from data_pipeline.batches.pipelines import (
    Labelled,
    clip_pairs_dataset,
    clips_dataset,
    motion_pairs_dataset,
    stills_dataset,
)
from data_pipeline.batches.source_shares import SourceShares
from data_pipeline.batches.streams import Stream, combine, mix, split_batch
from data_pipeline.crops.window import STORED_SIZE
from data_pipeline.media.images import write_image
from data_pipeline.media.pts import write_pts
from data_pipeline.stores.store import CropStore
from strrn_tf.config import RunConfig
from strrn_tf.geometry import CROP_MARGIN, CROP_SIZE
from strrn_tf.system.file_names import clip_of, file_name, index_of

PADDING = (STORED_SIZE - CROP_SIZE) // 2
PREDICTION_BATCH = 32
PARITY_CROPS = 8
# For SBR: stills in a batch for every triplet of frames in it.
STILLS_PER_TRIPLET = 4

BatchesFrom = Callable[[int], Stream]


class PseudoLabels(NamedTuple):
    """The pseudo-labels of a round: shapes (N, 68, 2) in crop pixels, masks (N,).

    ``strrn_tf.methods.cycle_scores.CycleScores`` has these attributes and more.
    """

    detected_before: np.ndarray
    detected: np.ndarray
    tracked: np.ndarray
    teaches_detector: np.ndarray
    teaches_tracker: np.ndarray


class TrainingData:
    """Batches for every training of Algorithm 1.

    Args:
        stills: S (T = 1). None trains on pseudo-labels alone.
        clips: D (T = 2). None trains on stills alone.
        config: batch sizes, mixtures, seed.
        augmentation: strengths for all streams. None uses the defaults, and box errors
            of the configuration for the detector.
        motion: of the synthetic pairs.
        annotated: annotated frames of the clips (T = 1), for Semi-STRRN. They are
            learnt like S. The target of a pair that ends in one is its annotation.
        source: number (N,) of the source of each pair, for ``source_shares``.

    Raises:
        ValueError: ``annotated_fraction`` or ``source_shares`` of the configuration
            contradicts the data.
    """

    def __init__(
        self,
        stills: CropStore | None,
        clips: CropStore | None,
        config: RunConfig,
        augmentation: Augmentation | None = None,
        motion: Motion | None = None,
        *,
        annotated: CropStore | None = None,
        source: np.ndarray | None = None,
    ) -> None:
        self.stills = stills
        self.clips = clips
        self.frames = annotated
        self.photographs: CropStore | None = None
        # Stills that are not learnt. Only fused labels hold some out.
        self.held_out = np.array([], int)
        self.config = config
        self.augmentation = augmentation or Augmentation()
        algorithm = config.algorithm
        self.detector_augmentation = augmentation or Augmentation(
            scale=algorithm.box_scale, shift=algorithm.box_shift
        )
        self.motion = motion or Motion()
        self.names = list(clips.names) if clips else []
        self.annotated = self._annotated_pairs()
        shares = algorithm.source_shares if clips else ()
        self.sources = SourceShares(shares, source)

    def detector_batches(self, pseudo: PseudoLabels | None, seed: int) -> BatchesFrom:
        """Return batches of S and D_det for the detector, of S alone in round 0."""
        detector = self.config.detector
        steps = detector.round_steps if pseudo else detector.steps
        return self._detector_batches(pseudo, seed, steps)

    def _detector_batches(
        self, pseudo: PseudoLabels | None, seed: int, steps: int
    ) -> BatchesFrom:
        fraction = self.config.algorithm.pseudo_share
        sources = self._annotated_sources(1 - fraction if pseudo else 1.0)
        if pseudo is not None and (fraction or not sources):
            frames = self.clips.frames[:, 1]
            index = np.flatnonzero(pseudo.teaches_detector)
            # Annotations are better than pseudo-labels.
            index = np.setdiff1d(index, self.annotated)
            label = pseudo.tracked + PADDING
            sources += [
                Labelled(frames, label, (fraction or 1.0) * part_fraction, part)
                for part, part_fraction in self.sources.parts(index)
            ]
        batch_size = self.config.detector.batch_size
        annealed = round(self.config.algorithm.augmentation_annealing * steps)

        def batches_from(start: int) -> Stream:
            return stills_dataset(
                sources,
                batch_size=batch_size,
                seed=seed,
                start=start,
                augmentation=self.detector_augmentation,
                annealed_from=steps - annealed,
            )

        return batches_from

    def tracker_batches(self, pseudo: PseudoLabels | None, seed: int) -> BatchesFrom:
        """Return batches of D_tck and of stills in synthetic motion."""
        fraction = self.config.algorithm.mix_stills if pseudo else 1.0
        batch_size = self.config.tracker.batch_size
        sources = self._annotated_sources(1.0)
        if not sources and pseudo is not None:
            # Without annotated stills the trusted frames take their place.
            index = np.flatnonzero(pseudo.teaches_detector | pseudo.teaches_tracker)
            label = pseudo.tracked + PADDING
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
                pseudo.detected_before + PADDING,
                pseudo.detected + PADDING,
                self._tracker_targets(pseudo) + PADDING,
                parts=self.sources.parts(self._tracker_index(pseudo)),
                batch_size=size,
                seed=seed,
                start_batch=start,
                augmentation=self.augmentation,
            )

        def batches_from(start: int) -> Stream:
            if fraction == 1:
                return stills(batch_size, start)
            if fraction == 0:
                return pairs(batch_size, start)
            first, second = split_batch(batch_size, (fraction, 1 - fraction))
            return mix(stills(first, start), pairs(second, start))

        return batches_from

    def registration_batches(self, seed: int) -> BatchesFrom:
        """Return batches of S for SBR, with ``triplets`` (b, 3, 315, 315, 3) of frames.

        The triplets have no photometric augmentation: optical flow would follow noise
        and painted blocks.
        """
        steps = self.config.detector.round_steps
        stills = self._detector_batches(None, seed, steps)
        plain = replace(self.augmentation, photometric=PhotometricStrength.none())
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
        inside = slice(PADDING, PADDING + CROP_SIZE)
        for first in range(0, len(self.clips), PREDICTION_BATCH):
            batch = self.clips.frames[first : first + PREDICTION_BATCH]
            yield batch[:, :, inside, inside].astype(np.float32) / 255

    @property
    def counts(self) -> dict[str, int]:
        """Number of training samples by kind."""
        is_pairs = self.clips is None or self.clips.frames.shape[1] == 2
        counts = {
            "annotated stills": len(self.stills) if self.stills else 0,
            f"unlabelled {'pairs' if is_pairs else 'triplets'} of frames": len(
                self.names
            ),
        }
        if self.frames:
            counts["annotated video frames"] = len(self.frames)
        return counts

    @property
    def learnt_stills(self) -> list[str]:
        """Names of the annotated stills that are learnt."""
        names = self.stills.names if self.stills else []
        kept_out = set(self.held_out.tolist())
        return [name for i, name in enumerate(names) if i not in kept_out]

    def parity_crops(self) -> np.ndarray:
        """Return crops (n, 315, 315, 3) float32 in [0, 1] for checking an export."""
        inside = slice(PADDING, PADDING + CROP_SIZE)
        store = self.stills or self.clips or self.photographs
        return store.frames[:PARITY_CROPS, 0, inside, inside].astype(np.float32) / 255

    def images(self, index: int) -> np.ndarray:
        """Return frames t-1 and t (2, 315, 315, 3) uint8 of one pair."""
        inside = slice(PADDING, PADDING + CROP_SIZE)
        return np.asarray(self.clips.frames[index][:, inside, inside])

    def write_pseudo_label(self, folder: Path, index: int, shape: np.ndarray) -> None:
        """Write frame t of a pair and its shape (68, 2) in the 300-W layout."""
        name = self.names[index]
        name = f"{file_name(clip_of(name))}_{index_of(name):06d}"
        write_image(folder / f"{name}.jpg", self.images(index)[1])
        write_pts(folder / f"{name}.pts", shape)

    def write_picture(self, path: Path, picture: np.ndarray) -> None:
        """Write an RGB image."""
        write_image(path, picture)

    def _annotated_sources(self, weight: float) -> list[Labelled]:
        """Return S and the annotated video frames."""
        stores = [store for store in (self.stills, self.frames) if store is not None]
        held_out = [self.held_out] if self.stills is not None else []
        return annotated_sources(stores, weight, held_out)

    def _annotated_pairs(self) -> np.ndarray:
        """Return the pairs whose second frame is annotated."""
        fraction = self.config.algorithm.annotated_fraction
        if bool(fraction) != (self.frames is not None):
            raise ValueError(
                f"`annotated_fraction` is {fraction}: it needs annotated frames, which "
                "sequences in the 300VW layout have, and 0 allows none"
            )
        if self.clips is None or self.frames is None:
            return np.array([], int)
        is_chosen = np.isin(self.names, self.frames.names)
        return np.flatnonzero(is_chosen & self._is_known())

    def _is_known(self) -> np.ndarray:
        """Return a mask (N,): the annotated face is the one in the crop.

        Among several faces, the face finder may have chosen another one.
        """
        middle = self.clips.whole[:, 1].mean(1) - (STORED_SIZE - 1) / 2
        return np.abs(middle).max(-1) < CROP_SIZE / CROP_MARGIN / 2

    def _tracker_targets(self, pseudo: PseudoLabels) -> np.ndarray:
        targets = pseudo.detected.copy()
        if len(self.annotated):
            targets[self.annotated] = self.clips.landmarks[self.annotated, 1] - PADDING
        return targets

    def _tracker_index(self, pseudo: PseudoLabels) -> np.ndarray:
        return np.union1d(np.flatnonzero(pseudo.teaches_tracker), self.annotated)
