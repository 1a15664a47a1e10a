"""All that is needed to use an exported model, on one page, to port to any language.

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


def cut(image: np.ndarray, box: tuple, size: int, margin: float) -> tuple:
    """Return the crop (1, size, size, 3) around a box, its scale and its shift."""
    x0, y0, x1, y1 = box
    scale = zoom = size / (margin * max(x1 - x0, y1 - y0))
    shift = (size - 1) / 2 - scale * np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]], [0, 0, 1]])
    if scale < 0.75:  # average over the pixels that sampling would skip: first cut out
        limit, spare = np.array(image.shape[1::-1]), int(np.ceil(2 / scale)) + 1
        start, stop = np.floor(-shift / scale), np.ceil((size - 1 - shift) / scale)
        start = np.clip(start - spare, 0, limit - 1).astype(int)
        stop = np.clip(stop + spare + 1, start + 1, limit).astype(int)
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
    return (crop.astype(np.float32) / np.float32(255))[None], scale, shift


class Model:
    """Both networks of a folder."""

    def __init__(self, folder: str) -> None:
        description = json.loads(Path(folder, "model.json").read_text("utf-8"))
        self.crop = description["crop"]["size"], description["crop"]["margin"]
        files = [str(Path(folder, f"{n}.tflite")) for n in ("detector", "tracker")]
        self.interpreters = [Interpreter(file, num_threads=1) for file in files]
        self.detect, self.track = (i.get_signature_runner() for i in self.interpreters)

    def align(self, image: np.ndarray, box: tuple) -> np.ndarray:
        """Return landmarks (68, 2) of the face in a box of an RGB image."""
        crop, scale, shift = cut(image, box, *self.crop)
        return (self.detect(frames=crop)["landmarks"][0] - shift) / scale

    def step(
        self, previous_frame: np.ndarray, frame: np.ndarray, landmarks: np.ndarray
    ) -> tuple[np.ndarray, float]:
        """Track landmarks to the next frame; return them and the cycle error."""
        box = *landmarks.min(0), *landmarks.max(0)
        before, scale, shift = cut(previous_frame, box, *self.crop)
        after, _, _ = cut(frame, box, *self.crop)
        start = (landmarks * scale + shift).astype(np.float32)[None]
        found = self.track(frames=after, start=start)["landmarks"]
        back = self.track(frames=before, start=found)["landmarks"]
        eyes = np.linalg.norm(start[0, 45] - start[0, 36])
        eyes = max(eyes, 0.4 * np.ptp(start[0], 0).max())  # 0.4: profiles
        error = np.linalg.norm(back - start, axis=-1).mean() / eyes
        return (found[0] - shift) / scale, error


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
