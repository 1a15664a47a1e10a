"""Documents are short, and every file, link, option and name in them exists."""

import contextlib
import io
import re
import shlex
from functools import cache
from importlib import import_module

import pytest
from support.places import ROOT

from strrn_tf.commands.cli import COMMANDS
from strrn_tf.system.command_line import parse_options

PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]
PAGES += [*sorted(ROOT.glob("saved_models/**/*.md")), ROOT / "benchmarks" / "README.md"]
TOPS = "strrn_tf", "data_pipeline", "benchmarks", "examples", "tests", "docs"
FILES = [path for top in TOPS[:3] for path in (ROOT / top).rglob("*.py")]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
each_page = pytest.mark.parametrize("page", PAGES, ids=NAMES)


def read(page):
    """Return the prose, its code spans, and the code blocks with joined lines."""
    parts = page.read_text(encoding="utf-8").split("```")
    prose = "".join(parts[::2])
    blocks = "".join(parts[1::2]).replace("\\\n", " ")
    return prose, re.findall(r"`([^`]+)`", prose), blocks


@cache
def options_of(command):
    """Return the options in the help of a command: no hidden aliases."""
    module = import_module(f"strrn_tf.commands.{COMMANDS[command]}")
    with contextlib.redirect_stdout(io.StringIO()) as text, pytest.raises(SystemExit):
        module.parse(["--help"])
    lines = [x for x in text.getvalue().splitlines() if re.match(r"\W*--?[a-z]", x)]
    return {option for x in lines for option in re.findall(r"--[a-z][\w.-]*", x)}


@each_page
def test_lines_are_short(page):
    lines = re.sub(r"`[^`]*`", "``", read(page)[0]).split("\n")
    assert not [x for x in lines if len(x) > 100 and not x.startswith(("|", "!["))]
    assert page != PAGES[0] or len(page.read_text("utf-8").splitlines()) <= 150


@each_page
def test_links_files_and_targets_exist(page):
    prose, spans, blocks = read(page)
    for link in re.findall(r"\]\((?!http)([^)#]*)", prose):
        assert (page.parent / link).exists(), link
    code = "\n".join([*spans, blocks])
    named = re.findall(rf"\b(?:{'|'.join(TOPS)})/[\w/.-]*\w", code)
    modules = re.findall(r"-m (benchmarks[\w.]+)", code)
    named += [f"{module.replace('.', '/')}.py" for module in modules]
    assert not [name for name in named if not (ROOT / name).exists()]
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M)
    assert set(re.findall(r"^make ([\w-]+)", code, re.M)) <= set(targets)


@each_page
def test_options_exist(page):
    _, spans, blocks = read(page)
    known = set().union(*map(options_of, COMMANDS))
    for line in [*spans, *blocks.split("\n")]:
        found = re.search(r"(?:strrn|python) (\w+)(?:\.py)? (.*)", line.split("#")[0])
        if found and found[1] in COMMANDS:
            words = shlex.split(re.split(r" --(?: |$)", found[2])[0])
            names = {w.split("=")[0] for w in words if w.startswith("--")}
            assert names <= options_of(found[1]), line
        elif re.fullmatch(r"--[a-z.-]+( [\w.]+)*", line):
            assert line.split()[0] in known, line


def commands_of_benchmarks(page):
    """Return the modules of a page's commands, and their arguments if there are any."""
    _, spans, blocks = read(page)
    for line in [*spans, *blocks.split("\n")]:
        found = re.search(r"python -m (benchmarks[\w.]+)\s+([^#]+)", line)
        words = shlex.split(found[2]) if found else []
        if words and words != ["--help"]:
            yield found[1], words


@each_page
def test_commands_of_benchmarks_parse(page):
    for name, words in commands_of_benchmarks(page):
        module = import_module(name)
        head = {"prog": module.PROG, "description": ""}
        assert parse_options(module.Options, words, **head), words


def test_commands_of_benchmarks_are_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "See `python -m benchmarks.speed.warp`, and `python -m benchmarks.speed.soak\n"
        "--frames 9`.\n\n```\npython -m benchmarks.a.b x \\\n  --y 1  # as z\n"
        "python -m benchmarks.a.c --help\n```\n"
    )
    assert list(commands_of_benchmarks(page)) == [
        ("benchmarks.speed.soak", ["--frames", "9"]),
        ("benchmarks.a.b", ["x", "--y", "1"]),
    ]


@each_page
def test_names_exist(page):
    code = [x for x in read(page)[1] if not re.search(r"/|--|\.\w{2,5}$", x)]
    pattern = r"(?<![\w.])(?:[A-Z]+_[A-Z_]+|[A-Z]{5,}|[a-z]+(?:_[a-z]+)+)\b"
    words = set(re.findall(r"\w+", " ".join(p.read_text("utf-8") for p in FILES)))
    assert [x for x in set(re.findall(pattern, " ".join(code))) if x not in words] == []
