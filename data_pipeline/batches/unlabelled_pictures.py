"""All unlabelled pictures of a run: the second frames of pairs, and photographs."""

from collections.abc import Iterator, Sequence

import numpy as np

from data_pipeline.batches.sampling import Labelled
from data_pipeline.crops.window import STORED_SIZE
from data_pipeline.stores.store import CropStore
from strrn_tf.geometry import CROP_MARGIN, CROP_SIZE

# Entries of the list from which pictures are drawn, for every picture in a source: the
# resolution of the probabilities.
ENTRIES = 8
# Fewer folders of photographs are not one person or place each.
FEW_FOLDERS = 10


class UnlabelledPictures(Sequence):
    """N stored pictures (385, 385, 3) uint8, clips first, read one at a time.

    Args:
        clips: pairs of frames, or None.
        photographs: T = 1, or None.

    Attributes:
        names: N names.
        group: (N,) number of the clip, or of the folder of the photograph.
        owner: (N,) number of what is kept out together: the same, but every photograph
            is its own where they lie in few folders.
        num_frames: number of frames of clips, which come first.
    """

    def __init__(self, clips: CropStore | None, photographs: CropStore | None) -> None:
        self._stores = [store for store in (clips, photographs) if store is not None]
        self.num_frames = len(clips) if clips else 0
        self.names = [name for store in self._stores for name in store.names]
        owners = [
            name.rpartition("#" if i < self.num_frames else "/")[0]
            for i, name in enumerate(self.names)
        ]
        # A clip and a folder of photographs may have the same name.
        keys = [(i < self.num_frames, owner) for i, owner in enumerate(owners)]
        numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
        self.group = np.array([numbers[key] for key in keys], int)
        self.owner = self.group.copy()
        photographs = np.arange(self.num_frames, len(keys))
        if len(set(self.group[photographs].tolist())) < FEW_FOLDERS:
            self.owner[photographs] = len(numbers) + photographs

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> np.ndarray:
        first = self._stores[0]
        if index < len(first):
            return np.asarray(first.frames[index, -1])
        return np.asarray(self._stores[1].frames[index - len(first), -1])

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
        parts = []
        first = 0
        weights = [1.0]
        if len(self._stores) == 2:
            weights = [1 - photograph_share, photograph_share]
        for store, weight in zip(self._stores, weights, strict=True):
            rows = slice(first, first + len(store))
            first += len(store)
            index = drawn(probability[rows])
            if weight and len(index):
                shapes = landmarks[rows], weight, index, None, trust[rows]
                parts.append(Labelled(store.frames[:, -1], *shapes))
        total = sum(part.weight for part in parts)
        return [part._replace(weight=part.weight / total) for part in parts]


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
