"""Prints that nobody reads, in characters that the console lacks."""

import os
import subprocess
import sys

import pytest
from support.places import ROOT

# Prints, writes a file as its work, and prints on.
PROGRAM = """
import pathlib, sys
from rich.console import Console
from strrn_tf.system.command_line import exit_code
def command():
    for _ in range(9000):
        print("a line of the log, with \\u2026 and \\u65e5\\u672c")
    print("a note", file=sys.stderr)
    Console(stderr=True).print("a table \\u2500")
    assert sys.stderr.isatty() in (True, False)
    pathlib.Path(sys.argv[1]).write_text("done")
    print("the end", flush=True)
sys.exit(exit_code("strrn", command))
"""
# How a shell starts it -> what it does to its streams.
SHELLS = {
    "the reader of stdout ends": "{} | head -n 1",
    "there is no reader of stdout": "{} | true",
    "the reader of both ends": "{} 2>&1 | head -n 1",
    "the reader of stderr ends": "{{ {} 2>&1 >/dev/null; }} | true",
    "stdout is closed": "{} >&-",
    "stderr is closed": "{} 2>&-",
    "all is closed": "{} <&- >&- 2>&-",
    "the disk of the log is full": "{} > /dev/full 2>&1",
    "a console of Western Europe": "PYTHONIOENCODING=cp1252 {}",
    "a console of ASCII": "PYTHONIOENCODING=ascii:strict {}",
    "a console of DOS": "PYTHONIOENCODING=cp437 {}",
}


@pytest.mark.parametrize("shell", SHELLS.values(), ids=SHELLS)
def test_the_work_is_done_whoever_reads(shell, tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    place = tmp_path / "place"
    program = f"'{sys.executable}' '{tmp_path / 'program.py'}' '{place}'"
    line = f"set -o pipefail; {shell.format(program)}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-c", line], env=environment, capture_output=True, text=True,
        encoding="latin-1",
    )  # fmt: skip
    assert place.read_text() == "done"
    assert done.returncode == 0, done.stderr
    assert "Error" not in done.stderr
    assert "Exception" not in done.stderr
