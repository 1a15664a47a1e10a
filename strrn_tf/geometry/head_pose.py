"""How a head is turned and where it is, from its 68 landmarks. NumPy and OpenCV.

The average head is placed before a camera so that its landmarks fall on those of the
picture (perspective-n-point, by OpenCV). Only points that hardly move when a face
speaks take part: brows, nose, eye corners and mouth corners. The contour of the jaw
slides over the head when it turns, so it takes no part.

The camera is assumed to be without distortion and to look through the centre of the
picture. Its focal length is the longer side of the picture unless another is known. A
head that would then be nearer than half a metre shows that the picture is a crop, and
gets the focal length that puts it there.

Signs, of a head seen in the picture (not of the person):

* yaw > 0: the nose points to the right of the picture;
* pitch > 0: the nose points down;
* roll > 0: the head is turned clockwise.

A head with the angles 0, 0, 0 is parallel to the axis of the camera. The matrix is
``roll @ yaw @ pitch``: pitch turns first, about the axis through the ears.
"""

from typing import NamedTuple

import cv2
import numpy as np

from strrn_tf.geometry import box_from_landmarks, face_size
from strrn_tf.geometry.average_head import AVERAGE_HEAD, HEAD_UNIT
from strrn_tf.landmarks import REGIONS

STABLE_POINTS = (
    *(REGIONS["left_brow"] + REGIONS["right_brow"]),
    *(REGIONS["nose_bridge"] + REGIONS["nose_base"]),
    *(36, 39, 42, 45),
    *(48, 54),
)
# OpenCV's camera looks along z, the head's z points to the viewer.
HEAD_TO_OPENCV = np.diag([1.0, 1.0, -1.0])
# Millimetres. Who sits before a laptop or takes a picture of himself is not nearer.
NEAREST = 500.0
# Face sizes. From so far away a head has no perspective.
_FAR = 100.0


class Camera(NamedTuple):
    """A camera without distortion.

    Attributes:
        focal_length: in pixels.
        centre: pixel (x, y) of its axis.
        nearest: millimetres. For a head that would be nearer, the focal length is as
            much longer; 0 where the focal length is known.
    """

    focal_length: float
    centre: tuple[float, float]
    nearest: float = 0.0

    @classmethod
    def of_image(cls, shape: tuple[int, ...], focal_length: float = 0.0) -> "Camera":
        """Return the camera that an image is assumed to be from.

        Args:
            shape: (H, W, ...) of the image.
            focal_length: in pixels; 0: not known, see this file's head.
        """
        height, width = shape[:2]
        centre = (width - 1) / 2, (height - 1) / 2
        if focal_length:
            return cls(float(focal_length), centre)
        return cls(float(max(height, width)), centre, NEAREST)


class HeadPose(NamedTuple):
    """Angles of a head in degrees, NaN where they are not known.

    Attributes:
        yaw: from -90 to 90, positive where the nose points to the right of the picture.
        pitch: from -180 to 180, positive where the nose points down.
        roll: from -180 to 180, positive where the head is turned clockwise.
    """

    yaw: float
    pitch: float
    roll: float


class PlacedHead(NamedTuple):
    """The average head before a camera.

    Attributes:
        rotation: (3, 3) from the head to the camera, both with x to the right of the
            picture, y down and z to the viewer. NaN where there is no face.
        position: (3,) of the head's origin in millimetres from the camera: x to the
            right, y down, z away from the camera. It holds for an adult of average
            size; the distance grows with the focal length that was assumed.
        camera: with the focal length that was used.
    """

    rotation: np.ndarray
    position: np.ndarray
    camera: Camera

    @property
    def pose(self) -> HeadPose:
        """The angles of the head."""
        turn = self.rotation
        yaw = np.arcsin(np.clip(-turn[2, 0], -1, 1))
        pitch = np.arctan2(-turn[2, 1], turn[2, 2])
        roll = np.arctan2(turn[1, 0], turn[0, 0])
        return HeadPose(*np.degrees([yaw, pitch, roll]).tolist())


