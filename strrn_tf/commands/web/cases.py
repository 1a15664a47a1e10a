"""Records what the tracker does on drawn clips, to be replayed in JavaScript.

    python -m strrn_tf.commands.web.cases FOLDER

writes ``cases.json`` and the frames of every clip as packed bytes, rows of RGB. The
frames are stored without loss, so that both languages read the same pixels. Most cases
run with the models' weights in float32, see ``strrn_tf.commands.web.float32``.
"""

import gzip
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from data_pipeline.synthetic.pictures import draw_clip
from strrn_tf.commands.web.float32 import write_folder
from strrn_tf.geometry import apply_matrix, crop_matrix
from strrn_tf.system.atomic import write_text
from strrn_tf.tracking.config import TrackingConfig
from strrn_tf.tracking.face import Face
from strrn_tf.tracking.face_detection.face_check import FaceCheck
from strrn_tf.tracking.face_detection.face_finder import FaceFinder
from strrn_tf.tracking.networks.crop import cut
from strrn_tf.tracking.optical_flow import FlowSettings, flow_landmarks
from strrn_tf.tracking.tracker import FaceTracker

FRAMES, SHIPPED, RATE = 40, 12, 25.0
MODELS = "models"


@dataclass(frozen=True, eq=False)
class Case:
    """One clip and how it is tracked.

    Attributes:
        name: of the case.
        model: name of the model.
        frames: (H, W, 3) uint8 RGB each.
        times: seconds of every frame, None for a frame without a time.
        options: of ``FaceTracker``: ``max_faces``, ``any_roll``, ``smooth``.
        boxes: face boxes that are given, by the index of the frame. Empty: the faces
            are searched for.
        is_shipped: whether the model runs as it is shipped, and not in float32.
    """

    name: str
    model: str
    frames: list[np.ndarray]
    times: list[float | None]
    options: Mapping[str, Any] = field(default_factory=dict)
    boxes: Mapping[int, list[list[float]]] = field(default_factory=dict)
    is_shipped: bool = False


def cases() -> Iterator[Case]:
    """Draw the clips; yield the cases."""
    times = [i / RATE for i in range(FRAMES)]
    clips = [_clip(seed, category) for seed, category in enumerate((1, 2, 3), start=1)]
    light, default, exact = "strrn-mdm", "strrn-fast", "strrn-hgn"
    for category, model in ((1, light), (2, exact), (3, default)):
        # Motion and occlusion of category 3 multiply the smallest differences.
        count = FRAMES if category < 3 else FRAMES // 2
        frames = clips[category - 1][:count]
        yield Case(f"category-{category}", model, frames, times[:count])
    # Short ones: differences of integer products add up from frame to frame.
    for model in (light, default, exact):
        frames = clips[0][:SHIPPED]
        yield Case(f"shipped-{model}", model, frames, times[:SHIPPED], is_shipped=True)
    first, second = clips[0], _clip(4, 1)
    large = [cv2.resize(f, None, fx=3, fy=3) for f in first[:16]]
    yield Case("large", light, large, times[:16])
    covered = [f if not 12 <= i < 22 else f // 16 for i, f in enumerate(first)]
    yield Case("lost-and-back", default, covered, times)
    hidden = [_hidden(f) if 12 <= i < 28 else f for i, f in enumerate(first)]
    yield Case("hidden-in-part", default, hidden, times)
    pairs = [np.hstack([f, s]) for f, s in zip(first, second, strict=True)]
    for frame in pairs[20:]:
        frame[:, 320:] = 90
    yield Case("two-faces", light, pairs, times, {"max_faces": 2})
    turned = [_turned(f, 2.5 * i) for i, f in enumerate(second)]
    yield Case("turned", default, turned, times, {"any_roll": True})
    upside = [np.ascontiguousarray(f[::-1, ::-1]) for f in first[:10]]
    yield Case("upside-down", light, upside, times[:10], {"any_roll": True})
    few = [None if i % 3 else times[i] for i in range(FRAMES)]
    yield Case("few-times", default, second, few, {"smooth": False})
    again = [4 * t for t in times[:20] * 2]
    yield Case("restart", default, second, again)
    box = [110.0, 70.0, 210.0, 170.0]
    yield Case("boxes", default, first, times, boxes={0: [box], 9: [box]})


def _clip(seed: int, category: int) -> list[np.ndarray]:
    clip = draw_clip(np.random.default_rng(seed), category, FRAMES)
    return [frame for frame, _ in clip]


def _hidden(frame: np.ndarray) -> np.ndarray:
    """Cover the lower part of the picture, as a hand or a cup does."""
    frame = frame.copy()
    frame[int(0.65 * frame.shape[0]) :] = (90, 70, 60)
    return frame


def _turned(frame: np.ndarray, degrees: float) -> np.ndarray:
    height, width = frame.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 0.8)
    border = cv2.BORDER_REPLICATE
    return cv2.warpAffine(frame, matrix, (width, height), borderMode=border)


