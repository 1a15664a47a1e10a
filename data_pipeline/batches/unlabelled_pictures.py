"""All pictures that a run labels: second frames of pairs, photographs, corrections."""

from collections.abc import Iterator, Sequence

import numpy as np

from data_pipeline.batches.sampling import Labelled
from data_pipeline.crops.window import STORED_SIZE
from data_pipeline.stores.store import CropStore
from strrn_tf.geometry import CROP_MARGIN, CROP_SIZE
from strrn_tf.system.file_names import clip_of, index_of

# Entries of the list from which pictures are drawn, for every picture in a source: the
# resolution of the probabilities.
ENTRIES = 8
# Fewer clips or folders are too few to keep whole ones out: a third of them proves
# nothing. Frames of a stretch are seconds apart.
FEW, STRETCH = 24, 2


class UnlabelledPictures(Sequence):
    """N stored pictures (385, 385, 3) uint8, read one at a time.

    First come the frames of clips, then photographs, then stills that are corrected
    frames of these clips.

    Args:
        clips: pairs of frames, or None.
        photographs: T = 1, or None.
        stills: annotated stills, or None.
        still_clips: name of the clip of every still; None for one of no clip.

    Attributes:
        names: N names.
        group: (N,) number of the clip, or of the folder of the photograph.
        owner: (N,) number of what is kept out together: the same, but where there are
            few clips a short stretch of one, and where photographs lie in few folders
            each of them.
        num_frames: number of frames of clips, which come first.
        corrected: (n,) indices in ``stills`` of the corrected frames, which come last.
    """

    def __init__(
        self,
        clips: CropStore | None,
        photographs: CropStore | None,
        stills: CropStore | None = None,
        still_clips: Sequence[str | None] = (),
    ) -> None:
        self.num_frames = len(clips) if clips else 0
        used = [i for i, clip in enumerate(still_clips) if clip is not None]
        self.corrected = np.array(used, int)
        self._parts: list[tuple[np.ndarray, np.ndarray]] = []
        self.names: list[str] = []
        # A clip and a folder of photographs may have the same name.
        keys: list[tuple[bool, str]] = []
        for store, mark in ((clips, "#"), (photographs, "/")):
            if store is not None:
                self._parts.append((store.frames[:, -1], np.arange(len(store))))
                self.names += store.names
                owners = (name.rpartition(mark)[0] for name in store.names)
                keys += [(mark == "#", owner) for owner in owners]
        if used:
            self._parts.append((stills.frames[:, -1], self.corrected))
            self.names += [stills.names[i] for i in used]
            keys += [(True, still_clips[i]) for i in used]
        numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
        self.group = np.array([numbers[key] for key in keys], int)
        self.owner = self._owners()

    def _owners(self) -> np.ndarray:
        owner, first, next_number = self.group.copy(), 0, len(set(self.group.tolist()))
        for last, length in ((self.num_frames, STRETCH), (len(owner), 1)):
            rows = np.arange(first, last)
            if 0 < len(set(self.group[rows].tolist())) < FEW:
                # Stretches do not reach from one clip into the next one.
                start = np.searchsorted(self.group[rows], self.group[rows])
                part = self.group[rows] * len(owner) + (rows - first - start) // length
                owner[rows] = next_number + np.unique(part, return_inverse=True)[1]
                next_number = owner.max() + 1
            first = last
        return owner

    def owners_of(self, names: Sequence[str]) -> np.ndarray:
        """Return the owners (n,) of other frames: those of the nearest frames here.

        Args:
            names: of frames such as ``clip.mp4#000123``. The owner is -1 where there is
                no frame of the clip.
        """
        clips: dict[str, list[tuple[int, int]]] = {}
        for name, owner in zip(self.names[: self.num_frames], self.owner, strict=False):
            clips.setdefault(clip_of(name), []).append((index_of(name), int(owner)))
        found = []
        for name in names:
            index, frames = index_of(name), clips.get(clip_of(name), [])
            near = [(abs(number - index), owner) for number, owner in frames]
            found.append(min(near, default=(0, -1))[1])
        return np.array(found, int)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> np.ndarray:
        for frames, rows in self._parts:
            if index < len(rows):
                return np.asarray(frames[rows[index]])
            index -= len(rows)
        raise IndexError("there is no such picture")

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[i] for i in range(len(self)))

    @property
    def boxes(self) -> np.ndarray:
        """Face boxes (N, 4) in pixels of the stored pictures, all the same."""
        middle, half = (STORED_SIZE - 1) / 2, CROP_SIZE / CROP_MARGIN / 2
        low, high = middle - half, middle + half
        return np.tile([low, low, high, high], (len(self), 1))

    def sources(
        self,
        landmarks: np.ndarray,
        trust: np.ndarray,
        probability: np.ndarray,
        photograph_share: float,
    ) -> list[Labelled]:
        """Return the pictures with their labels as sources whose weights sum to one.

        Args:
            landmarks: (N, 68, 2) in stored pixels.
            trust: (N, 68) weight of every landmark.
            probability: (N,) with which each is drawn within its source; 0: never.
            photograph_share: weight of the photographs where there are clips too.
        """
        starts = np.cumsum([0, *(len(rows) for _, rows in self._parts)])
        corrected_from = len(self) - len(self.corrected)
        of_clips = probability[: self.num_frames].sum()
        of_clips += probability[corrected_from:].sum()
        parts: list[Labelled] = []
        for first, (frames, rows) in zip(starts, self._parts, strict=False):
            here = slice(first, first + len(rows))
            index = drawn(probability[here])
            if self.num_frames <= first < corrected_from:
                weight = photograph_share if of_clips else 1.0
            else:
                weight = probability[here].sum() / of_clips if of_clips else 0.0
                has_photographs = self.num_frames < corrected_from
                weight *= 1 - photograph_share if has_photographs else 1.0
            if weight and len(index):
                shapes, trusted = (
                    _placed(values[here], rows, len(frames))
                    for values in (landmarks, trust)
                )
                source = Labelled(frames, shapes, weight, rows[index], None, trusted)
                parts.append(source)
        total = sum(part.weight for part in parts)
        return [part._replace(weight=part.weight / total) for part in parts]


def _placed(values: np.ndarray, rows: np.ndarray, count: int) -> np.ndarray:
    """Return an array of ``count`` rows with the values in theirs, else zeros."""
    result = np.zeros((count, *values.shape[1:]), values.dtype)
    result[rows] = values
    return result


def drawn(probability: np.ndarray) -> np.ndarray:
    """Return a list of indices in which each occurs in proportion to its probability.

    Probabilities (N,) need not sum to one. The list has about `ENTRIES` entries for
    every probability that is not zero.
    """
    used = np.count_nonzero(probability)
    if not used:
        return np.array([], int)
    edges = np.cumsum(probability) / np.sum(probability) * used * ENTRIES
    counts = np.diff(np.round(edges).astype(int), prepend=0)
    return np.repeat(np.arange(len(probability)), counts)
