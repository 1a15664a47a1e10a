"""The rules of docs/architecture.md: who imports whom, and how large things may be."""

import ast

import pytest
from support.places import ROOT

TOPS = "strrn_tf", "data_pipeline", "benchmarks", "examples", "tests", "docs"
MODULES = [p for top in TOPS[:4] for p in (ROOT / top).rglob("*.py")]
LIGHT = "strrn_tf/tracking", "strrn_tf/landmarks.py", "strrn_tf/geometry"
HEAVY = {"tensorflow", "keras", "pandas", "matplotlib", "scipy", "strrn_tf.layers"}
EDGES = "data_pipeline", "strrn_tf/export", "strrn_tf/training", "strrn_tf/methods/sbr"


def imports(path):
    """Return the full names of what a file imports."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    plain = {a.name for n in nodes if isinstance(n, ast.Import) for a in n.names}
    froms = [n for n in nodes if isinstance(n, ast.ImportFrom)]
    assert not any(n.level for n in froms), f"{path}: relative import"
    return plain | {f"{n.module}.{a.name}" for n in froms for a in n.names}


def users(packages, places):
    """Return the files in some places that import one of some packages."""
    heads = tuple(f"{package}." for package in packages)
    for path in MODULES:
        name = path.relative_to(ROOT).as_posix()
        names = [f"{imported}." for imported in imports(path)]
        if name.startswith(places) and any(n.startswith(heads) for n in names):
            yield name


def test_only_the_commands_join_method_and_data():
    joining = list(users(["data_pipeline"], "strrn_tf"))
    assert joining
    assert all(name.startswith("strrn_tf/commands/") for name in joining)


def test_nothing_imports_the_commands():
    inside = "strrn_tf/commands/", "strrn_tf/__main__.py"
    calling = list(users(["strrn_tf.commands"], TOPS))
    assert calling
    assert not [name for name in calling if not name.startswith(inside)]


def test_the_synthetic_head_does_not_import_its_scene():
    scene = ["data_pipeline.synthetic.scene"]
    assert list(users(scene, "data_pipeline/synthetic/pictures.py"))
    assert not list(users(scene, "data_pipeline/synthetic/head"))


def test_tracking_is_light_and_tensorflow_stays_at_the_edges():
    assert not list(users(HEAVY, LIGHT))
    assert not [n for n in users(["tensorflow"], "strrn_tf") if not n.startswith(EDGES)]


@pytest.mark.parametrize("top", [*TOPS, "saved_models"])
def test_a_folder_has_at_most_15_entries(top):
    folders = [ROOT / top, *(p for p in (ROOT / top).rglob("*") if p.is_dir())]
    for folder in folders:
        entries = [p.name for p in folder.iterdir() if p.name != "__pycache__"]
        assert len(entries) <= 15 or folder.name == "__pycache__", folder
