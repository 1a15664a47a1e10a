"""Batches for fused labels: photographs, held-out stills, and an end on S alone."""

import math
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from data_pipeline.augmentation.augment import Augmentation
from data_pipeline.batches.annotated_sources import annotated_sources
from data_pipeline.batches.corrected_stills import clips_of
from data_pipeline.batches.held_out import held_out, moments_of, picture_of
from data_pipeline.batches.pipelines import motion_pairs_dataset, stills_dataset
from data_pipeline.batches.sampling import Labelled, Schedule
from data_pipeline.batches.streams import Stream
from data_pipeline.batches.training_data import PADDING, BatchesFrom, TrainingData
from data_pipeline.batches.unlabelled_pictures import UnlabelledPictures
from data_pipeline.stores.store import CropStore
from strrn_tf.config import RunConfig
from strrn_tf.methods.fused_config import FusedConfig
from strrn_tf.methods.verdict import FEWEST_GROUPS
from strrn_tf.system.file_names import clip_of, index_of

# Owners that are kept out without stills, if that leaves two thirds. With eight the
# errors on blurred pictures spread too far for a gain of a third to show.
OWNERS_HELD_OUT = 24
# So many stills or owners are needed: a third of them is held out at most.
OWNERS_NEEDED = 3 * FEWEST_GROUPS


