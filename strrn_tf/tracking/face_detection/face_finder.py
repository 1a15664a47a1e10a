"""Faces in a frame: MTCNN (Zhang et al. 2016) on LiteRT, without TensorFlow.

It is a cascade of three networks. ``pnet`` slides over a pyramid of the image; ``rnet``
and then ``onet`` classify the patches that are left. Weights and rules are those of the
`mtcnn` package, which cuts the project's training data. Boxes agree with it to a
fraction of a pixel, unless a large ``min_face`` lets the frame be halved first.
``benchmarks/accuracy/face_finder.py`` prints the comparison.
"""

from collections import OrderedDict
from dataclasses import dataclass

import cv2
import numpy as np

from strrn_tf.system.validation import check_count, check_image
from strrn_tf.tracking.face_detection.mtcnn import boxes as mtcnn_boxes
from strrn_tf.tracking.face_detection.mtcnn.networks import (
    Network,
    ProposalNetwork,
    open_onet,
)

# Overlaps above which the worse of two boxes is suppressed: within a scale, between
# scales, after each of the two other networks (the last against the smaller box).
OVERLAPS = (0.5, 0.7, 0.7, 0.7)
RNET_SIDE = 24
# Patches that are cut at a time: bounds the memory on crowded images.
PATCHES_AT_ONCE = 16
# Frame sizes whose proposal networks are kept: a video has one, two cameras two.
FRAME_SIZES_KEPT = 2
# A frame is halved before the search while the smallest face stays this large. That
# moves boxes by 2 % of the face, but not away from the truth: on Helen's test images
# the centre of `landmark_box` is 3.7 % off before and after.
SMALLEST_AFTER_HALVING = 40

# Scale of a level of the pyramid, and its network.
Level = tuple[float, ProposalNetwork]


@dataclass(frozen=True, eq=False)
class FoundFace:
    """A face that was found.

    Attributes:
        box: (4,) float32 (x0, y0, x1, y1) in image pixels, as MTCNN defines it. It is
            larger than the box of the 68 landmarks; ``face_boxes.landmark_box``
            converts. It may reach out of the image where the face does.
        score: probability of being a face.
        points: (5, 2) float32 xy: left and right eye, nose, left and right end of the
            mouth, sides as seen in the image.
    """

    box: np.ndarray
    score: float
    points: np.ndarray


