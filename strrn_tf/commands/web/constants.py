"""Writes thresholds and constants of the tracker for JavaScript.

    python -m strrn_tf.commands.web.constants web/src/exported.js

The browser's tracker has the rules of ``strrn_tf/tracking``. Its numbers are written
here and nowhere else.
"""

import dataclasses
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from strrn_tf import geometry, landmarks
from strrn_tf.commands.track.formats import frames
from strrn_tf.system.atomic import write_text
from strrn_tf.tracking.confidence import landmark_confidence, reliability, visibility
from strrn_tf.tracking.config import TrackingConfig
from strrn_tf.tracking.face_detection import (
    box_finder,
    checked_detector,
    face_boxes,
    face_finder,
)
from strrn_tf.tracking.face_detection.mtcnn import boxes as mtcnn_boxes
from strrn_tf.tracking.face_detection.mtcnn import networks as mtcnn_networks
from strrn_tf.tracking.networks import crop, turned_windows

# Numbers of the confidence of landmarks, there with an underscore before the name.
FITTED = (
    *("FLOOR", "DISAGREEMENT_FLOOR", "LOST_FLOW", "UNKNOWN_RESEMBLANCE"),
    *("LEAST", "MOST", "OUTSIDE"),
)


def exported() -> dict[str, Any]:
    """Return all that JavaScript reads, as values of JSON."""
    finder = face_finder.FaceFinder.__init__.__kwdefaults__
    min_face = face_finder.FaceFinder.__init__.__defaults__[0]
    default = reliability.Reliability()
    return {
        "tracking_config": dataclasses.asdict(TrackingConfig()),
        "csv": {"DECIMALS": frames.DECIMALS},
        "landmarks": {
            "NUM_LANDMARKS": landmarks.NUM_LANDMARKS,
            "REGIONS": landmarks.REGIONS,
            "COMPONENTS": landmarks.COMPONENTS,
            "OUTER_EYE_CORNERS": landmarks.OUTER_EYE_CORNERS,
            "CONTOURS": landmarks.CONTOURS,
        },
        "constants": {
            "ATTEMPTS": checked_detector.ATTEMPTS,
            "CROP_SIZE": geometry.CROP_SIZE,
            "EYE_DISTANCE_FLOOR": geometry.EYE_DISTANCE_FLOOR,
            "TURNS": turned_windows.TURNS,
            "SHRINK_BELOW": crop.SHRINK_BELOW,
            "FACE_BOXES": _named(face_boxes, "SIDE_SHIFTS", "LARGEST_ROLL"),
            "FINDER": {
                "MIN_FACE": min_face,
                "THRESHOLDS": finder["thresholds"],
                "OVERLAPS": face_finder.OVERLAPS,
                "RNET_SIDE": face_finder.RNET_SIDE,
                "ONET_SIDE": mtcnn_networks.ONET_SIDE,
                "FRAME_SIZES_KEPT": face_finder.FRAME_SIZES_KEPT,
                "SMALLEST_AFTER_HALVING": face_finder.SMALLEST_AFTER_HALVING,
                "QUARTER_TURNS": box_finder.QUARTER_TURNS,
                "SMALLEST_FACE": mtcnn_boxes.SMALLEST_FACE,
                "CELL": mtcnn_boxes.CELL,
                "STRIDE": mtcnn_boxes.STRIDE,
                "PYRAMID_STEP": mtcnn_boxes.PYRAMID_STEP,
                "OUTSIDE": mtcnn_boxes.OUTSIDE,
            },
            "VISIBILITY": {"SIDE": visibility.SIDE, "STRIDE": visibility.STRIDE},
            "LANDMARK_CONFIDENCE": {
                **{name: getattr(landmark_confidence, f"_{name}") for name in FITTED},
                "SIDES": landmark_confidence._SIDES.tolist(),
                "DEFAULT": dataclasses.asdict(landmark_confidence.LandmarkConfidence()),
            },
            "RELIABILITY": {
                "CYCLE_FLOOR": reliability._CYCLE_FLOOR,
                "DISTANCE_FLOOR": reliability._DISTANCE_FLOOR,
                "LEAST_LOGIT": reliability._LEAST_LOGIT,
                "MOST_LOGIT": reliability._MOST_LOGIT,
                "NOSE": reliability._NOSE,
                "LEFT_JAW": reliability._LEFT_JAW,
                "RIGHT_JAW": reliability._RIGHT_JAW,
                "DEFAULT": dataclasses.asdict(default),
            },
        },
    }


def _named(module: ModuleType, *names: str) -> dict[str, Any]:
    return {name: getattr(module, name) for name in names}


def write(path: Path) -> None:
    """Write the constants as an ES module."""
    text = json.dumps(exported(), indent=2, allow_nan=False)
    origin = "// Written by strrn_tf/commands/web/constants.py."
    write_text(path, f"{origin}\nexport default {text};\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
