"""All thresholds in one place: explained, checked, fit for JSON, and obeyed."""

import ast
import dataclasses
import inspect
import json
import re
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from support.places import ROOT

from strrn_tf.tracking.config import TrackingConfig
from strrn_tf.tracking.offline.config import OfflineConfig

CONFIGS = TrackingConfig, OfflineConfig
FIELDS = [(kind, f.name) for kind in CONFIGS for f in dataclasses.fields(kind)]
TRACKING = ROOT / "strrn_tf" / "tracking"
OFFLINE = TRACKING / "offline"
UNITS = (
    *("Eye distances", "Eye distance", "Face sizes", "Pixels", "Seconds", "Radians"),
    *("Fraction", "Probability", "Ratio", "Hertz", "Intersection over union"),
    *("Frames", "Grey levels", "Levels", "Samples", "Searches", "Largest number"),
)

# Numbers that decide nothing about a track, by file.
NO_THRESHOLDS = {
    "confidence/reliability.py": {  # parts of a fitted function
        *("GOOD", "_CYCLE_FLOOR", "_DISTANCE_FLOOR", "_LEAST_LOGIT", "_MOST_LOGIT"),
        *("_NOSE", "_LEFT_JAW", "_RIGHT_JAW"),
    },
    "confidence/landmark_confidence.py": {  # parts of a fitted function
        *("_FLOOR", "_DISAGREEMENT_FLOOR", "_LOST_FLOW", "_UNKNOWN_RESEMBLANCE"),
        *("_LEAST", "_MOST", "_NOSE", "_LEFT_JAW", "_RIGHT_JAW", "TRACKED", "DETECTED"),
        "_OUTSIDE",
    },
    "confidence/visibility.py": {"SIDE", "STRIDE"},  # how the crop is sampled
    # How boxes of the face finder are converted, and how often that is tried.
    "face_detection/checked_detector.py": {"ATTEMPTS"},
    "face_detection/face_boxes.py": {"SIDE_SHIFTS", "LARGEST_ROLL"},
    # MTCNN's own numbers, and what its memory and time are bounded by.
    "face_detection/face_finder.py": {
        *("OVERLAPS", "RNET_SIDE", "PATCHES_AT_ONCE", "FRAME_SIZES_KEPT"),
        "SMALLEST_AFTER_HALVING",
    },
    "face_detection/mtcnn/networks.py": {"ONET_SIDE", "BAND_PIXELS", "LEAST_WINDOWS"},
    "face_detection/mtcnn/boxes.py": {
        *("SMALLEST_FACE", "CELL", "STRIDE", "PYRAMID_STEP", "OUTSIDE", "BLOCK"),
    },
    # How a crop is resampled, and what OpenCV can address.
    "networks/crop.py": {"SHRINK_BELOW", "LONGEST_SIDE", "scale <= 0.5"},
    # Numbers of quarter turns, as `np.rot90` takes them.
    "face_detection/box_finder.py": {"QUARTER_TURNS"},
    # How the picture is sampled that is kept of a face.
    "offline/sighting.py": {"SIZE"},
    # The file format.
    "networks/model_folder.py": {"FORMAT_VERSION", "LARGEST_MARGIN"},
}


def is_number(node):
    """Return whether a node is a number, or numbers with at most strings beside."""
    parts = [n for n in ast.walk(node) if not isinstance(n, ast.expr_context)]
    kinds = ast.Tuple, ast.List, ast.Set, ast.Dict, ast.BinOp, ast.UnaryOp
    kinds = (*kinds, ast.Constant, ast.operator, ast.unaryop)
    values = [n.value for n in parts if isinstance(n, ast.Constant)]
    has_number = any(type(value) in (int, float) for value in values)
    return has_number and all(isinstance(part, kinds) for part in parts)