def record(case: Case, models: Path) -> dict[str, Any]:
    """Track a clip; return the case and its faces as values of JSON.

    Args:
        case: that is tracked.
        models: folder of the models in float32.
    """
    model = case.model if case.is_shipped else models / case.model
    tracker = FaceTracker.from_pretrained(model, **case.options)
    height, width = case.frames[0].shape[:2]
    tracked = []
    for i, (frame, time) in enumerate(zip(case.frames, case.times, strict=True)):
        boxes = case.boxes.get(i, []) if case.boxes else None
        tracked.append([_plain(face) for face in tracker.update(frame, time, boxes)])
    folder = tracker.folder
    return {
        "name": case.name,
        "model": case.model,
        "is_shipped": case.is_shipped,
        "options": dict(case.options),
        "size": [width, height],
        "times": case.times,
        "boxes": dict(case.boxes),
        "crop_pixels_per_face": folder.crop_size / folder.crop_margin,
        "faces": tracked,
    }


def _plain(face: Face) -> dict[str, Any]:
    values = {
        "reliability": face.reliability,
        "cycle_error": face.cycle_error,
        "disagreement": face.disagreement,
        "face_score": face.face_score,
        "landmark_offset": face.landmark_offset,
        "confidence": float(face.landmark_confidence.mean()),
    }
    numbers = {name: _known(value) for name, value in values.items()}
    is_lost = face.state == "lost"
    points = None if is_lost else np.round(face.landmarks, 3).ravel().tolist()
    return {"id": face.id, "state": face.state, "landmarks": points} | numbers


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def parts(frames: list[np.ndarray]) -> dict[str, Any]:
    """Return what the parts of the tracker answer on two frames of a drawn clip."""
    first = frames[0]
    config, size = TrackingConfig(), 315
    found = FaceFinder(min_face_fraction=config.finder_min_face_fraction).find(first)
    box = found[0].box.astype(np.float64)
    large = cv2.resize(first, None, fx=4, fy=4)
    crops = []
    for image, scale, roll in ((first, 1, 0.0), (first, 1, 0.7), (large, 4, -0.4)):
        matrix = crop_matrix(box * scale, size, 1.6, roll)
        pixels = cut(image, matrix, size)
        gray = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        digests = [hashlib.sha256(p.tobytes()).hexdigest() for p in (pixels, gray)]
        crops.append({"scale": scale, "matrix": matrix.ravel().tolist()})
        crops[-1] |= dict(zip(("rgb", "gray"), digests, strict=True))
        crops[-1]["sample"] = pixels[150:153].ravel().tolist()
    matrix = crop_matrix(box, size, 1.6)
    tracker = FaceTracker.from_pretrained("strrn-mdm")
    landmarks = apply_matrix(matrix, tracker.align(first, box))
    pixels, moved = (cut(frame, matrix, size) for frame in frames)
    grays = [cv2.cvtColor(p, cv2.COLOR_RGB2GRAY) for p in (pixels, moved)]
    shifted = landmarks + np.array([120.0, 90.0])
    settings = FlowSettings.of_config(config, size)
    flows = [flow_landmarks(*grays, shape, settings) for shape in (landmarks, shifted)]
    check = FaceCheck(1, config)(pixels, landmarks)
    return {
        "size": [first.shape[1], first.shape[0]],
        "found": [[*map(float, f.box), f.score] for f in found],
        "crops": crops,
        "matrix": matrix.ravel().tolist(),
        "starts": [shape.ravel().tolist() for shape in (landmarks, shifted)],
        "flows": [[_known(v) for v in flow.ravel().tolist()] for flow in flows],
        "check": [check.score, check.landmark_offset, *map(float, check.box)],
    }


def write(folder: Path) -> None:
    """Write all cases into a folder."""
    models, written = folder / MODELS, set()
    models.mkdir(parents=True, exist_ok=True)
    recorded = []
    for case in cases():
        if case.model not in written:
            write_folder(case.model, models / case.model)
            written.add(case.model)
        _pack(folder / f"{case.name}.rgb.gz", case.frames)
        recorded.append(record(case, models))
        print(case.name, len(case.frames), "frames")
    frames = _clip(4, 1)[:2]
    _pack(folder / "parts.rgb.gz", frames)
    content = {"cases": recorded, "parts": parts(frames)}
    write_text(folder / "cases.json", json.dumps(content, allow_nan=False))


def _pack(path: Path, frames: list[np.ndarray]) -> None:
    data = b"".join(np.ascontiguousarray(frame).tobytes() for frame in frames)
    path.write_bytes(gzip.compress(data, 1))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
