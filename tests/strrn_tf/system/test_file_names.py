"""Names of outputs: another one for every source, and legal on every file system."""

import hashlib
import re
from pathlib import PurePath, PureWindowsPath

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from strrn_tf.system.file_names import distinct, file_name, numbered

DEVICES = ["con", "PRN", "aux.mp4", "nul .txt", "COM1", "lpt9.x", "lpt³", "conin$"]
# Names that are easily confused, and names of all kinds.
NAMES = st.one_of(
    st.text("ab_/-.", max_size=8),
    st.text('aA0_/-.~ :*?<>|"\\\n\x00\ud800éл面', max_size=12),
    st.text(max_size=40),
    st.text("л/_", min_size=60, max_size=400),
    st.sampled_from(DEVICES),
)
KINDS = [{}, {"longest": 210}, {"ascii_only": True}]


def is_legal(name):
    """Return whether Windows, Linux and macOS take a name, and show it."""
    encoded = name.encode()  # no half of a character
    base = name.partition(".")[0].rstrip(" ").upper()
    devices = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}
    devices |= {f"{port}{n}" for port in ("COM", "LPT") for n in "0123456789¹²³"}
    return (
        0 < len(encoded) <= 255
        and not re.search(r'[\x00-\x1f<>:"/\\|?*]', name)
        and name[-1] not in ". "
        and name[0] != "."
        and base not in devices
        and PureWindowsPath(name).name == name
    )


@pytest.mark.parametrize("kind", KINDS)
@given(name=NAMES)
def test_a_name_is_legal_and_short(kind, name):
    made = file_name(name, **kind)
    assert is_legal(made)
    assert is_legal(f"{made}-landmarks.jsonl")
    assert len(made.encode()) <= kind.get("longest", 150) + 17
    assert made == file_name(name, **kind)


@pytest.mark.parametrize("kind", KINDS)
@given(first=NAMES, second=NAMES)
def test_two_sources_have_two_names(kind, first, second):
    assume(first != second)
    assert file_name(first, **kind) != file_name(second, **kind)


@given(name=NAMES)
def test_no_source_has_the_name_that_was_made_of_another(name):
    """The digest is no secret: a source may be called like the files of another."""
    made = file_name(name)
    if made != name:
        assert file_name(made) != made
        for other in (made.replace("__", "/"), made.replace("__", "/", 1)):
            assert other == name or file_name(other) != made


@pytest.mark.parametrize(
    ("first", "second"),
    [("a/1.mp4", "a_1.mp4"), ("a/1.mp4", "a__1.mp4"), ("a_/b", "a/_b"), ("a", "a ")],
)
def test_pairs_that_were_confused(first, second):
    assert file_name(first) != file_name(second)


@pytest.mark.parametrize(
    "name",
    ["a.mp4", "a_1.mp4", "001", "v1.5", "talk~2", "Ünï сode 面 (1) [x] #3, it's.mov",
     "л" * 75, "IMG-20240131-WA0001.jpg"],
)  # fmt: skip
def test_names_without_peculiarities_stay(name):
    assert file_name(name) == name


def former_name(name):
    """The names that folders of `strrn annotate` have had."""
    flat = name.replace("/", "__")
    if "__" not in name and len(flat.encode()) <= 150:
        return flat
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return f"{flat.encode()[:150].decode(errors='ignore')}-{digest}"


@given(
    name=st.text("abcXYZ019л面 ()[]~#,'!", min_size=1, max_size=9), deep=st.booleans()
)
def test_folders_that_were_annotated_are_gone_on_with(name, deep):
    name = f"folder/{name}.mp4" if deep else f"{name}.mp4"
    assert file_name(name) == former_name(name)


@pytest.mark.parametrize("name", ["a__b.mp4", "x" * 300, f"{'л' * 110}/{'y' * 240}/c"])
def test_names_with_digests_are_those_of_before(name):
    assert file_name(name) == former_name(name)


@pytest.mark.parametrize(
    ("name", "readable"),
    [
        ("helen/trainset[002]", "helen_trainset_002_"),
        ("a.mp4", "a.mp4"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("é 面 \n\t" * 20, "_"),
        ("a" * 300, "a" * 60),
    ],
)
def test_folders_that_were_prepared_are_gone_on_with(name, readable):
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    assert file_name(name, ascii_only=True) == f"{readable}-{digest}"


PARTS = st.lists(st.sampled_from("abc"), min_size=1, max_size=3)


@given(paths=st.lists(PARTS.map(lambda parts: PurePath(*parts)), max_size=8))
def test_distinct_names_are_short_and_do_not_depend_on_the_order(paths):
    made = dict(zip(paths, distinct(paths), strict=True))
    assert dict(zip(paths[::-1], distinct(paths[::-1]), strict=True)) == made
    assert len(set(made.values())) == len(set(paths))
    for path, name in made.items():
        assert f"/{path.as_posix()}".endswith(f"/{name}")
        last = [other.name for other in set(paths)]
        assert last.count(path.name) > 1 or name == path.name


def test_paths_from_the_root_have_no_root_in_their_names():
    paths = [PurePath("/x"), PurePath("/a/x")]
    assert distinct(paths) == ["x", "a/x"]


@given(names=st.lists(st.sampled_from(["x", "x~2", "x~3", "y", "y~2"]), max_size=9))
def test_numbers_make_names_unique_and_keep_what_is(names):
    made = numbered(names)
    assert len(set(made)) == len(made) == len(names)
    assert set(names) <= set(made)
    for name in set(names):
        assert made[names.index(name)] == name


def test_numbers_follow_the_order():
    assert numbered(["x", "x", "x"]) == ["x", "x~2", "x~3"]
    assert numbered(["x", "x", "x~2", "y"]) == ["x", "x~3", "x~2", "y"]