class FusedData(TrainingData):
    """`TrainingData` whose clips and photographs get fused labels.

    Args:
        stills: S, or None.
        clips: pairs of frames, or None.
        config: batch sizes and seed.
        fused: shares and what is held out.
        photographs: T = 1, or None. One of the two is needed.
        filled: T = 1, frames of the clips in which a face is lost or spoiled, with
            labels that were carried there. Or None.
        known: (N,) bool, the stills that the model before has learnt. They favour it,
            so others are held out where there are enough. None: it has learnt none.
        options: keyword arguments of `TrainingData`.

    Attributes:
        pictures: all pictures that get labels: unlabelled ones, and corrected frames.
        held_out_pictures: (N,) bool, those that are not learnt; all False with stills.
        num_known: number of held-out stills that the model before has learnt.
        learnt_filled: (n,) the filled frames that are learnt.
        detector_updates: number of updates of the detector in a round.
    """

    def __init__(
        self,
        stills: CropStore | None,
        clips: CropStore | None,
        config: RunConfig,
        fused: FusedConfig,
        *,
        photographs: CropStore | None = None,
        filled: CropStore | None = None,
        known: np.ndarray | None = None,
        **options: object,
    ) -> None:
        super().__init__(stills, clips, config, **options)
        self.fused, self.photographs, self.filled = fused, photographs, filled
        corrected: list[str | None] = []
        if stills is not None and clips is not None:
            corrected = clips_of(stills.names, [clip_of(name) for name in clips.names])
        self.pictures = UnlabelledPictures(clips, photographs, stills, corrected)
        owners = self.pictures.owner.astype(str).tolist()
        self.held_out_pictures = np.zeros(len(owners), bool)
        self.num_known = 0
        if stills is None:
            fewest = min(OWNERS_HELD_OUT, len(set(owners)) // 3)
            self.held_out_pictures = held_out(
                owners, fused.held_out, config.seed, fewest
            )
        else:
            known = np.zeros(len(stills), bool) if known is None else known
            self.held_out = self._held_out_stills(stills, known)
            self.num_known = np.count_nonzero(known[self.held_out])
        self.learnt_filled = self._learnt_filled(corrected)
        self.detector_updates = config.detector.round_steps
        if not self.has_annotations and fused.passes:
            learnt = np.count_nonzero(~self.held_out_pictures) + len(self.learnt_filled)
            enough = math.ceil(fused.passes * learnt / config.detector.batch_size)
            self.detector_updates = min(self.detector_updates, enough)

    @property
    def counts(self) -> dict[str, int]:
        """Number of training samples by kind."""
        counts = super().counts
        if len(self.held_out):
            counts["annotated stills"] -= len(self.held_out)
            counts["held-out stills"] = len(self.held_out)
        if len(self.pictures.corrected):
            counts["annotated stills"] -= len(self.pictures.corrected)
            counts["corrected frames"] = len(self.pictures.corrected)
        if self.photographs:
            counts["unlabelled photographs"] = len(self.photographs)
        if len(self.learnt_filled):
            counts["filled frames"] = len(self.learnt_filled)
        return counts

    @property
    def num_judged(self) -> int:
        """Return how many pictures, clips or stretches of clips are held out."""
        if self.stills is not None:
            return len(set(self.held_out_owners.tolist()))
        return len(set(self.pictures.owner[self.held_out_pictures].tolist()))

    def _held_out_stills(self, stills: CropStore, known: np.ndarray) -> np.ndarray:
        """Return the stills (n,) that decide. Corrected frames are few: all are learnt.

        So are the other stills beside them, where too few could be held out.

        Args:
            stills: S.
            known: (N,) those that the model before has learnt.
        """
        others = np.setdiff1d(np.arange(len(stills)), self.pictures.corrected)
        new = others[~known[others]]
        if len({picture_of(stills.names[i]) for i in new}) >= OWNERS_NEEDED:
            others = new
        names = [picture_of(stills.names[i]) for i in others]
        count = len(set(names))
        if not names or (len(self.pictures.corrected) and count < OWNERS_NEEDED):
            return others[:0]
        fewest = min(FEWEST_GROUPS, count // 3)
        return others[held_out(names, self.fused.held_out, self.config.seed, fewest)]

    def fused_batches(
        self,
        landmarks: np.ndarray,
        trust: np.ndarray,
        probability: np.ndarray,
        seed: int,
    ) -> BatchesFrom:
        """Return batches for the detector.

        Args:
            landmarks: (N, 68, 2) of ``pictures``, in their pixels.
            trust: (N, 68) weight of every landmark.
            probability: (N,) of every picture. Those that are held out get none.
            seed: of the batches.
        """
        detector, fused = self.config.detector, self.fused
        share = fused.label_share if self._other_stills(1.0) else 1.0
        used = np.where(self.held_out_pictures, 0, probability)
        pictures = self.pictures.sources(landmarks, trust, used, fused.photograph_share)
        pictures += self._filled_frames(np.count_nonzero(used))
        total = sum(p.weight for p in pictures)
        pictures = [p._replace(weight=share * p.weight / total) for p in pictures]
        sources = [*self._other_stills(1 - share), *pictures]
        human, steps = self._other_stills(1.0), self.detector_updates
        human_from = steps - round(fused.human_end * steps)
        annealed = round(self.config.algorithm.augmentation_annealing * steps)

        def batches_from(start: int) -> Stream:
            return stills_dataset(
                sources,
                batch_size=detector.batch_size,
                seed=seed,
                start=start,
                augmentation=self.detector_augmentation,
                annealed_from=steps - annealed,
                late=(human_from, human) if human and human_from < steps else None,
            )

        return batches_from

    def _filled_frames(self, others: int) -> list[Labelled]:
        """Return the filled frames that are learnt, beside pictures of the weight 1.

        They are hard frames, so each is drawn as often as pictures are at most. All
        together they do not exceed the other pictures.

        Args:
            others: number of the other pictures.
        """
        index = self.learnt_filled
        if not len(index) or not others:
            return []
        store = self.filled
        weight = min(self.fused.disagreement_cap * len(index) / others, 1.0)
        return [Labelled(store.frames[:, 0], store.landmarks[:, 0], weight, index)]

    def _learnt_filled(self, corrected: Sequence[str | None]) -> np.ndarray:
        """Return the filled frames (n,) that are learnt.

        A moment is kept out as a whole if one of its frames is nearest to a picture
        that is kept out. Where a person has corrected frames of a clip, their labels
        are the better ones, and the models' own are not moved with them.

        Args:
            corrected: clips with corrected frames.
        """
        if not self.filled:
            return np.array([], int)
        pictures = self.pictures
        kept_out = pictures.owner[self.held_out_pictures]
        is_kept_out = np.isin(pictures.owners_of(self.filled.names), kept_out)
        moment = moments_of(self.filled.names)
        clips = set(corrected)
        is_corrected = [clip_of(name) in clips for name in self.filled.names]
        left_out = np.isin(moment, moment[is_kept_out]) | is_corrected
        return np.flatnonzero(~left_out)

    def near_learnt(self, names: Sequence[str]) -> np.ndarray:
        """Return which frames (n,) of clips may be of a moment that is learnt."""
        both = [*names, *(self.filled.names[i] for i in self.learnt_filled)]
        order = sorted(
            range(len(both)), key=lambda i: (clip_of(both[i]), index_of(both[i]))
        )
        moment = np.empty(len(both), int)
        moment[order] = moments_of([both[i] for i in order])
        return np.isin(moment[: len(names)], moment[len(names) :])

    def write_moved_labels(self, folder: Path, landmarks: np.ndarray) -> None:
        """Write the frames of corrected clips with their labels in the 300-W layout.

        Args:
            folder: to write to.
            landmarks: (N, 68, 2) of ``pictures``, in their pixels.
        """
        group, first = self.pictures.group, self.pictures.num_frames
        corrected = group[len(group) - len(self.pictures.corrected) :]
        for index in np.flatnonzero(np.isin(group[:first], corrected)):
            self.write_pseudo_label(folder, int(index), landmarks[index] - PADDING)

    @property
    def has_annotations(self) -> bool:
        """Return whether a person has annotated stills or frames."""
        return bool(self.stills or self.frames)

    @property
    def num_own(self) -> int:
        """Return how many of the first ``pictures`` get the detector's own answers."""
        own = self.fused.own_answers and not self.has_annotations
        return self.pictures.num_frames if own else 0

    @property
    def can_teach(self) -> bool:
        """Return whether there is more to learn than what the detector answers."""
        return self.num_own < len(self.pictures) or len(self.learnt_filled) > 0

    @property
    def only_moments_teach(self) -> bool:
        """Return whether filled frames are all that there is to learn."""
        return self.can_teach and self.num_own == len(self.pictures)

    def _other_stills(self, weight: float) -> list[Labelled]:
        """Return the annotated sources without corrected frames, which are pictures.

        Frames of what is kept out for the judge are left out.
        """
        left_out = []
        if self.stills is not None:
            left_out = [np.union1d(self.held_out, self.pictures.corrected)]
        if self.frames is not None:
            kept_out = self.pictures.owner[self.held_out_pictures]
            owners = self.pictures.owners_of(self.frames.names)
            left_out.append(np.flatnonzero(np.isin(owners, kept_out)))
        stores = [store for store in (self.stills, self.frames) if store is not None]
        return annotated_sources(stores, weight, left_out)

    def held_out_stills(self) -> tuple[Sequence[np.ndarray], np.ndarray, np.ndarray]:
        """Return n stored pictures, landmarks and whole shapes (n, 68, 2) in them."""
        store, index = self.stills, self.held_out
        frames = [store.frames[i, 0] for i in index]
        return frames, store.landmarks[index, 0], store.whole[index, 0]

    @property
    def held_out_owners(self) -> np.ndarray:
        """Return the pictures or clips (n,) that the held-out stills are of."""
        return np.array([picture_of(self.stills.names[i]) for i in self.held_out])

    def held_out_pairs(self) -> Iterator[dict[str, np.ndarray]]:
        """Yield a pair of every held-out still in synthetic motion, always the same.

        Its ``still`` () is the number of the still in ``held_out``.
        """
        store = self.stills
        shapes = store.landmarks[:, 0], 1.0, self.held_out, store.whole[:, 0]
        stream = motion_pairs_dataset(
            [Labelled(store.frames[:, 0], *shapes)],
            batch_size=1,
            seed=0,
            augmentation=Augmentation.none(),
            motion=self.motion,
        )
        still = Schedule([len(self.held_out)], [1.0], seed=0)
        for position, batch in enumerate(islice(iter(stream), len(self.held_out))):
            pair = {name: np.asarray(array) for name, array in batch.items()}
            yield {**pair, "still": np.array(still(position)[1])}
