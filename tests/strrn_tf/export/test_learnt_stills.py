"""Which stills a model has learnt is read back as it was written."""

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strrn_tf.export.learnt_stills import (
    KEY,
    are_learnt,
    learnt_entry,
    learnt_stills,
    still_key,
)


@pytest.mark.parametrize(
    "name",
    ["a.jpg", "a.png", "helen/trainset/a.jpg", "a.jpg~2", "x/a.jpeg~11", "a~3"],
)
def test_a_still_is_known_by_its_file_name(name):
    assert still_key(name) == zlib.crc32(b"a")


@pytest.mark.parametrize("name", ["b.jpg", "a1.jpg", "photo 1.jpg", "a.b.jpg", "é.png"])
def test_other_names_are_other_stills(name):
    assert still_key(name) != still_key("a.jpg")


NAMES = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))


@given(NAMES, NAMES)
def test_stills_of_several_models_are_read_back(first, second):
    one, two = learnt_entry((), first), learnt_entry((), second)
    assert learnt_stills(one, two) == {still_key(n) for n in (*first, *second)}
    both = learnt_entry(learnt_stills(one), second)
    assert are_learnt([*first, *second], both).all()


def test_models_that_do_not_say_have_learnt_nothing():
    assert learnt_entry(()) == {}
    assert learnt_stills(None, {}) == frozenset()
    np.testing.assert_array_equal(are_learnt(["a.jpg"], {}), [False])
    np.testing.assert_array_equal(
        are_learnt(["x/a.jpg", "b.jpg"], learnt_entry((), ["a.png"])), [True, False]
    )
    assert len(learnt_entry((), ["a", "b"])[KEY]) == 16
