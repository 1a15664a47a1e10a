"""The two networks of a model folder, from image pixels to image pixels.

Only this file turns an image into a network's input and a network's output into
landmarks of the image. ``examples/minimal_litert.py`` is the same on one page.
"""

from typing import NamedTuple

import cv2
import numpy as np

from strrn_tf.geometry import (
    apply_matrix,
    box_from_landmarks,
    crop_matrix,
    invert_matrix,
    relative_distances,
    upright_box,
)
from strrn_tf.landmarks import NUM_LANDMARKS
from strrn_tf.tracking.config import TrackingConfig
from strrn_tf.tracking.face_detection.face_check import CheckFace
from strrn_tf.tracking.networks.crop import cut, to_network
from strrn_tf.tracking.networks.litert import LiteRTModel
from strrn_tf.tracking.networks.model_folder import ModelFolder
from strrn_tf.tracking.networks.stages import StageTimer, no_timer
from strrn_tf.tracking.networks.turned_windows import (
    TURNS,
    Answer,
    is_likely,
    least_doubtful,
)
from strrn_tf.tracking.optical_flow import FlowSettings, flow_landmarks


class Crop(NamedTuple):
    """A crop of an image and its crop window.

    Attributes:
        matrix: (2, 3), from image to crop pixels.
        image: (S, S, 3) uint8 RGB.
        pixels: (1, S, S, 3) float32, the same in [0, 1], the networks' input.
        gray: (S, S) uint8, the same without colour.
    """

    matrix: np.ndarray
    image: np.ndarray
    pixels: np.ndarray
    gray: np.ndarray


class Detections(NamedTuple):
    """What repeated detections of one face found.

    Attributes:
        landmarks: (68, 2) float32 in pixels of the image.
        distances: (68,) of the last two detections, fractions of the eye distance.
            Infinite if there was only one.
        crop: of the last detection. None if there was only one.
    """

    landmarks: np.ndarray
    distances: np.ndarray
    crop: Crop | None

    @property
    def inconsistency(self) -> float:
        """Mean of the distances."""
        return float(self.distances.mean())


