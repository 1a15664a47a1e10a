"""A plain installation has what a clone has: packages, networks, models, commands."""

import json
import shutil
import subprocess
import sys
import sysconfig
import venv
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pytest
from support.places import ROOT

from data_pipeline.media.video import write_video
from data_pipeline.synthetic import draw_face

PACKAGES = "strrn_tf", "data_pipeline"
COMMANDS = "track", "train", "evaluate", "reproduce", "animate"


def files(root):
    """Return the files of both packages below a folder."""
    found = (p for package in PACKAGES for p in (root / package).rglob("*"))
    found = [p for p in found if p.is_file() and "__pycache__" not in p.parts]
    return {p.relative_to(root).as_posix() for p in found}


def test_every_file_belongs_to_a_package_that_is_installed():
    tomllib = pytest.importorskip("tomllib")
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)["tool"]["setuptools"]["package-data"]
    for name in files(ROOT):
        folder = (ROOT / name).parent
        assert (folder / "__init__.py").is_file(), name
        package = folder.relative_to(ROOT).as_posix().replace("/", ".")
        patterns = ["*.py", *data.get(package, ())]
        assert any(fnmatch(Path(name).name, pattern) for pattern in patterns), name


def test_the_licence_names_the_terms_of_everything_that_is_installed():
    tomllib = pytest.importorskip("tomllib")
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    names = project["license"].split(" AND ")
    assert len(names) == len(project["license-files"]) == 3
    for name, path in zip(names, project["license-files"], strict=True):
        terms = (ROOT / path).read_text(encoding="utf-8")
        assert {"Apache-2.0": "Apache License", "MIT": "MIT"}.get(name, name) in terms
    for description in ROOT.glob("saved_models/*/model.json"):
        licence = json.loads(description.read_text(encoding="utf-8"))["licence"]
        assert "research use only" in licence
        assert "research-only" in names[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A plain installation in an environment that borrows what strrn depends on.

    Pip fetches the setuptools that builds it.
    """
    place = tmp_path_factory.mktemp("installed")
    source = place / "source"
    ignored = shutil.ignore_patterns("__pycache__")
    for name in (*PACKAGES, "saved_models"):
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    venv.create(place / "environment", with_pip=False)
    prefix = str(place / "environment")
    paths = sysconfig.get_paths("venv", {"base": prefix, "platbase": prefix})
    python = Path(paths["scripts"]) / Path(sys.executable).name
    borrowed = Path(paths["purelib"]) / "borrowed.pth"
    borrowed.write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install"]
    subprocess.run([*pip, "--quiet", "--no-deps", str(source)], check=True)
    return Path(paths["purelib"]), Path(paths["scripts"])


@pytest.mark.slow
def test_a_plain_installation_has_every_file(installed):
    assert files(installed[0]) == files(ROOT)


@pytest.mark.slow
def test_a_plain_installation_names_its_licences(installed):
    (folder,) = installed[0].glob("strrn-*.dist-info")
    metadata = (folder / "METADATA").read_text(encoding="utf-8")
    assert "LicenseRef-strrn-weights-research-only" in metadata
    licences = {p.parent.name for p in folder.glob("licenses/**/LICENSE")}
    assert licences == {"licenses", "mtcnn", "saved_models"}


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_plain_installation_has_the_commands(installed, command, tmp_path):
    program = str(installed[1] / "strrn")
    run = subprocess.run(
        [program, command, "--help"], cwd=tmp_path, capture_output=True, text=True
    )
    assert run.stdout.startswith(f"usage: strrn {command} "), run.stderr


@pytest.mark.slow
@pytest.mark.parametrize("model", ["strrn-fast", "strrn-mdm", "strrn-hgn"])
def test_a_plain_installation_tracks_with_the_shipped_models(
    installed, model, tmp_path
):
    frame = draw_face(np.random.default_rng(3), 1, (240, 320))[0]
    write_video(tmp_path / "a.mp4", [frame] * 3, 25)
    command = [str(installed[1] / "strrn"), "track", "a.mp4", "--model", model]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    rows = (tmp_path / "a-landmarks.csv").read_text().splitlines()
    assert [row.split(",")[3] for row in rows[1:]] == ["detected", *["tracked"] * 2]
