"""What may be tracked, how long files are, and the words that were given up."""

import ast
import subprocess
import sys

import pytest
from support.places import ROOT

MAX_FILE_LINES, MAX_FUNCTION_LINES, MAX_MEGABYTES = 300, 60, 20
WORKPLACE = ("/" + "work/", "/" + "root/", "/" + "home/")
FOLDERS = ".", "strrn_tf/**", "data_pipeline/**", "benchmarks/**", "examples/**"
SOURCES = sorted({p for folder in FOLDERS for p in ROOT.glob(f"{folder}/*.py")})


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
