"""Every threshold of the tracker, with its unit and its reason. No TensorFlow.

Lengths are fractions of the *eye distance*, the distance of the outer eye corners, so
one value serves every size of face. Sizes of boxes are pixels or *face sizes*, the
larger side of the face box. ``dataclasses.asdict`` gives numbers that JSON can hold.
"""

import numbers
from dataclasses import dataclass, fields, replace

from strrn_tf.system.validation import check_positive

# What float32 and OpenCV take without an overflow, whatever the unit.
_LARGEST = 1e9
# Smallest and largest value of fields that do not allow all from 0, or from 1 for
# counts, to that number.
_RANGES = {
    # A ratio below 1 would lose every face. OpenCV refuses windows below 3; the crop
    # has 315 pixels a side, and nine levels shrink it to one pixel.
    "max_size_change": (1.0, _LARGEST),
    # The second detection turns the window to the face.
    "max_detections": (2, 100),
    "flow_window": (3, 315),
    "flow_levels": (1, 9),
    # Sixteen samples a pixel are 768 x 768 pixels for every check.
    "face_check_oversampling": (1, 16),
    "finder_min_face_fraction": (0.0, 1.0),
    # A filter without a cut-off frequency divides by zero.
    "smoothing_min_cutoff": (1e-6, _LARGEST),
    "smoothing_speed_cutoff": (1e-6, _LARGEST),
}


