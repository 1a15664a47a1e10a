"""The list of suffixes: one in the code, the same in the documentation."""

import re

import pytest
from support.places import ROOT

from data_pipeline.media.suffixes import (
    IMAGE_SUFFIXES,
    VIDEO_SUFFIXES,
    is_beside,
    is_image,
    is_video,
    passed_over,
    report_passed_over,
)


def test_the_documentation_has_the_same_list():
    page = (ROOT / "docs" / "track.md").read_text(encoding="utf-8")
    for kind, suffixes in (("pictures", IMAGE_SUFFIXES), ("videos", VIDEO_SUFFIXES)):
        row = re.search(rf"^\| {kind} \| (`\.jpg|`\.mp4)(.*) \|$", page, re.MULTILINE)
        assert re.findall(r"`(\.\w+)`", row[0]) == list(suffixes)


def test_no_suffix_is_twice_in_the_list():
    both = [*IMAGE_SUFFIXES, *VIDEO_SUFFIXES]
    assert len(set(both)) == len(both)
    assert all(suffix == suffix.lower() and suffix[0] == "." for suffix in both)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.JPG", is_image),
        ("x/y.z.PgM", is_image),
        ("a.MTS", is_video),
        (".a.mp4", is_beside),
        (".a.jpg", is_beside),
        ("a.PTS", is_beside),
        ("jpg", None),
        ("a.heic", None),
        ("a.jpg.part", None),
    ],
)
def test_a_file_is_of_one_kind(name, kind):
    found = [test for test in (is_image, is_video, is_beside) if test(name)]
    assert found == ([kind] if kind else [])


def test_a_line_counts_and_names_what_is_passed_over(capsys):
    assert passed_over(["a.heic"]) == "1 file is passed over (1 .heic): a.heic"
    names = ["1.x", "2.y", "3.x", "4.z", "5"]
    assert passed_over(names) == (
        "5 files are passed over (2 .x, 1 .y, 1 .z, others): 1.x, 2.y, 3.x, ..."
    )
    report_passed_over([], "here")
    report_passed_over(names[:1], "here")
    report_passed_over(names[:1])
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "note: here: 1 file is passed over (1 .x): 1.x",
        "note: 1 file is passed over (1 .x): 1.x",
    ]
