"""Algorithm 1 and SBR stand side by side: one protocol, no inheritance."""

import inspect

import pytest

from strrn_tf.commands import train
from strrn_tf.methods.method import Method
from strrn_tf.methods.omni_supervision import OmniSupervision
from strrn_tf.methods.sbr import SupervisionByRegistration

NAMES = [n for n in vars(Method) if inspect.isfunction(getattr(Method, n))]
STEPS = [name for name in NAMES if name[0] != "_"]


@pytest.mark.parametrize(
    ("name", "kind"), [("strrn", OmniSupervision), ("sbr", SupervisionByRegistration)]
)
def test_the_option_chooses_a_class_that_has_all_steps(name, kind):
    options = train.parse(["--method", name, "--sbr.weight", "0.7"])
    run = object()
    method = train.make_method(options, run)
    assert type(method) is kind
    assert kind.__bases__ == (object,)
    assert method.run is run
    assert STEPS == ["train_on_stills", "run_round", "decide", "report_gain"]
    for step in STEPS:
        asked = inspect.signature(getattr(Method, step))
        assert inspect.signature(getattr(kind, step)) == asked
    if name == "sbr":
        assert method.sbr.weight == 0.7