@dataclass(frozen=True)
class TrackingConfig:
    """Thresholds of detection, tracking, optical flow and smoothing.

    The defaults were chosen on real clips with the shipped models.

    Raises:
        ValueError: a field is no number or is outside its range, or the detector's
            correction overshoots, see ``detection_interval_resting``.

    Example:
        >>> config = TrackingConfig(patience=5.0)
        >>> tracker = FaceTracker.from_pretrained("strrn-mdm", config=config)
    """

    # One step of the tracker ----------------------------------------------------------

    max_cycle_error: float = 0.05
    """Eye distances. A step with a larger cycle error is rejected: backward tracking
    did not return to the landmarks of the frame before."""

    crop_slack: float = 0.05
    """Eye distances. The crop window stays while the landmarks are within this distance
    of those it was cut around. A window that moves adds noise."""

    min_face_size: float = 12.0
    """Pixels of the image. Landmarks with a smaller box are no face any more."""

    max_size_change: float = 1.6
    """Ratio. A face that grows or shrinks more in one frame was left by its landmarks.
    A lost face cannot be a box whose size differs by more."""

    min_inside_fraction: float = 0.25
    """Fraction of the area of the face box that has to be inside the image."""

    # When the detector runs on a tracked face -----------------------------------------

    motion_threshold: float = 0.0075
    """Eye distances per frame. A face that moves further is in motion, else at rest."""

    detection_interval_moving: int = 2
    """Frames between two runs of the detector on a face in motion. A slow drift has
    small cycle errors, because every single step of it returns well."""

    detection_interval_resting: int = 4
    """Frames between two runs of the detector on a face at rest. This number times
    ``detector_weight`` must not exceed 1, or the correction overshoots."""

    cycle_recheck_threshold: float = 0.025
    """Eye distances. The detector runs at once after a step with a larger cycle
    error. One step in fifty has one in real clips."""

    flow_outlier_fraction: float = 0.5
    """Fraction of the landmarks. Where flow loses more of them, the detector runs."""

    max_disagreement: float = 0.10
    """Eye distances. Where detector and tracker differ by more in the mean, the face is
    detected again. A single landmark that differs by more takes the detector's
    position. Two detections that differ by more are not consistent."""

    # How a face is detected ----------------------------------------------------------

    upright_disagreement: float = 0.012
    """Eye distances. Two detections that differ by less are of a face that stands
    upright in the crop window. Of faces that do not, one in a hundred differs by less.
    Otherwise windows that are turned by 180 and 90 degrees are tried too."""

    upright_doubt: float = 0.1
    """Eye distances. The same with the offset of the landmarks that the face check
    sees, and ``turned_face_weight`` times what its score lacks. Other rolls need it."""

    turned_face_weight: float = 0.3
    """Eye distances that a face score of 1 outweighs where turned windows differ."""

    max_detections: int = 3
    """Largest number of detections in one of these windows: the first, and those in
    windows that turn to what the one before has found."""

    # How tracker, detector and optical flow are fused ---------------------------------

    detector_weight: float = 0.2
    """Fraction of the difference between detector and tracker that is added in every
    frame until the detector runs again. The whole of it at once would be visible
    jitter."""

    tracker_weight: float = 0.4
    """Fraction of the difference between tracker and optical flow that is added to the
    flow in every frame. Flow has little noise but drifts; the tracker is the
    opposite."""

    flow_gate: float = 0.05
    """Eye distances. A landmark that flow takes further from the tracker has followed
    something else. The tracker's landmark is used instead."""

    flow_gate_per_motion: float = 0.2
    """Eye distances by which the gate widens for each eye distance that the face has
    moved in the frame. The tracker is less exact in motion."""

    flow_window: int = 21
    """Pixels of the crop, where the eyes are 95 apart: side of what flow compares."""

    flow_levels: int = 2
    """Levels of the image pyramid of optical flow."""

    flow_iterations: int = 10
    """Largest number of iterations of optical flow on each level."""

    flow_precision: float = 0.03
    """Pixels. Optical flow stops iterating after a smaller step."""

    # Whether there is a face ----------------------------------------------------------

    min_face_score: float = 0.25
    """Probability of the face check. A less probable face is lost at once. In real
    clips 999 of 1000 faces, blurred ones and profiles included, exceed 0.7. Walls, skin
    and blur before the face are nearly always below 0.1."""

    confident_face_score: float = 0.8
    """Probability of the face check, as of MTCNN. A detection needs it where nothing
    else supports it, as after a rejected step."""

    max_landmark_offset: float = 0.25
    """Eye distances. Landmarks are beside the face where the face check sees eyes, nose
    and mouth further away. 99 of 100 faces in real clips are below 0.2."""

    face_check_max_tilt: float = 0.8
    """Radians. By more the face check turns no head upright: it may be no face."""

    face_check_oversampling: int = 4
    """Samples per pixel and direction of its patch, for a crop of 315 pixels."""

    # Through occlusion ----------------------------------------------------------------

    min_resemblance: float = 0.5
    """Ratio. Correlation of the surroundings of a landmark with those of its last plain
    sight, below which it is hidden. 95 of 100 landmarks in sight have more."""

    noise_level: float = 3.0
    """Grey levels. Surroundings with less contrast are nothing to know again."""

    plain_visible_fraction: float = 0.85
    """Fraction of the landmarks. With more of them in sight nothing is before the
    face: 99 of 100 plain faces have 0.9."""

    min_visible_fraction: float = 0.4
    """Fraction of the landmarks. A face with more of them in sight goes on, whatever
    the face check says. Covered faces and other places have less than 0.3."""

    doubtful_visible_fraction: float = 0.2
    """Fraction of the landmarks that have to be in sight where the face check is in
    doubt, between ``min_face_score`` and ``confident_face_score``."""

    # When faces are searched for, and which box belongs to which face -----------------

    search_interval: float = 1.0
    """Seconds of video between two searches while fewer faces than wanted are seen."""

    redetect_interval: float = 0.2
    """Seconds. The same while a face is lost or unconfirmed, or there is none."""

    finder_min_face_fraction: float = 0.1
    """Fraction of the image's shorter side: the smallest face box that MTCNN searches
    for. It keeps the time on large images near that on small ones."""

    association_min_overlap: float = 0.3
    """Intersection over union. Boxes that overlap less belong to different faces."""

    gating_radius: float = 0.5
    """Face sizes. A lost face can return at once within this distance."""

    gating_rate: float = 1.0
    """Face sizes per second by which that distance grows while the face is lost."""

    # How tracks begin and end ---------------------------------------------------------

    confirmation_reliability: float = 0.2
    """Probability. A less reliable face has to be confirmed by the searches."""

    max_misses: int = 2
    """Searches in a row that do not find an unreliable face before it is lost."""

    new_track_reliability: float = 0.5
    """Probability that a new face needs beside a reliable one, or one just lost."""

    new_track_face_score: float = 0.9
    """Probability of the face check that it needs there. 95 of 100 faces have 0.98."""

    same_face_distance: float = 0.25
    """Eye distances. Two tracks with nearer landmarks are on one face. Boxes would not
    do: those of two faces that cross overlap."""

    duplicate_age: float = 0.5
    """Seconds. A track that meets another one before this age was never a face."""

    patience: float = 2.0
    """Seconds for which a lost face is reported and can return."""

    # Time and smoothing (One-Euro filter) ---------------------------------------------

    frame_interval: float = 1 / 25
    """Seconds between frames without timestamps that rise."""

    shortest_step: float = 1e-4
    """Seconds. A smaller rise of timestamps is none."""

    longest_step: float = 3600.0
    """Seconds. A larger rise counts as this one, and every waiting time is over."""

    restart_step: float = 2.0
    """Seconds. Timestamps that fall by this or more begin another video."""

    smoothing_min_cutoff: float = 1.5
    """Hertz. Cut-off frequency at rest. A lower one removes more jitter."""

    smoothing_beta: float = 30.0
    """Hertz by which it rises for every eye distance per second: less lag in motion."""

    smoothing_speed_cutoff: float = 2.0
    """Hertz. Cut-off frequency of the estimated speed."""

    smoothing_max_gap: float = 0.5
    """Seconds. The filter starts again after a longer gap."""

    # The camera -----------------------------------------------------------------------

    focal_length: float = 0.0
    """Pixels, for the pose of heads. 0, unknown: the longer side of the image, or as
    much more as puts the head half a metre away."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            is_count = field.type is int
            kind = numbers.Integral if is_count else numbers.Real
            low, high = _RANGES.get(field.name, (int(is_count), _LARGEST))
            is_number = isinstance(value, kind) and not isinstance(value, bool)
            if not is_number or not low <= value <= high:
                name = "whole number" if is_count else "number"
                raise ValueError(
                    f"`{field.name}` must be a {name} from {low:g} to {high:g}. "
                    f"Received: {value!r}"
                )
            # NumPy's numbers are not JSON.
            object.__setattr__(self, field.name, field.type(value))
        share, interval = self.detector_weight, self.detection_interval_resting
        if share * interval > 1 + 1e-9:
            raise ValueError(
                "`detector_weight` times `detection_interval_resting` must not exceed "
                f"1, or the correction overshoots. Received: {share} times {interval}"
            )


def merged(config: TrackingConfig | None, **overrides: float | None) -> TrackingConfig:
    """Return the config with the overrides that are not None.

    Raises:
        ValueError: a value is out of its range, or ``config`` is something else.
    """
    if not (config is None or isinstance(config, TrackingConfig)):
        raise ValueError(f"`config` must be a TrackingConfig. Received: {config!r}")
    kinds = {"max_cycle_error": "number"}
    given = {
        name: check_positive(value, name, kinds.get(name, "number of seconds"))
        for name, value in overrides.items()
        if value is not None
    }
    return replace(config or TrackingConfig(), **given)