class FaceNetworks:
    """Detector and tracker of one model folder. ``FaceTracker`` checks arguments."""

    def __init__(
        self,
        folder: ModelFolder,
        num_threads: int = 1,
        stage_timer: StageTimer = no_timer,
        config: TrackingConfig | None = None,
        any_roll: bool | None = None,
        check_face: CheckFace | None = None,
    ) -> None:
        """Open both networks.

        Args:
            folder: a verified model folder.
            num_threads: threads of each network.
            stage_timer: times every call of a stage, see ``stages``.
            config: ``upright_disagreement`` and ``max_detections``.
            any_roll: whether crop windows turn with the face. None: as the folder says.
            check_face: joins in the choice between answers in turned windows.

        Raises:
            ValueError: a network has other inputs or outputs than the folder's
                description.
        """
        self._size, self._margin = folder.crop_size, folder.crop_margin
        self.any_roll = folder.any_roll if any_roll is None else any_roll
        self._config = config or TrackingConfig()
        self._check_face = check_face
        self._time = stage_timer
        frames = {"frames": (1, self._size, self._size, 3)}
        start = {"start": (1, NUM_LANDMARKS, 2)}
        self._detector = LiteRTModel(
            folder.detector,
            inputs=frames,
            outputs=["landmarks"],
            num_threads=num_threads,
        )
        self._tracker = LiteRTModel(
            folder.tracker,
            inputs=frames | start,
            outputs=["landmarks"],
            num_threads=num_threads,
        )

    def window(self, box: np.ndarray, roll: float = 0.0) -> np.ndarray:
        """Return the matrix (2, 3) from the image to the crop around a face box.

        Args:
            box: (4,) in image pixels.
            roll: of the window in radians, see ``geometry.crop_matrix``.
        """
        return crop_matrix(box, self._size, self._margin, roll)

    def cut(self, image: np.ndarray, matrix: np.ndarray) -> Crop:
        """Return the crop of an image in a crop window, see ``window``."""
        with self._time("crop"):
            crop = cut(image, matrix, self._size)
            gray = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
            return Crop(matrix, crop, to_network(crop), gray)

    def crop_around(self, image: np.ndarray, landmarks: np.ndarray) -> Crop:
        """Return the crop around landmarks (68, 2), turned upright with the face.

        Without ``any_roll`` the window does not turn.
        """
        if self.any_roll:
            return self.cut(image, self.window(*upright_box(landmarks)))
        return self.cut(image, self.window(box_from_landmarks(landmarks)))

    def detect(self, image: np.ndarray, box: np.ndarray) -> np.ndarray:
        """Return the landmarks (68, 2) float32 of the face in a box of an image."""
        if not self.any_roll:
            return self.detect_in(self.cut(image, self.window(box)))
        answers = self._answers(image, box, 0.0)
        # Of a face behind something the face check says little.
        margin = self._config.turned_face_weight
        return least_doubtful(answers, self._limit, margin).detections.landmarks

    def detect_in(self, crop: Crop) -> np.ndarray:
        """Return the landmarks (68, 2) float32, in image pixels, in a crop."""
        return _to_image(crop.matrix, self.detect_in_crop(crop.pixels))

    def detect_consistently(
        self,
        image: np.ndarray,
        box: np.ndarray,
        roll: float = 0.0,
        is_known: bool = False,
    ) -> Detections | None:
        """Detect twice: in a box, and then around what was found there.

        Consistent detections suggest a face; they do not prove one. The window is
        turned by the roll and by quarters from it, until an answer is beyond doubt.

        Args:
            image: (H, W, 3) uint8 RGB.
            box: (4,) in image pixels.
            roll: of the face in radians, the likeliest.
            is_known: whether the face had this roll before.

        Returns:
            None if the answer is doubtful and far from the roll, or upside down.
        """
        if not self.any_roll:
            first = self.detect(image, box)
            return self._detect_again(image, first)._replace(landmarks=first)
        answers = self._answers(image, box, roll)
        best = least_doubtful(answers, self._limit)
        if best.doubt <= self._limit or is_likely(best, answers[0], roll, is_known):
            return best.detections
        return None

    def _answers(self, image: np.ndarray, box: np.ndarray, roll: float) -> list[Answer]:
        """Return the answers in turned windows, up to the first beyond doubt."""
        found = []
        for turn in TURNS:
            detections = self._settle(image, box, roll + turn)
            found.append(Answer(self._doubt(detections), detections))
            consistent = detections.inconsistency <= self._config.upright_disagreement
            if consistent and found[-1].doubt <= self._limit:
                break
        return found

    @property
    def _limit(self) -> float:
        """Largest doubt of an answer beyond doubt."""
        config = self._config
        return config.upright_doubt if self._check_face else config.upright_disagreement

    def _doubt(self, answer: Detections) -> float:
        """Return how far an answer is from a sure one, in eye distances."""
        if answer.crop is None or self._check_face is None:
            return answer.inconsistency
        landmarks = apply_matrix(answer.crop.matrix, answer.landmarks)
        seen = self._check_face(answer.crop.image, landmarks)
        lacking = self._config.turned_face_weight * (1 - seen.score)
        return answer.inconsistency + seen.landmark_offset + lacking

    def _settle(self, image: np.ndarray, box: np.ndarray, roll: float) -> Detections:
        """Detect in a turned window, then around the answer until it stays.

        A face that is askew in the first window is nearly upright in the second one.
        """
        found = self.detect_in(self.cut(image, self.window(box, roll)))
        for _ in range(self._config.max_detections - 1):
            again = self._detect_again(image, found)
            found = again.landmarks
            if again.crop is None:
                break
            if again.inconsistency <= self._config.upright_disagreement:
                break
        return again

    def _detect_again(self, image: np.ndarray, landmarks: np.ndarray) -> Detections:
        """Detect in the crop around detected landmarks (68, 2), and compare.

        The given landmarks are returned if no crop window fits them.
        """
        box = box_from_landmarks(landmarks)
        if not np.isfinite(box).all() or (box[2:] <= box[:2]).any():
            return Detections(landmarks, np.full(NUM_LANDMARKS, np.inf), None)
        crop = self.crop_around(image, landmarks)
        again = self.detect_in(crop)
        return Detections(again, relative_distances(again, landmarks), crop)

    def step(
        self, previous: Crop, image: np.ndarray, start: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, Crop]:
        """Track to the next frame, and backward.

        Args:
            previous: crop of the previous frame, around ``start`` or nearly so. The
                next frame is cut with the same window.
            image: the next frame (H, W, 3).
            start: landmarks (68, 2) in pixels of the previous frame.

        Returns:
            Landmarks (68, 2) float32, the cycle errors (68,), and the crop of the next
            frame.
        """
        matrix = previous.matrix
        with self._time("step"):
            crop = self.cut(image, matrix)
            start_in_crop = apply_matrix(matrix, start).astype(np.float32)
            with self._time("track"):
                found = self.track_in_crop(crop.pixels, start_in_crop)
            with self._time("check"):
                returned = self.track_in_crop(previous.pixels, found)
            # A similarity keeps ratios of distances, so they are compared in the crop.
            errors = relative_distances(returned, start_in_crop)
            return _to_image(matrix, found), errors, crop

    def flow_landmarks(
        self, previous: Crop, crop: Crop, start: np.ndarray, config: TrackingConfig
    ) -> np.ndarray:
        """Return landmarks (68, 2) of the next frame by optical flow, NaN if not found.

        Args:
            previous: crop of the previous frame.
            crop: of the next frame, with the same window.
            start: landmarks (68, 2) in pixels of the previous frame.
            config: settings of optical flow.
        """
        settings = FlowSettings.of_config(config, self._size)
        with self._time("flow"):
            start_in_crop = apply_matrix(previous.matrix, start)
            moved = flow_landmarks(previous.gray, crop.gray, start_in_crop, settings)
            return _to_image(previous.matrix, moved)

    def detect_in_crop(self, crop: np.ndarray) -> np.ndarray:
        """Return the detector's landmarks (68, 2) in pixels of a crop (1, S, S, 3)."""
        with self._time("detect"):
            return self._detector(frames=crop)["landmarks"][0]

    def track_in_crop(self, crop: np.ndarray, start: np.ndarray) -> np.ndarray:
        """Return the tracker's landmarks (68, 2) in pixels of a crop.

        Args:
            crop: (1, S, S, 3), see ``Crop.pixels``.
            start: (68, 2) float32 in pixels of the crop.
        """
        return self._tracker(frames=crop, start=start[None])["landmarks"][0]


def _to_image(matrix: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    points = apply_matrix(invert_matrix(matrix), landmarks.astype(np.float64))
    return points.astype(np.float32)