class FaceFinder:
    """Finds upright faces. Not to be shared between threads.

    Args:
        min_face: side in pixels of the smallest MTCNN box searched for, at least 20.
            Time falls with its square; from 80 on the frame is halved first.
        min_face_fraction: the same as a fraction of the image's shorter side. The
            larger of both limits holds. 0.1 keeps the time on large frames near that on
            small ones.
        thresholds: scores above which a candidate passes each of the networks.
        num_threads: threads of the networks.
        onet: the last network, where the caller has it open already.

    Raises:
        ValueError: an argument is out of its range.

    Example:
        >>> faces = FaceFinder(min_face=40).find(frame)
        >>> best_box = faces[0].box if faces else None
    """

    def __init__(
        self,
        min_face: float = 40,
        *,
        min_face_fraction: float = 0.0,
        thresholds: tuple[float, float, float] = (0.6, 0.7, 0.8),
        num_threads: int = 1,
        onet: Network | None = None,
    ) -> None:
        check_arguments(min_face, min_face_fraction, thresholds, num_threads)
        self.min_face = min_face
        self.min_face_fraction = min_face_fraction
        self.thresholds = tuple(thresholds)
        self.num_threads = num_threads
        self._refiners = {
            "rnet": Network("rnet", RNET_SIDE, RNET_SIDE, num_threads),
            "onet": onet or open_onet(num_threads),
        }
        self._proposers: OrderedDict[tuple, list[Level]] = OrderedDict()

    def find(self, image: np.ndarray) -> list[FoundFace]:
        """Return the faces of an image, best score first.

        Args:
            image: (H, W, 3) uint8 RGB. Below 20 pixels a side nothing is found.

        Raises:
            ValueError: the image has another shape or type.
        """
        pixels, factor, min_face = self._shrink(check_image(image))
        boxes = self._propose(pixels, min_face)

        boxes, output = self._classify("rnet", pixels, boxes, self.thresholds[1])
        boxes = mtcnn_boxes.calibrate(boxes, output[:, :4])
        boxes = boxes[mtcnn_boxes.suppress(boxes, output[:, -1], OVERLAPS[2])]
        boxes = mtcnn_boxes.square(boxes)

        boxes, output = self._classify("onet", pixels, boxes, self.thresholds[2])
        points = mtcnn_boxes.place_points(boxes, output[:, 4:14])
        boxes = mtcnn_boxes.calibrate(boxes, output[:, :4])
        kept = mtcnn_boxes.suppress(boxes, output[:, -1], OVERLAPS[3], smaller=True)

        # Integers are pixel centres: where `factor` pixels became one, the first of
        # them is half the rest away from its centre.
        boxes, points = (
            np.float32(factor * xy + (factor - 1) / 2) for xy in (boxes, points)
        )
        scores = 1 / (1 + np.exp(-output[:, -1]))
        return [FoundFace(boxes[i], float(scores[i]), points[i]) for i in kept]

    def _shrink(self, image: np.ndarray) -> tuple[np.ndarray, int, float]:
        """Return the float32 image to search, what it shrank by, and its `min_face`."""
        min_face = max(self.min_face, self.min_face_fraction * min(image.shape[:2]))
        factor = 1
        while min(min_face, *image.shape[:2]) >= 2 * SMALLEST_AFTER_HALVING:
            height, width = image.shape[0] // 2, image.shape[1] // 2
            whole = image[: 2 * height, : 2 * width]
            image = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
            min_face, factor = min_face / 2, 2 * factor
        return image.astype(np.float32), factor, min_face

    def _propose(self, pixels: np.ndarray, min_face: float) -> np.ndarray:
        """Return squares (N, 4) in which there may be a face."""
        found = []
        for scale, network in self._levels(pixels.shape[:2], min_face):
            found.append(self._propose_at(pixels, scale, network))
        if not found:
            return np.empty((0, 4))
        boxes = np.concatenate([f[0] for f in found])
        logits = np.concatenate([f[1] for f in found])
        kept = mtcnn_boxes.suppress(boxes, logits, OVERLAPS[1])
        return mtcnn_boxes.square(boxes[kept])

    def _propose_at(
        self, pixels: np.ndarray, scale: float, network: ProposalNetwork
    ) -> tuple:
        """Return boxes (N, 4) and logits (N,) found at one scale."""
        size = (network.width, network.height)
        small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        boxes, logits = mtcnn_boxes.window_boxes(
            network.run(small), scale, logit(self.thresholds[0])
        )
        kept = mtcnn_boxes.suppress(boxes, logits, OVERLAPS[0])
        return boxes[kept], logits[kept]

    def _levels(self, size: tuple[int, int], min_face: float) -> list[Level]:
        """Return scale and proposal network of every level of the pyramid.

        A level is reduced from the image itself: reduced from an image already halved
        it takes a third of the time but moves boxes by up to 6 % of the face.
        """
        key = (*size, min_face)
        if key not in self._proposers:
            height, width = size
            self._proposers[key] = [
                (s, ProposalNetwork(int(height * s), int(width * s), self.num_threads))
                for s in mtcnn_boxes.pyramid_scales(height, width, min_face)
            ]
            if len(self._proposers) > FRAME_SIZES_KEPT:
                self._proposers.popitem(last=False)
        self._proposers.move_to_end(key)
        return self._proposers[key]

    def _classify(
        self, name: str, pixels: np.ndarray, boxes: np.ndarray, threshold: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Run a network on squares (N, 4) and keep those that it classifies as faces.

        Returns:
            Squares (M, 4) and the network's outputs (M, C), the last the face logit.
        """
        network = self._refiners[name]
        output = np.empty((len(boxes), network.channels))
        for start in range(0, len(boxes), PATCHES_AT_ONCE):
            part = boxes[start : start + PATCHES_AT_ONCE]
            patches = mtcnn_boxes.cut_patches(pixels, part, network.width)
            for i, patch in enumerate(patches, start):
                output[i] = network.run(patch)
        passed = output[:, -1] > logit(threshold)
        return boxes[passed], output[passed]


def logit(probability: float) -> float:
    """Return the logit of a probability in (0, 1)."""
    return float(np.log(probability / (1 - probability)))


def check_arguments(
    min_face: float, min_face_fraction: float, thresholds: tuple, num_threads: int
) -> None:
    """Raise a ``ValueError`` that names the wrong argument of the finder."""
    smallest = mtcnn_boxes.SMALLEST_FACE
    if not smallest <= min_face < np.inf:
        raise ValueError(
            f"`min_face` must be at least {smallest} pixels; enlarge the image to find "
            f"smaller faces. Received: {min_face}"
        )
    if not 0 <= min_face_fraction <= 1:
        raise ValueError(
            f"`min_face_fraction` must be in [0, 1]. Received: {min_face_fraction}"
        )
    if len(thresholds) != 3 or not all(0 < t < 1 for t in thresholds):
        raise ValueError(
            "`thresholds` must be three numbers between 0 and 1, one per network. "
            f"Received: {thresholds}"
        )
    check_count(num_threads, "num_threads")
