"""All that is needed to use an exported model, in one file, to port to any language.

    python examples/minimal_litert.py MODEL_FOLDER IMAGE x0 y0 x1 y1 [NEXT_IMAGE]

prints the 68 landmarks of the face in the box, and where the tracker finds them in the
next image, with the cycle error, as ``strrn_tf.FaceTracker`` does (a test compares).
"""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter

CONSISTENT, TURNS = 0.012, (0, np.pi, np.pi / 2, -np.pi / 2)


def window(box: tuple, roll: float, size: int, margin: float) -> np.ndarray:
    """Return the matrix (3, 3) from the image to the crop, turned around the box."""
    x0, y0, x1, y1 = box
    scale = size / (margin * max(x1 - x0, y1 - y0))
    c, s = scale * np.cos(roll), scale * np.sin(roll)
    middle, x, y = (size - 1) / 2, (x0 + x1) / 2, (y0 + y1) / 2
    shift = middle - c * x - s * y, middle + s * x - c * y
    return np.array([[c, s, shift[0]], [-s, c, shift[1]], [0, 0, 1]])


def upright(points: np.ndarray) -> tuple:
    """Return the box of a face (68, 2) that is turned upright, and its roll."""
    parts = (36, 42), (42, 48), (48, 68)
    left, right, mouth = (points[start:stop].mean(0) for start, stop in parts)
    across, down = right - left, mouth - (left + right) / 2
    roll = np.arctan2(across[1] - down[0], across[0] + down[1])
    turn = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    low, high = (points @ turn).min(0), (points @ turn).max(0)
    centre, half = turn @ (low + high) / 2, (high - low) / 2
    return (*(centre - half), *(centre + half)), roll


def cut(image: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """Return the crop (1, size, size, 3) of a window."""
    zoom = np.hypot(matrix[0, 0], matrix[0, 1])
    if zoom < 0.75:  # average over the pixels that sampling would skip: first cut out
        ends = np.array(np.meshgrid([0, size - 1], [0, size - 1], [1])).reshape(3, 4)
        ends, spare = (np.linalg.inv(matrix) @ ends)[:2], int(np.ceil(2 / zoom)) + 1
        limit, low, high = np.array(image.shape[1::-1]), ends.min(1), ends.max(1)
        start = np.clip(np.floor(low) - spare, 0, limit - 1).astype(int)
        stop = np.clip(np.ceil(high) + spare + 1, start + 1, limit).astype(int)
        image = image[start[1] : stop[1], start[0] : stop[0]]
        matrix = matrix @ [[1, 0, start[0]], [0, 1, start[1]], [0, 0, 1]]
    while zoom < 0.75:  # then halve, then the rest; x goes to (x + 0.5) factor - 0.5
        w, h = small = np.array(image.shape[1::-1])
        small = small // 2 if zoom <= 0.5 else np.rint(small * zoom).astype(int)
        (w, h), zoom = (small * 2, zoom * 2) if zoom <= 0.5 else ((w, h), 1)
        image = cv2.resize(image[:h, :w], small.tolist(), interpolation=cv2.INTER_AREA)
        w, h = np.array([w, h]) / small
        matrix = matrix @ [[w, 0, w / 2 - 0.5], [0, h, h / 2 - 0.5], [0, 0, 1]]
    crop = cv2.warpAffine(image, matrix[:2], (size, size), borderMode=1)  # 1: repeat
    return (crop.astype(np.float32) / np.float32(255))[None]


def distance(points: np.ndarray, reference: np.ndarray) -> float:
    """Return the mean distance of points (68, 2) in units of the eye distance."""
    eyes = np.linalg.norm(reference[45] - reference[36])
    eyes = max(eyes, 0.4 * np.ptp(reference, 0).max())  # 0.4: profiles
    return np.linalg.norm(points - reference, axis=-1).mean() / eyes


class Model:
    """Both networks of a folder."""

    def __init__(self, folder: str) -> None:
        description = json.loads(Path(folder, "model.json").read_text("utf-8"))
        self.crop = description["crop"]["size"], description["crop"]["margin"]
        self.any_roll = description["crop"].get("any_roll", False)
        files = [str(Path(folder, f"{n}.tflite")) for n in ("detector", "tracker")]
        self.interpreters = [Interpreter(file, num_threads=1) for file in files]
        self.detector, self.tracker = (
            interpreter.get_signature_runner() for interpreter in self.interpreters
        )

    def window(self, points: np.ndarray) -> np.ndarray:
        """Return the matrix (3, 3) of the window around a face (68, 2)."""
        box = *points.min(0), *points.max(0)
        box, roll = upright(points) if self.any_roll else (box, 0)
        return window(box, roll, *self.crop)

    def detect(self, image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        """Return landmarks (68, 2) of the face in a window of an RGB image."""
        crop = cut(image, matrix, self.crop[0])
        found = self.detector(frames=crop)["landmarks"][0].astype(np.float64)
        return (found - matrix[:2, 2]) @ np.linalg.inv(matrix[:2, :2]).T

    def align(self, image: np.ndarray, box: tuple) -> np.ndarray:
        """Return landmarks (68, 2) of the face in a box of an RGB image.

        A face at any angle is detected in four windows, and again around the answer.
        The first answer that stays counts, or the one that stays best.
        """
        if not self.any_roll:
            return self.detect(image, window(box, 0, *self.crop))
        answers = []
        for turn in TURNS:
            found = self.detect(image, window(box, turn, *self.crop))
            for _ in range(2):
                before, found = found, self.detect(image, self.window(found))
                answers.append((distance(found, before), found))
                if answers[-1][0] <= CONSISTENT:
                    return found
            del answers[-2]
        return min(answers, key=lambda answer: answer[0])[1]

    def step(
        self, previous_frame: np.ndarray, frame: np.ndarray, landmarks: np.ndarray
    ) -> tuple[np.ndarray, float]:
        """Track landmarks to the next frame; return them and the cycle error."""
        matrix = self.window(landmarks)
        before, after = (cut(f, matrix, self.crop[0]) for f in (previous_frame, frame))
        start = (landmarks @ matrix[:2, :2].T + matrix[:2, 2]).astype(np.float32)
        found = self.tracker(frames=after, start=start[None])["landmarks"]
        back = self.tracker(frames=before, start=found)["landmarks"][0]
        in_image = (found[0] - matrix[:2, 2]) @ np.linalg.inv(matrix[:2, :2]).T
        return in_image, distance(back, start)


if __name__ == "__main__":
    if len(sys.argv) not in (7, 8):
        sys.exit(__doc__)
    try:
        model, box = Model(sys.argv[1]), tuple(map(float, sys.argv[3:7]))
    except (OSError, ValueError) as error:
        sys.exit(f"a model folder and a box of four numbers are needed: {error}")
    if not (box[0] < box[2] and box[1] < box[3]):
        sys.exit(f"the box is empty: x0 < x1 and y0 < y1 do not hold for {box}")
    files = sys.argv[2:3] + sys.argv[7:]
    images = [cv2.imread(file) for file in files]
    if unread := [f for f, i in zip(files, images, strict=True) if i is None]:
        sys.exit(f"{unread[0]}: there is no image, or it cannot be read")
    image, *following = (image[..., ::-1].copy() for image in images)
    print(landmarks := model.align(image, box))
    for frame in following:
        print(*model.step(image, frame, landmarks), sep="\n")
