"""Every threshold of offline tracking, with its unit and its reason."""

from dataclasses import dataclass, fields

# Largest values: seconds of video that wait in memory, and fractions.
_LARGEST = {"longest_gap": 10.0, "context": 10.0, "block": 60.0}


@dataclass(frozen=True)
class OfflineConfig:
    """Thresholds of the gaps that are found and filled.

    Lengths are fractions of the eye distance, as in ``TrackingConfig``.

    Raises:
        ValueError: a field is no number or is outside its range.
    """

    longest_gap: float = 1.0
    """Seconds. A longer loss is not filled: too much can happen in it. 0: none is."""

    context: float = 0.5
    """Seconds before and behind a gap that are looked at, and by which smoothing looks
    ahead at least."""

    block: float = 2.0
    """Seconds of video that are decided at once. More costs memory and saves a little
    time."""

    min_likeness: float = 0.45
    """Ratio. The faces on both sides of a gap have to look alike: the mean correlation
    of the surroundings of their landmarks. Two frames of a face that moves have 0.8."""

    min_contrast: float = 0.2
    """Ratio. The first frame of a gap is less like the one before, by this, than a
    frame that follows. A blink takes away 0.1."""

    min_resemblance: float = 0.7
    """Ratio. A landmark is carried into a frame where its surroundings correlate by
    this with those on the side of the gap it comes from."""

    detail_weight: float = 0.4
    """What a change of the detail by the factor e takes from the likeness. Blur takes
    0.4 to 0.5 away, and the motion of a head 0.05."""

    recovered: float = 0.05
    """Ratio. A gap ends where the likeness to the side before comes this near to the
    best one that follows. The tracker needs some frames to find back."""

    max_return_error: float = 0.03
    """Eye distances. Flow that is carried into a frame and back has to return within
    this distance."""

    max_stray: float = 0.1
    """Eye distances. A carried landmark that leaves the motion of the others by more
    has followed something else."""

    min_carried: float = 0.2
    """Fraction of the landmarks that have to be carried, or the others are not moved
    with them."""

    velocity_seconds: float = 0.08
    """Seconds on either side of a gap from which the motion of the face is taken."""

    longest_coasting: float = 0.4
    """Seconds. In gaps up to this length the path bends by the motion on both sides. It
    is straighter the longer a gap is."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value, high = getattr(self, field.name), _LARGEST.get(field.name, 1.0)
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not is_number or not 0 <= value <= high:
                raise ValueError(
                    f"`{field.name}` must be a number from 0 to {high:g}. "
                    f"Received: {value!r}"
                )