def thresholds(tree):
    """Yield constants of modules, classes and functions, and compared fractions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [n.id for t in targets for n in ast.walk(t) if hasattr(n, "id")]
            if is_number(node.value):
                yield from (name for name in names if name.isupper())
        elif isinstance(node, ast.Compare):
            for one in (node.left, *node.comparators):
                fraction = isinstance(one, ast.Constant) and type(one.value) is float
                if fraction and one.value not in (0, 1):
                    yield ast.unparse(node)


def documented(kind):
    """Return the text below every field of a config."""
    (body,) = [
        node.body
        for node in ast.parse(inspect.getsource(kind)).body
        if isinstance(node, ast.ClassDef)
    ]
    return {
        field.target.id: text.value.value
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr)
    }


@pytest.mark.parametrize("kind", CONFIGS)
def test_every_field_begins_with_its_unit(kind):
    texts = documented(kind)
    assert [(kind, name) for name in texts] == [f for f in FIELDS if f[0] is kind]
    assert not [name for name, text in texts.items() if not text.startswith(UNITS)]


def test_it_is_json_and_back():
    config = TrackingConfig(patience=np.float32(3), max_misses=np.int64(5))
    text = json.dumps(dataclasses.asdict(config), allow_nan=False)
    assert TrackingConfig(**json.loads(text)) == config
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.patience = 1.0
    offline = OfflineConfig(longest_gap=2, flow_window=15)
    text = json.dumps(dataclasses.asdict(offline), allow_nan=False)
    assert OfflineConfig(**json.loads(text)) == offline


@pytest.mark.parametrize(("kind", "name"), FIELDS)
def test_every_field_is_checked(kind, name):
    is_count = isinstance(getattr(kind(), name), int)
    wrong = [-1, np.nan, np.inf, "1", None, True, [1]]
    for value in wrong + [0, 2.5] * is_count:
        with pytest.raises(ValueError, match=f"`{name}` must be .*Received"):
            kind(**{name: value})


@pytest.mark.parametrize(
    ("name", "wrong", "right"),
    [
        ("max_size_change", 0.99, 1),
        ("flow_window", 2, 3),
        ("flow_window", 316, 315),
        ("flow_levels", 10, 9),
        ("flow_iterations", 2**31, 100),
        ("face_check_oversampling", 17, 16),
        ("finder_min_face_fraction", 1.1, 1),
        ("smoothing_min_cutoff", 0, 0.1),
        ("smoothing_speed_cutoff", 0, 0.1),
        ("crop_slack", 1e300, 1e9),
    ],
)
def test_what_would_crash_later_is_refused(name, wrong, right):
    assert getattr(TrackingConfig(**{name: right}), name) == right
    with pytest.raises(ValueError, match=f"`{name}` must be .* from .* to .*"):
        TrackingConfig(**{name: wrong})


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("longest_gap", 0, 10),
        ("context", 0, 10),
        ("block", 0, 60),
        ("most_waiting", 2, 100_000),
        ("time_tolerance", 0, 1),
        ("redetect_interval", 0.001, 60),
        ("view_size", 1, 10),
        ("faint_detail", 0.01, 127),
        ("even_contrast", 1, 127),
        ("min_likeness", 0, 1),
        ("min_contrast", 0, 1),
        ("detail_weight", 0, 1),
        ("recovered", 0, 1),
        ("flow_window", 3, 315),
        ("flow_levels", 1, 9),
        ("flow_iterations", 1, 1000),
        ("flow_precision", 0, 1),
        ("min_resemblance", 0, 1),
        ("max_return_error", 0, 1),
        ("max_stray", 0, 1),
        ("min_carried", 0, 1),
        ("velocity_seconds", 0, 1),
        ("longest_coasting", 0, 1),
    ],
)
def test_offline_fields_end_where_they_should(name, low, high):
    for value in (low, high):
        assert getattr(OfflineConfig(**{name: value}), name) == value
    step = 1 if isinstance(getattr(OfflineConfig(), name), int) else 1e-6
    for value in (low - step, high + step):
        with pytest.raises(ValueError, match=f"`{name}` must be .* from .* to .*"):
            OfflineConfig(**{name: value})


@pytest.mark.parametrize(("weight", "interval"), [(0.2, 6), (0.26, 4), (1.1, 1)])
def test_a_correction_that_overshoots_is_refused(weight, interval):
    fields = {"detector_weight": weight, "detection_interval_resting": interval}
    with pytest.raises(ValueError, match="overshoots"):
        TrackingConfig(**fields)


@pytest.mark.parametrize(("weight", "interval"), [(0.2, 5), (0.1, 10), (1 / 3, 3)])
def test_a_correction_that_just_does_not_overshoot(weight, interval):
    fields = {"detector_weight": weight, "detection_interval_resting": interval}
    assert TrackingConfig(**fields).detector_weight == weight


@pytest.mark.parametrize(("kind", "name"), FIELDS)
def test_every_field_is_read_somewhere(kind, name):
    is_offline = kind is OfflineConfig
    others = [
        path
        for path in TRACKING.rglob("*.py")
        if path.name != "config.py" and path.is_relative_to(OFFLINE) == is_offline
    ]
    use = re.compile(rf"onfig\.{name}\b")
    assert any(use.search(path.read_text("utf-8")) for path in others)


@pytest.mark.parametrize("kind", CONFIGS)
def test_it_needs_no_tensorflow(kind):
    program = f"import sys, {kind.__module__}; print('tensorflow' in sys.modules)"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "False", done.stderr


def test_no_threshold_is_left_in_a_module():
    found = {
        path.relative_to(TRACKING).as_posix(): set(
            thresholds(ast.parse(path.read_text("utf-8")))
        )
        for path in TRACKING.rglob("*.py")
        if path.name != "config.py"
    }
    assert {path: names for path, names in found.items() if names} == NO_THRESHOLDS


@pytest.mark.parametrize(
    "program",
    [
        "LIMIT = 2",
        "LIMIT: float = 0.5 * 3",
        "class A:\n    LIMIT = (1, 2)",
        "def f(x):\n    LIMIT = {'a': -1.5}\n    return x > LIMIT['a']",
        "def f(x):\n    return 0 < x <= 0.5",
    ],
)
def test_a_threshold_is_seen_wherever_it_is(program):
    assert len(list(thresholds(ast.parse(program)))) == 1


def test_names_counts_and_state_are_no_thresholds():
    program = "NAME = 'a'\nOTHER = f(2)\nclass A:\n    x: int = 0\nx.ndim == 3\ny > 1.0"
    assert not list(thresholds(ast.parse(program)))