def rotation_matrix(pose: HeadPose) -> np.ndarray:
    """Return the rotation (3, 3) of a pose, see ``PlacedHead``."""
    (sy, sp, sr), (cy, cp, cr) = np.sin(np.radians(pose)), np.cos(np.radians(pose))
    yaw = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    pitch = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return roll @ yaw @ pitch


def place_head(landmarks: np.ndarray, camera: Camera | None = None) -> PlacedHead:
    """Place the average head where landmarks (68, 2) are seen.

    Args:
        landmarks: pixels of the picture. If a stable point is not finite, the result is
            NaN.
        camera: None: a camera so far away that there is no perspective. The position is
            then relative to the centre of the face and has no meaning of its own.
    """
    seen = np.asarray(landmarks, np.float64)[list(STABLE_POINTS)]
    camera = camera or _distant_camera(seen)
    if not np.isfinite(seen).all() or not np.ptp(seen, axis=0).any():
        return PlacedHead(np.full((3, 3), np.nan), np.full(3, np.nan), camera)
    head = AVERAGE_HEAD[list(STABLE_POINTS)]
    rotation, scale, centre = fit_from_afar(head, seen)
    focal = max(camera.focal_length, camera.nearest / HEAD_UNIT * scale)
    camera = camera._replace(focal_length=focal)
    x, y = camera.centre
    place = (centre - camera.centre) / scale
    turn, shift = cv2.solvePnPRefineLM(
        head @ HEAD_TO_OPENCV,
        seen,
        np.array([[focal, 0, x], [0, focal, y], [0, 0, 1]]),
        None,
        cv2.Rodrigues(HEAD_TO_OPENCV @ rotation @ HEAD_TO_OPENCV)[0],
        np.array([[place[0]], [place[1]], [focal / scale]]),
    )
    rotation = HEAD_TO_OPENCV @ cv2.Rodrigues(turn)[0] @ HEAD_TO_OPENCV
    return PlacedHead(rotation, HEAD_UNIT * shift[:, 0], camera)


def _distant_camera(points: np.ndarray) -> Camera:
    """Return a camera far before points (N, 2), whose centre is theirs."""
    box = box_from_landmarks(points)
    centre = ((box[:2] + box[2:]) / 2).tolist()
    return Camera(_FAR * float(face_size(box)), (centre[0], centre[1]))


def fit_from_afar(
    head: np.ndarray, seen: np.ndarray
) -> tuple[np.ndarray, float, np.ndarray]:
    """Return how points of a head fall on pixels without perspective.

    Args:
        head: (N, 3) in head units, at least four, not in one plane.
        seen: (N, 2) pixels.

    Returns:
        Rotation (3, 3), pixels per head unit, and pixel (2,) of the head's origin.
    """
    columns = np.column_stack([head, np.ones(len(head))])
    affine, *_ = np.linalg.lstsq(columns, seen, rcond=None)
    # The nearest two rows of a rotation (Procrustes), and its scale.
    left, sizes, right = np.linalg.svd(affine[:3].T, full_matrices=False)
    rows = left @ right
    return np.stack([*rows, np.cross(*rows)]), float(sizes.mean()), affine[3]


def to_camera(points: np.ndarray, head: PlacedHead) -> np.ndarray:
    """Return where points (N, 3) of a placed head are: millimetres from the camera.

    Args:
        points: in head units.
        head: its axes are those of the head, and those of the result are those of
            ``PlacedHead.position``.
    """
    turned = np.asarray(points) @ head.rotation.T
    return HEAD_UNIT * turned @ HEAD_TO_OPENCV + head.position


def project_head(points: np.ndarray, head: PlacedHead) -> np.ndarray:
    """Return the pixels (N, 2) of points (N, 3) in head units on a placed head."""
    seen = to_camera(points, head)
    focal, centre, _ = head.camera
    return focal * seen[:, :2] / seen[:, 2:] + np.array(centre)
