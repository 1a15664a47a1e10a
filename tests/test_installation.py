"""Tracking needs three packages and no network; what needs more says so in one line."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
from support.places import ROOT

from data_pipeline.media.video import write_video
from data_pipeline.synthetic import draw_face
from strrn_tf.system.command_line import TRAIN

BASE = {"ai-edge-litert", "av", "numpy", "opencv-python-headless", "rich", "tyro"}

# Runs before anything of ours; the program that follows defines `is_blocked`.
BLOCKER = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        top = name.partition('.')[0]
        if is_blocked(top):
            raise ModuleNotFoundError(f"No module named '{top}'", name=top)
sys.meta_path.insert(0, Blocker())
"""
NO_SOCKET = """
import sys
def hook(event, arguments):
    if event.startswith('socket.'):
        print('network:', event, file=sys.stderr, flush=True)
        raise OSError('a socket was opened')
"""


@pytest.fixture(scope="module")
def frame():
    """A frame (240, 320, 3) with one synthetic face."""
    return draw_face(np.random.default_rng(3), 1, (240, 320))[0]


def python(program, *arguments):
    """Run a program in a process of its own, in the project's folder."""
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def names(requirements):
    return {re.match(r"[\w-]+", requirement)[0] for requirement in requirements}


def test_the_base_installation_is_what_tracking_needs():
    tomllib = pytest.importorskip("tomllib")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    assert names(project["dependencies"]) == BASE
    assert names(extras["train"]) == TRAIN
    assert extras["runtime"] == []
    assert names(extras["beam"]) == {"strrn", "apache-beam"}
    # The tests run what every extra brings.
    assert "strrn[train]" in extras["beam"]
    assert names(extras["dask"]) == {"strrn", "distributed"}
    assert "strrn[beam]" in extras["dask"]
    assert "strrn[dask]" in extras["dev"]


def test_the_tracker_needs_numpy_opencv_and_litert_alone(frame, tmp_path):
    np.save(tmp_path / "frame.npy", frame)
    program = f"""{BLOCKER}
ours = {{"numpy", "cv2", "ai_edge_litert", "strrn_tf"}}
is_blocked = lambda top: top not in sys.stdlib_module_names and top not in ours
import numpy, strrn_tf
frame = numpy.load(sys.argv[1])
tracker = strrn_tf.FaceTracker.from_pretrained("strrn-mdm")
print([face.state for _ in range(2) for face in tracker.update(frame)])
import rich
"""
    result = python(program, tmp_path / "frame.npy")
    assert result.stdout.strip() == "['detected', 'tracked']", result.stderr
    # The blocker blocks.
    assert result.stderr.rstrip().endswith("No module named 'rich'")


def test_tracking_opens_no_socket(frame, tmp_path):
    clip, rows = tmp_path / "clip.mp4", tmp_path / "rows.jsonl"
    write_video(clip, [frame] * 3, fps=25)
    program = f"""{NO_SOCKET}
sys.addaudithook(hook)
from strrn_tf.commands.cli import main
code = main(sys.argv[1:])
try:
    import socket
    socket.socket()
except OSError as error:
    print(code, error)
"""
    command = "track", clip, "--landmarks", rows, "--output", tmp_path / "o.mp4"
    result = python(program, *command)
    assert result.stdout.splitlines()[-1] == "0 a socket was opened", result.stderr
    assert result.stderr.count("network:") == 1
    states = [json.loads(line)["state"] for line in rows.read_text().splitlines()]
    assert states == ["detected", "tracked", "tracked"]


@pytest.mark.parametrize(
    ("call", "prog"),
    [
        ("train.main(['--output', folder])", "strrn train"),
        ("evaluate.main(['--category', '3'])", "strrn evaluate"),
        ("cli.main(['annotate', clip, '--output', folder])", "strrn"),
    ],
)
def test_what_a_base_installation_lacks_is_named(call, prog, frame, tmp_path):
    clip, folder = tmp_path / "clip.mp4", tmp_path / "new"
    write_video(clip, [frame], fps=25)
    program = f"""{BLOCKER}
is_blocked = {set(TRAIN)}.__contains__
from strrn_tf.commands import evaluate, train
from strrn_tf.commands import cli
from strrn_tf.commands.track import command as track_command
clip, folder = sys.argv[1:]
sys.exit({call})
"""
    result = python(program, clip, folder)
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert re.fullmatch(
        rf'{prog}: needs \w+, install it by pip install "strrn\[train\]"', line
    )
    assert not folder.exists()


def test_other_missing_modules_are_not_blamed_on_the_installation():
    from strrn_tf.system.command_line import exit_code

    def command():
        import no_such_module_of_ours  # noqa: F401

    with pytest.raises(ModuleNotFoundError, match="no_such_module_of_ours"):
        exit_code("strrn", command)


def test_reading_the_options_loads_nothing_that_takes_time():
    program = """
import sys
from strrn_tf.commands import cli
from strrn_tf.commands.track import command as track_command
options = ["x.mp4", "--fps", "30"]
track_command.parse(options)
slow = {"numpy", "cv2", "ai_edge_litert", "rich", "tyro"}
print(slow & set(sys.modules))
"""
    assert python(program).stdout.strip() == "{'tyro'}"
