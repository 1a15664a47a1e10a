"""The line that sums up sets of clips, among them some with nothing to learn."""

from benchmarks.learning.do_no_harm import summary
from strrn_tf.methods.verdict import NOTHING_LEARNT


def found(chosen, judged, before, after, trained):
    errors = {"before": [before], "after": [after], "trained": [trained]}
    return {"chosen": chosen, "judged": judged, **errors}


def test_sets_without_anything_to_learn_are_neither_accepted_nor_judged():
    line = summary(
        "clips",
        [
            found(NOTHING_LEARNT, 0.0, 4.0, 4.0, 4.0),
            found("before", 2.0, 4.0, 4.0, 3.0),
            found("a quarter of the way", -8.0, 4.0, 3.0, 2.0),
        ],
    )
    assert "1 of 3 accepted, in 1 was nothing to learn" in line
    assert "from -25.0 to +0.0 %" in line
    assert line.endswith("agree on the sign of 1 of 2")
