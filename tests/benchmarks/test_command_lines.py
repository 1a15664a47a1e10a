"""Every benchmark has a command line like those of ``strrn``: help, and one line."""

import re
from importlib import import_module

import pytest
from support.places import ROOT

PATHS = [
    path
    for path in sorted(ROOT.glob("benchmarks/*/*.py"))
    if "def main(" in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_help_teaches_and_mistakes_are_one_line(path, capsys):
    module = import_module(f"benchmarks.{path.parent.name}.{path.stem}")
    assert module.main(["--help"]) == 0
    text = capsys.readouterr().out
    # It starts with what is measured, and its example is a command that is there.
    assert module.__doc__.splitlines()[0] in text
    _, example, command = text.partition("Example:\n  ")
    assert example
    assert command.startswith(module.PROG)
    name = path.relative_to(ROOT).as_posix()
    assert module.PROG in (
        f"python {name}",
        f"python -m {name.removesuffix('.py').replace('/', '.')}",
    )
    assert module.main(["--no-such-option", "1"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(module.PROG)
    assert error.count("\n") == 1


def test_the_table_has_every_benchmark_and_nothing_else():
    table = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w.]+)`", table, re.MULTILINE)
    assert rows == [f"benchmarks.{path.parent.name}.{path.stem}" for path in PATHS]


@pytest.mark.parametrize("name", ["drift", "groups", "many_faces", "real_clips"])
def test_a_benchmark_of_models_needs_one(name, capsys):
    module = import_module(f"benchmarks.accuracy.{name}")
    folder = "--videos" if name == "real_clips" else "--stills"
    assert module.main([folder, "nowhere"]) == 2
    assert "no model is named" in capsys.readouterr().err
