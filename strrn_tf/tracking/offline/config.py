"""Every threshold of offline tracking, with its unit and its reason."""

from dataclasses import dataclass, fields

# Smallest and largest value of fields that do not allow all from 0 to 1.
_RANGES = {
    # Seconds of video, and frames, that wait in memory. Half of the frames are decided
    # when there are too many, so one is not enough.
    "longest_gap": (0.0, 10.0),
    "context": (0.0, 10.0),
    "block": (0.0, 60.0),
    "most_waiting": (2, 100_000),
    # The tracker takes no interval of 0.
    "redetect_interval": (1e-3, 60.0),
    # A smaller window cuts the face off, a larger one has few pixels of it.
    "view_size": (1.0, 10.0),
    # Contrast is divided by the first, and grey levels deviate by 127.5 at most.
    "faint_detail": (0.01, 127.0),
    "even_contrast": (1.0, 127.0),
    # OpenCV refuses windows below 3; the crop has 315 pixels a side, and nine levels
    # shrink it to one pixel.
    "flow_window": (3, 315),
    "flow_levels": (1, 9),
    "flow_iterations": (1, 1000),
}


@dataclass(frozen=True)
class OfflineConfig:
    """Thresholds of the gaps that are found and filled, and of how long frames wait.

    Lengths are fractions of the eye distance, as in ``TrackingConfig``.

    Raises:
        ValueError: a field is no number or is outside its range.
    """

    # Time and memory ------------------------------------------------------------------

    longest_gap: float = 1.0
    """Seconds. A longer loss is not filled: too much can happen in it. 0: none is."""

    context: float = 0.5
    """Seconds before and behind a gap that are looked at, and by which smoothing looks
    ahead at least."""

    block: float = 2.0
    """Seconds of video that are decided at once. More costs memory and saves a little
    time."""

    most_waiting: int = 600
    """Frames that wait at most. It bounds the memory of a video with very many in a
    second."""

    time_tolerance: float = 1e-3
    """Seconds by which a length of time may exceed its limit. Times are rounded."""

    redetect_interval: float = 0.04
    """Seconds between two searches of the live tracker for a lost face, where it is
    opened for offline tracking. Time matters less than the face."""

    # What is kept of a face, and how it is compared -----------------------------------

    view_size: float = 2.5
    """Face sizes. Side of the window that is kept around a face. A lost face may move
    by three quarters of its size."""

    faint_detail: float = 0.5
    """Grey levels. Less contrast is none."""

    even_contrast: float = 45.0
    """Grey levels. Views get this standard deviation, that of a well lit crop, before
    flow is computed. It finds little in the dark."""

    # Which moments are gaps -----------------------------------------------------------

    min_likeness: float = 0.45
    """Ratio. The faces on both sides of a gap have to look alike: the mean correlation
    of the surroundings of their landmarks. Two frames of a face that moves have 0.8."""

    min_contrast: float = 0.2
    """Ratio. The first frame of a gap is less like the one before, by this, than a
    frame that follows. A blink takes away 0.1."""

    detail_weight: float = 0.4
    """Ratio that a change of the detail by the factor e takes from the likeness. Blur
    takes 0.4 to 0.5 away, and the motion of a head 0.05."""

    recovered: float = 0.05
    """Ratio. A gap ends where the likeness to the side before comes this near to the
    best one that follows. The tracker needs some frames to find back."""

    # How gaps are filled --------------------------------------------------------------

    flow_window: int = 31
    """Pixels of the crop, where the eyes are 95 apart: side of what flow compares. It
    is larger than the live tracker's, for the way is longer."""

    flow_levels: int = 3
    """Levels of the image pyramid of optical flow. The live tracker has fewer."""

    flow_iterations: int = 20
    """Largest number of iterations of optical flow on each level."""

    flow_precision: float = 0.03
    """Pixels. Optical flow stops iterating after a smaller step."""

    min_resemblance: float = 0.7
    """Ratio. A landmark is carried into a frame where its surroundings correlate by
    this with those on the side of the gap it comes from."""

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
            value = getattr(self, field.name)
            is_count = field.type is int
            low, high = _RANGES.get(field.name, (0.0, 1.0))
            is_number = isinstance(value, int if is_count else (int, float))
            is_number = is_number and not isinstance(value, bool)
            if not is_number or not low <= value <= high:
                name = "whole number" if is_count else "number"
                raise ValueError(
                    f"`{field.name}` must be a {name} from {low:g} to {high:g}. "
                    f"Received: {value!r}"
                )
