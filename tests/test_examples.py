"""The demonstrations know what the programs that they call print."""

import ast
import shutil

import pytest
from support.places import ROOT

from benchmarks.accuracy import native
from strrn_tf import FaceTracker
from strrn_tf.evaluation.protocols import PROTOCOLS


def test_the_demo_explains_every_protocol():
    tree = ast.parse((ROOT / "examples" / "demo.py").read_text(encoding="utf-8"))
    assigned = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    assert ast.literal_eval(assigned["PROTOCOLS"]).keys() == set(PROTOCOLS)


@pytest.mark.skipif(
    not (shutil.which("cmake") and (shutil.which("c++") or shutil.which("g++"))),
    reason="cmake or a C++ compiler is missing",
)
def test_the_example_in_cpp_finds_what_the_tracker_finds(tmp_path):
    program = native.build(tmp_path, build_type="Debug")
    for model in ("strrn-mdm", "strrn-hgn"):
        tracker = FaceTracker.from_pretrained(model, any_roll=False)
        for scale in native.SCALES:
            differences = native.compare([str(program)], tracker, tmp_path, scale)
            assert max(differences) < 0.01, (model, scale)
