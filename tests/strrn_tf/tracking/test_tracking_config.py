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

from strrn_tf.tracking import config as module
from strrn_tf.tracking.config import TrackingConfig

NAMES = [field.name for field in dataclasses.fields(TrackingConfig)]
TRACKING = ROOT / "strrn_tf" / "tracking"
UNITS = (
    *("Eye distances", "Eye distance", "Face sizes", "Pixels", "Seconds", "Radians"),
    *("Fraction", "Probability", "Ratio", "Hertz", "Intersection over union"),
    *("Frames", "Levels", "Samples", "Searches", "Largest number"),
)


def documented():
    """Return the text below every field."""
    (body,) = [
        node.body
        for node in ast.parse(inspect.getsource(module)).body
        if isinstance(node, ast.ClassDef)
    ]
    return {
        field.target.id: text.value.value
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr)
    }


def test_every_field_begins_with_its_unit():
    texts = documented()
    assert list(texts) == NAMES
    assert not [name for name, text in texts.items() if not text.startswith(UNITS)]


def test_it_is_json_and_back():
    config = TrackingConfig(patience=np.float32(3), max_misses=np.int64(5))
    text = json.dumps(dataclasses.asdict(config), allow_nan=False)
    assert TrackingConfig(**json.loads(text)) == config
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.patience = 1.0


@pytest.mark.parametrize("name", NAMES)
def test_every_field_is_checked(name):
    is_count = isinstance(getattr(TrackingConfig(), name), int)
    wrong = [-1, np.nan, np.inf, "1", None, True, [1]]
    for value in wrong + [0, 2.5] * is_count:
        with pytest.raises(ValueError, match=f"`{name}` must be .*Received"):
            TrackingConfig(**{name: value})


@pytest.mark.parametrize("name", NAMES)
def test_every_field_is_read_somewhere(name):
    others = [p for p in TRACKING.rglob("*.py") if p.name != "config.py"]
    use = re.compile(rf"onfig\.{name}\b")
    assert any(use.search(path.read_text("utf-8")) for path in others)


def test_it_needs_no_tensorflow():
    program = "import sys, strrn_tf.tracking.config; print('tensorflow' in sys.modules)"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "False", done.stderr


def test_no_threshold_is_left_in_a_module():
    # The features of the reliability are part of a fitted function.
    for path in {*TRACKING.glob("*.py")} - {TRACKING / "reliability.py"}:
        values = [
            node.value
            for node in ast.parse(path.read_text("utf-8")).body
            if isinstance(node, ast.Assign)
        ]
        numbers = ast.Constant, ast.Tuple, ast.BinOp, ast.UnaryOp
        assert not [ast.unparse(v) for v in values if isinstance(v, numbers)], path
