"""Does a training help? A paired bootstrap on pictures that took no part in it. NumPy.

The former weights stay unless the evidence says that others are better. A training that
does nothing is accepted in one run out of twenty at most.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

BEFORE, AFTER, MEAN = "before", "after", "mean of both"
QUARTER = "a quarter of the way"
NOTHING_LEARNT = "nothing was learnt"
# Chance of accepting weights that are no better, over all candidates together.
RISK = 0.05
DRAWS = 4000
# From fewer groups no interval can be told: a bootstrap's is then too narrow.
FEWEST_GROUPS = 8
# Percent by which a network that judges must at least see the error fall. It has learnt
# from the same annotators as those that label, and favours what they teach (see
# docs/results.md, "Does self-training harm?"): it saw 4 to 6 % where there was none.
NETWORK_MARGIN = 5.5
# The same where frames of clips hold the network at its own answers, and only moments
# in which it loses the face teach: then the judge sees next to nothing where there is
# nothing.
MOMENTS_MARGIN = 1.0
# What it can accept. Trained weights fit the clips and lose 1 to 8 % on other faces. A
# quarter of the way has two fifths of the gain and loses next to nothing: losses grow
# with the square of the way (docs/results.md, the column of clean faces).
NETWORK_CHOICE = (QUARTER,)


def compare(
    before: np.ndarray, after: np.ndarray, group: np.ndarray, risk: float = RISK
) -> dict[str, float]:
    """Return the relative change of the mean error, and its interval, in percent.

    Args:
        before: errors (n,).
        after: errors (n,) on the same pictures.
        group: (n,) what is drawn together: the clip or the picture.
        risk: probability outside the interval, half on each side.

    Returns:
        ``change``, ``low`` and ``high``, negative where the error fell.
    """
    numbers = np.unique(group, return_inverse=True)[1]
    sums = [np.bincount(numbers, errors) for errors in (before, after)]
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, len(sums[0]), (DRAWS, len(sums[0])))
    old, new = (total[drawn].sum(1) for total in sums)
    low, high = np.quantile(100 * (new / old - 1), [risk / 2, 1 - risk / 2])
    change = 100 * (after.mean() / before.mean() - 1)
    return {"change": float(change), "low": float(low), "high": float(high)}


def format_change(found: Mapping[str, float]) -> str:
    """Return what `compare` found as text, the interval in brackets."""
    limits = f"{found['low']:+.1f} to {found['high']:+.1f}"
    return f"{found['change']:+.1f} % (interval {limits})"


def decide(
    errors: Mapping[str, np.ndarray],
    group: np.ndarray,
    margin: float = 0.0,
    ordinary: np.ndarray | None = None,
    choice: Sequence[str] = (AFTER, MEAN),
) -> dict[str, Any]:
    """Choose between the weights before and candidates.

    Args:
        errors: (n,) of every candidate on the same pictures, "before" among them.
        group: see `compare`.
        margin: percent by which the error must fall, by the whole interval.
        ordinary: mask (n,) of the pictures on which the mean error must not rise,
            as far as their interval tells. None: all are alike.
        choice: candidates that can be chosen, the others are only compared.

    Returns:
        ``chosen``, the ``choice``, the ``count`` of pictures and of ``groups``, the
        ``margin``, and ``rows`` with the ``error`` in percent and, of candidates, what
        `compare` returns. Intervals share the risk. With few groups nothing is better
        than before. Where not all pictures are ordinary, ``rows`` also have the
        ``ordinary`` error in percent, and of candidates the lower end of its change.
    """
    others = [name for name in errors if name != BEFORE]
    rows: dict[str, dict[str, float]] = {
        name: {"error": 100 * float(values.mean())} for name, values in errors.items()
    }
    choice = [name for name in choice if name in errors]
    for name in others:
        risk = RISK / max(1, len(choice))
        rows[name] |= compare(errors[BEFORE], errors[name], group, risk)
    groups = len(np.unique(group))
    better = [name for name in choice if rows[name]["high"] < -margin]
    if ordinary is not None and not ordinary.all():
        for name, values in errors.items():
            rows[name]["ordinary"] = 100 * float(values[ordinary].mean())
        for name in others:
            pair = errors[BEFORE][ordinary], errors[name][ordinary]
            found = compare(*pair, group[ordinary], RISK)
            rows[name]["ordinary_low"] = found["low"]
        better = [name for name in better if rows[name]["ordinary_low"] <= 0]
    better = better if groups >= FEWEST_GROUPS else []
    chosen = min(better, key=lambda name: rows[name]["error"], default=BEFORE)
    counts = {"count": len(group), "groups": groups, "margin": margin}
    return {"chosen": chosen, "choice": choice, **counts, "rows": rows}


def describe(network: str, where: str, verdict: Mapping[str, Any]) -> list[str]:
    """Return lines that say what was decided on, and what was decided.

    Args:
        network: "detector" or "tracker".
        where: kind of pictures, such as "held-out stills".
        verdict: of `decide`.
    """
    rows, chosen = verdict["rows"], verdict["chosen"]
    lines = [
        f"{network}, error in % of the eye distance on {verdict['count']} {where}:"
    ]
    for name, row in rows.items():
        line = f"  {name:22}{row['error']:7.2f}"
        if name != BEFORE:
            line += f"  {format_change(row)}"
        if "ordinary" in row:
            line += f"; {row['ordinary']:.2f} without moments of loss"
            line += " (worse)" if row.get("ordinary_low", 0) > 0 else ""
        can_be_chosen = name in (BEFORE, *verdict.get("choice", rows))
        lines.append(line if can_be_chosen else f"{line}; only compared")
    if verdict.get("groups", FEWEST_GROUPS) < FEWEST_GROUPS:
        lines.append(f"fewer than {FEWEST_GROUPS} independent pictures prove nothing")
    if verdict.get("margin"):
        lines.append(
            f"a network is no annotator: a whole interval must be below "
            f"-{verdict['margin']:g} %, and no kind of pictures may get worse"
        )
    if chosen == BEFORE:
        return [*lines, "Not better; you keep what you had"]
    return [*lines, f"better: {chosen} is kept"]


def keeps_all(path: Path) -> bool:
    """Return whether there is a ``verdict.json`` by which all former weights stay."""
    if not path.is_file():
        return False
    decided = json.loads(path.read_text("utf-8")).values()
    return all(one["chosen"] == BEFORE for one in decided)


def candidates(
    before: Sequence[np.ndarray], after: Sequence[np.ndarray]
) -> dict[str, list[np.ndarray]]:
    """Return the weights to decide between: before, after, and means of them.

    The mean of weights of one training is often better than each, see
    `strrn_tf.models.averaging`.
    """

    def between(way: float) -> list[np.ndarray]:
        return [
            (a + way * (b.astype(np.float64) - a)).astype(a.dtype)
            for a, b in zip(before, after, strict=True)
        ]

    ends = {BEFORE: list(before), AFTER: list(after)}
    return {**ends, MEAN: between(1 / 2), QUARTER: between(1 / 4)}
