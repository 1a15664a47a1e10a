"""``FaceTracker``: 68 landmarks of faces in images and in video. No TensorFlow.

The detector network *detects* a face once, from a box. The STRRN network then *tracks*
it from frame to frame. Backward tracking follows every step: from the landmarks in
frame t the network tracks back to frame t-1, where it should return to the landmarks of
that frame (paper, Fig. 1). Both directions use one crop window. It is the window of
frame t-1 or of an earlier one, so it adds no motion of its own.

``step.py`` has one step, with detector and optical flow. ``tracks.py`` has the rules by
which tracks start, are detected again, are lost and end.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from strrn_tf.geometry import as_numbers, face_size
from strrn_tf.system import validation
from strrn_tf.system.machine import release_file_pages
from strrn_tf.system.validation import check_count, check_flag, check_image
from strrn_tf.tracking.confidence.landmark_confidence import LandmarkConfidence
from strrn_tf.tracking.confidence.reliability import Reliability
from strrn_tf.tracking.config import TrackingConfig, merged
from strrn_tf.tracking.face import Face
from strrn_tf.tracking.face_detection.box_finder import (
    Finder,
    MtcnnFinder,
    check_boxes,
    checked_finder,
)
from strrn_tf.tracking.face_detection.face_check import CheckFace, FaceCheck
from strrn_tf.tracking.face_detection.mtcnn.networks import FOLDER as MTCNN
from strrn_tf.tracking.networks.crop import check_box_in_image
from strrn_tf.tracking.networks.face_networks import FaceNetworks
from strrn_tf.tracking.networks.litert import FOLDER as LITERT
from strrn_tf.tracking.networks.model_folder import ModelFolder, load
from strrn_tf.tracking.networks.stages import StageTimer, no_timer
from strrn_tf.tracking.smoothing import Smoother
from strrn_tf.tracking.track import FrameClock, TimedFrame
from strrn_tf.tracking.tracks import Tracks


class FaceTracker:
    """Landmarks of faces, image by image or through a video.

    Not safe for use by several threads at once: make one tracker for each.

    Args:
        folder: a verified model folder, see ``networks.model_folder.load``.
        config: all thresholds, see ``TrackingConfig``.
        num_threads: threads of every network.
        max_faces: how many faces ``update`` follows when it finds them itself, the
            largest first. Faces whose boxes are given are all followed.
        max_cycle_error: overrides the config's: a tracked step with a larger cycle
            error is rejected.
        patience: overrides the config's: seconds for which a lost face is reported and
            can return.
        redetect_interval: overrides the config's: seconds of video between two searches
            for faces while one is lost, needs confirmation, or there is none.
        any_roll: turn crop windows with the face, and look for turned faces too. Faces
            are then found and followed at any angle. None: as the model folder says.
            ``strrn-hgn`` and ``strrn-mdm`` follow them up to about 40 degrees.
        smooth: remove jitter from what ``update`` returns (``smoothing``). The tracks
            themselves continue from the landmarks before smoothing.
        check_faces: lose, or never follow, what MTCNN's last network does not take for
            a face. Switch it off for masks, drawings and animals.
        finder: finds face boxes in place of MTCNN.
        stage_timer: times every call of a stage, see ``networks.stages``.
        networks: in place of those of the folder.
        face_check: in place of MTCNN's last network, see ``FaceCheck``.
        reliability: probability that the landmarks of a face are good, in place of the
            folder's ``Reliability``.

    Raises:
        ValueError: an argument is out of its range, or the networks do not fit.

    Attributes:
        folder: the model folder, with the content of ``model.json``.
        networks: the two networks, for work on crops.
        config: all thresholds, those overridden by arguments included.

    Example:
        >>> tracker = FaceTracker.from_pretrained("strrn-mdm")
        >>> for frame in frames:  # (H, W, 3) uint8 RGB
        ...     for face in tracker.update(frame):
        ...         print(face.id, face.state, face.landmarks[30])
    """

    def __init__(
        self,
        folder: ModelFolder,
        *,
        config: TrackingConfig | None = None,
        num_threads: int = 1,
        max_faces: int = 1,
        max_cycle_error: float | None = None,
        patience: float | None = None,
        redetect_interval: float | None = None,
        any_roll: bool | None = None,
        smooth: bool = True,
        check_faces: bool = True,
        finder: Finder | None = None,
        stage_timer: StageTimer = no_timer,
        networks: FaceNetworks | None = None,
        face_check: CheckFace | None = None,
        reliability: Callable[[Face], float] | None = None,
    ) -> None:
        self._max_faces = check_count(max_faces, "max_faces")
        check_count(num_threads, "num_threads")
        self.config = merged(
            config,
            max_cycle_error=max_cycle_error,
            patience=patience,
            redetect_interval=redetect_interval,
        )
        check_flag(smooth, "smooth")
        check_flag(check_faces, "check_faces")
        if any_roll is not None:
            check_flag(any_roll, "any_roll")
        if not (finder is None or callable(finder)):
            raise ValueError(f"`finder` must be a function. Received: {finder!r}")
        self.folder = folder
        self._time = stage_timer
        if not check_faces:
            face_check = None
        elif face_check is None:
            face_check = FaceCheck(num_threads, self.config)
        self.networks = networks or FaceNetworks(
            folder, num_threads, stage_timer, self.config, any_roll, face_check
        )
        self._finder = (
            checked_finder(finder)
            if finder
            else MtcnnFinder(
                num_threads,
                self.config.finder_min_face_fraction,
                turns=self.networks.any_roll,
                onet=getattr(face_check, "network", None),
            )
        )
        reliability = reliability or Reliability.of_model(folder.description)
        judge = LandmarkConfidence.of_model(folder.description)
        self._tracks = Tracks(
            self.networks, reliability, face_check, self.config, judge
        )
        self._smoother = Smoother(self.config) if smooth else None
        self.reset()
        release_file_pages([folder.path.resolve(), MTCNN, LITERT])

    @classmethod
    def from_pretrained(
        cls, name_or_folder: str | Path, **options: object
    ) -> "FaceTracker":
        """Open a model by its name or folder, see ``model_folder.load``.

        Args:
            name_or_folder: e.g. ``"strrn-mdm"`` or a folder that was exported.
            **options: the keyword arguments of ``FaceTracker``.
        """
        return cls(load(name_or_folder), **options)

    def reset(self) -> None:
        """Forget all faces, e.g. before another video. Numbering starts at 0 again."""
        self._forget()
        self._tracks.reset()
        if isinstance(self._finder, MtcnnFinder):
            self._finder.reset()
        self._clock = FrameClock()
        self._frame_shape: tuple[int, ...] | None = None

    def align(self, image: np.ndarray, box: np.ndarray) -> np.ndarray:
        """Return the landmarks (68, 2) float32 of the face in a box.

        With ``any_roll`` the face may be turned in the picture by any angle.

        Args:
            image: (H, W, 3) uint8 RGB.
            box: (x0, y0, x1, y1), the tight box of the face's landmarks, brows to chin.

        Raises:
            ValueError: the image or the box breaks these rules.
        """
        check_image(image)
        return self.networks.detect(image, check_box_in_image(box, image))

    def step(
        self,
        previous_frame: np.ndarray,
        frame: np.ndarray,
        previous_landmarks: np.ndarray,
    ) -> tuple[np.ndarray, float]:
        """Track one face from a frame to the next, and backward.

        Args:
            previous_frame: (H, W, 3) uint8 RGB.
            frame: the next one, of the same size.
            previous_landmarks: (68, 2) in pixels of ``previous_frame``.

        Returns:
            Landmarks (68, 2) float32 in ``frame``, and the cycle error, see ``Face``.

        Raises:
            ValueError: an argument breaks these rules.
        """
        check_image(previous_frame, "previous_frame")
        check_image(frame, "frame")
        if frame.shape != previous_frame.shape:
            raise ValueError(
                "`frame` must have the size of `previous_frame`, "
                f"{previous_frame.shape}. Received: {frame.shape}"
            )
        start = validation.check_landmarks(previous_landmarks, "previous_landmarks")
        crop = self.networks.crop_around(previous_frame, start)
        landmarks, errors, _ = self.networks.step(crop, frame, start)
        return landmarks, float(errors.mean())

    def update(
        self,
        frame: np.ndarray,
        timestamp: float | None = None,
        boxes: Sequence[np.ndarray] | None = None,
    ) -> list[Face]:
        """Take the next frame of a video and return its faces in the order of ids.

        An exception, such as one of the finder, ends this frame only. ``update`` may be
        called again with the next frame. Faces keep their ids.

        Args:
            frame: (H, W, 3) uint8 RGB, all of one size until ``reset``.
            timestamp: in seconds; is passed on to the faces. Without one, and where
                they stand still or fall, frames are taken to be ``frame_interval``
                apart, 1/25 s. One that is ``restart_step`` or more before the last, as
                of a stream that was opened again, forgets all faces; ids go on.
            boxes: face boxes (N, 4) of this frame, N may be 0. With boxes no face
                finder runs. A box starts a track where there is none, and brings a lost
                one back. A face that is tracked needs none.

        Returns:
            One ``Face`` for every track, also for lost ones while they may come back.

        Raises:
            ValueError: an argument breaks these rules. The tracks are as before.
        """
        check_image(frame, "frame")
        if self._frame_shape not in (None, frame.shape):
            raise ValueError(
                f"`frame` must have the size of the frames before, {self._frame_shape}."
                f" Received: {frame.shape}; call reset() before another video"
            )
        clock = self._clock.after(_finite(timestamp), self.config)
        given = None if boxes is None else check_boxes(boxes, frame)
        self._frame_shape, self._clock = frame.shape, clock
        if clock.is_restart:
            self._forget()
        timed = TimedFrame(frame, clock.seconds, timestamp)
        self._tracks.track(timed)
        if given is not None:
            self._tracks.detect(timed, given)
        elif self._is_search_due():
            with self._time("find"):
                found = self._finder(frame)
            found = sorted(found, key=lambda box: face_size(box[:4]), reverse=True)
            self._last_search = clock.seconds
            self._tracks.detect(timed, found, self._max_faces, searched=True)
        faces = self._tracks.settle(timed)
        if self._smoother is None:
            return faces
        with self._time("smooth"):
            return self._smoother(faces, clock.seconds)

    def _forget(self) -> None:
        """Forget all faces; numbering goes on, and faces are searched for at once."""
        self._tracks.forget()
        if self._smoother:
            self._smoother.reset()
        self._last_search = -np.inf

    def _is_search_due(self) -> bool:
        """Return whether faces are searched for in this frame."""
        wanted = self._tracks.needs_search
        if self._tracks.num_seen >= self._max_faces and not wanted:
            return False
        config = self.config
        interval = config.redetect_interval if wanted else config.search_interval
        # Timestamps are rounded: a frame that is due must not wait for the next.
        return self._clock.seconds - self._last_search >= interval - 1e-3


def _finite(timestamp: float | None) -> float | None:
    """Return a timestamp as a number; a ``ValueError`` if it is no finite one."""
    if timestamp is None:
        return None
    seconds = as_numbers(timestamp, "timestamp")
    if seconds.shape or not np.isfinite(seconds):
        raise ValueError(
            f"`timestamp` must be a finite number of seconds. Received: {timestamp}"
        )
    return float(seconds)
