"""The decision between former and new weights."""

import numpy as np
import pytest

from strrn_tf.methods.verdict import candidates, compare, decide, describe

GROUP = np.arange(200)


def errors(change, seed=0, count=200):
    """Return paired errors before and after; the change is a fraction, with noise."""
    rng = np.random.default_rng(seed)
    before = rng.lognormal(-3, 0.4, count)
    return before, before * (1 + change + rng.normal(0, 0.1, count))


def test_a_clear_gain_is_taken_and_a_loss_is_not():
    before, after = errors(-0.1)
    found = decide({"before": before, "after": after}, GROUP)
    assert found["chosen"] == "after"
    row = found["rows"]["after"]
    assert row["low"] < row["change"] < row["high"] < 0
    assert row["change"] == pytest.approx(-10, abs=2)
    before, after = errors(0.1)
    assert decide({"before": before, "after": after}, GROUP)["chosen"] == "before"


def test_the_same_weights_are_not_better():
    before, _ = errors(0)
    found = decide({"before": before, "after": before.copy()}, GROUP)
    assert found["chosen"] == "before"


def test_a_training_that_does_nothing_is_rarely_taken():
    taken = 0
    for seed in range(60):
        before, after = errors(0, seed)
        _, mean = errors(0, seed + 1000)
        all_errors = {"before": before, "after": after, "mean of both": mean}
        all_errors["mean of both"] = before * (mean / errors(0, seed + 1000)[0])
        taken += decide(all_errors, GROUP)["chosen"] != "before"
    assert taken <= 6


@pytest.mark.parametrize(("clips", "chosen"), [(7, "before"), (8, "after")])
def test_a_few_clips_prove_nothing(clips, chosen):
    before, after = errors(-0.1)
    found = decide({"before": before, "after": after}, GROUP % clips)
    assert found["chosen"] == chosen
    text = "\n".join(describe("detector", "kept-out pictures", found))
    assert ("prove nothing" in text) == (chosen == "before")


@pytest.mark.parametrize(("margin", "chosen"), [(3.0, "after"), (12.0, "before")])
def test_a_network_that_judges_must_see_more_than_a_margin(margin, chosen):
    before, after = errors(-0.1)
    found = decide({"before": before, "after": after}, GROUP, margin)
    assert found["chosen"] == chosen
    text = "\n".join(describe("detector", "kept-out pictures", found))
    assert f"below -{margin:g} %" in text


def test_moments_of_loss_do_not_outvote_other_pictures():
    before, after = errors(0.05)
    ordinary = GROUP < 150
    before[~ordinary] *= 10
    after[~ordinary] *= 10 * 0.5
    both = {"before": before, "after": after}
    assert decide(both, GROUP, 3.0)["chosen"] == "after"
    found = decide(both, GROUP, 3.0, ordinary)
    assert found["chosen"] == "before"
    assert found["rows"]["after"]["ordinary"] > found["rows"]["before"]["ordinary"]
    text = "\n".join(describe("detector", "kept-out pictures", found))
    assert f"{100 * before[ordinary].mean():.2f} without moments of loss" in text
    assert "without moments of loss (worse)" in text
    after[ordinary] *= 0.9
    assert decide(both, GROUP, 3.0, ordinary)["chosen"] == "after"
    # Where there are no such moments, nothing is said of them.
    plain = decide(both, GROUP, 3.0, np.ones(200, bool))
    assert "ordinary" not in plain["rows"]["after"]


def test_some_candidates_are_only_compared():
    before, after = errors(-0.2)
    found = {"before": before, "after": after, "mean of both": 0.9 * before}
    judged = decide(found, GROUP, 3.0, choice=["mean of both"])
    assert judged["chosen"] == "mean of both"
    assert judged["rows"]["after"]["change"] < judged["rows"]["mean of both"]["change"]
    lines = describe("detector", "kept-out pictures", judged)
    only = [line.split()[0] for line in lines if line.endswith("only compared")]
    assert only == ["after"]


def test_the_best_of_several_is_taken():
    before, after = errors(-0.08)
    _, mean = errors(-0.15)
    found = decide({"before": before, "after": after, "mean of both": mean}, GROUP)
    assert found["chosen"] == "mean of both"


def test_pictures_of_one_clip_are_one_piece_of_evidence():
    before = np.repeat(errors(0, count=8)[0], 25)
    rng = np.random.default_rng(3)
    after = before * np.repeat(1 + rng.normal(-0.05, 0.12, 8), 25)
    alone = compare(before, after, np.arange(200))
    together = compare(before, after, np.repeat(np.arange(8), 25))
    assert together["high"] - together["low"] > 3 * (alone["high"] - alone["low"])


def test_what_is_printed():
    before, after = errors(-0.1)
    found = decide({"before": before, "after": after}, GROUP)
    text = "\n".join(describe("detector", "held-out stills", found))
    assert "200 held-out stills" in text
    assert "interval" in text
    assert text.endswith("better: after is kept")
    kept = decide({"before": after, "after": before}, GROUP)
    last = describe("detector", "held-out stills", kept)[-1]
    assert last == "Not better; you keep what you had"


def test_candidates():
    found = candidates([np.zeros(2, np.float32)], [np.ones(2, np.float32)])
    assert list(found) == ["before", "after", "mean of both", "a quarter of the way"]
    np.testing.assert_allclose(found["a quarter of the way"][0], 1 / 4)
    np.testing.assert_array_equal(found["mean of both"][0], [0.5, 0.5])
    assert found["mean of both"][0].dtype == np.float32
