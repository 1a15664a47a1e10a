"""What may be tracked, how long files are, and the words that were given up."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.places import ROOT

MAX_FILE_LINES, MAX_FUNCTION_LINES, MAX_MEGABYTES = 300, 60, 20
WORKPLACE = ("/" + "work/", "/" + "root/", "/" + "home/")
FOLDERS = ".", "strrn_tf/**", "data_pipeline/**", "benchmarks/**", "examples/**"
SOURCES = sorted({p for folder in FOLDERS for p in ROOT.glob(f"{folder}/*.py")})
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*[a-z]")


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_and_functions_are_short(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= MAX_FILE_LINES
    kinds = ast.FunctionDef, ast.AsyncFunctionDef
    functions = [n for n in ast.walk(ast.parse(text)) if isinstance(n, kinds)]
    lengths = {n.name: n.end_lineno - n.lineno + 1 for n in functions}
    assert not [n for n, lines in lengths.items() if lines > MAX_FUNCTION_LINES]


def test_importing_the_package_loads_no_framework():
    program = (
        "import sys, strrn_tf, data_pipeline; strrn_tf.FaceTracker;"
        "print({'tensorflow', 'keras', 'torch', 'jax'} & set(sys.modules) or 'none')"
    )
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.stdout.strip() == "none", result.stderr


def tracked_files():
    command = ["git", "-C", str(ROOT), "ls-files", "-z"]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    paths = (ROOT / name for name in listed.stdout.split("\0") if name)
    return [path for path in paths if path.is_file()]


def test_tracked_files_are_small_and_name_no_place_of_one_machine():
    for path in tracked_files():
        content = path.read_bytes()
        assert len(content) <= MAX_MEGABYTES * 2**20, path
        if b"\0" not in content[:8192]:
            text = content.decode("utf-8")
            assert not [word for word in WORKPLACE if word in text], path


# Words that were given up -------------------------------------------------------------


def words_of(source):
    """Return the identifiers of a Python source, and the options in its strings."""
    words = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant):
            words |= set(OPTION.findall(str(node.value)))
            continue
        for _, value in ast.iter_fields(node):
            values = value if isinstance(value, list) else [value]
            for name in (v for v in values if isinstance(v, str)):
                words |= set(name.split("."))  # of a module, its folders
    return words


def old_words():
    """Return the old words, each with the files in which it may stay."""
    text = (ROOT / "tests" / "old_identifiers.txt").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines() if line[:1] != "#"]
    assert all(2 <= len(row) <= 3 and row[0] != row[1] for row in rows)
    return {row[0]: row[2].split() if row[2:] else [] for row in rows}


def test_old_identifiers_are_found_wherever_they_are_used():
    source = """
import a.feeding as b
from c import trials as d
def twin(told, *carried, farewell=1): ...
class Trail: ...
x.denials = {"--cool-down": f"{threes} --drift-steps 3"}
call(glance=1)
# Only a glance, --mending
y = "the glance of a twin, --mix-stills"
"""
    found = words_of(source) & old_words().keys()
    assert found == {
        *("feeding", "trials", "twin", "told", "carried", "farewell", "Trail"),
        *("denials", "--cool-down", "--drift-steps", "threes", "glance"),
    }


def test_old_identifiers_are_aliases_or_gone():
    words, found = old_words(), {}
    for path in tracked_files():
        if path.suffix == ".py" and path != Path(__file__):
            name = path.relative_to(ROOT).as_posix()
            used = words_of(path.read_text(encoding="utf-8")) | {path.stem}
            for word in used & words.keys():
                found.setdefault(word, set()).add(name)
    unexpected = {w: sorted(names - set(words[w])) for w, names in found.items()}
    assert not {word: names for word, names in unexpected.items() if names}
    # Whoever may keep one has one: the list is as short as it can be.
    gone = {w: sorted(set(names) - found.get(w, set())) for w, names in words.items()}
    assert not {word: names for word, names in gone.items() if names}
