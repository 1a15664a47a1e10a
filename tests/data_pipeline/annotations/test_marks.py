"""Marks of points that nobody annotated, and points that only look like marks."""

import numpy as np
import pytest

from data_pipeline.annotations.marks import (
    Missing,
    RuleError,
    describe,
    is_missing,
    read_point,
)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        *(("0", "0"), ("0.0", "0.000"), ("-0.0", "0"), ("0e3", "+0")),
        *(("-1", "-1"), ("-1.0", "-1.000"), ("-1e0", "-1")),
        *(("nan", "nan"), ("NaN", "NAN"), ("-nan", "nan"), ("+NaN", "nan")),
        *(("NA", "N/A"), ("null", "null"), ("None", "none"), (" nan ", "nan\t")),
    ],
)
def test_marks_that_are_always_known(x, y):
    assert is_missing(x, y)
    assert np.isnan(read_point([x, y])).all()


@pytest.mark.parametrize(
    ("x", "y"),
    [
        *(("0", "5"), ("5", "0"), ("0", "-1"), ("-1", "0"), ("0", "0.001")),
        *(("-1.5", "-1.5"), ("1", "1"), ("-2", "-2"), ("-999", "-999")),
    ],
)
def test_points_that_are_no_marks(x, y):
    assert not is_missing(x, y)
    assert read_point([x, y]) == (float(x), float(y))


@pytest.mark.parametrize(
    ("mark", "x", "y"),
    [
        *(("-999", "-999", "-999.0"), ("-999", "-999.000", "-9.99e2")),
        *(("-1000.5", "-1000.5", "-1000.50"), ("1e5", "100000", "100000")),
        *(("?", "?", "?"), ("hidden", "Hidden", "HIDDEN"), ("inf", "inf", "inf")),
    ],
)
def test_an_option_names_another_mark(mark, x, y):
    assert is_missing(x, y, mark)
    assert not is_missing(x, "7", mark)
    assert is_missing("0", "0", mark)  # those that are always known stay


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (("nan", "3"), "finite"),
        (("3", "nan"), "finite"),
        (("inf", "inf"), "finite"),
        (("1e7", "0"), "below 1000000"),
        (("1",), "two numbers"),
        (("1", "2", "3"), "two numbers"),
        (("151,173", "170,028"), "two numbers"),
        (("nan", "left"), "two numbers"),
    ],
)
def test_broken_points_have_a_rule_and_what_was_found(words, rule):
    with pytest.raises(RuleError, match=rule) as error:
        read_point(words)
    assert error.value.received == repr(" ".join(words))


def test_a_remark_counts_and_names_the_first():
    missing = [Missing("line 4", "0 0"), Missing("line 9", "nan nan")]
    text = "2 of 68 points are not annotated: `0 0` and `nan nan`, from line 4"
    assert describe(missing, 68) == text
    assert describe([], 68) == ""
