"""The demonstrations know what the programs that they call print."""

import ast

from support.places import ROOT

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
