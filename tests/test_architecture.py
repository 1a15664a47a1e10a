"""The import table of docs/architecture.md, sizes, and what may not be tracked."""

import ast
import subprocess
import sys
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("strrn_tf", "data_pipeline")
MODULES = sorted(p for package in PACKAGES for p in (ROOT / package).rglob("*.py"))
SCRIPTS = sorted(
    p for d in (".", "benchmarks", "examples") for p in ROOT.glob(f"{d}/*.py")
)
MAX_FILE_LINES, MAX_FUNCTION_LINES = 300, 60
MAX_MEGABYTES = 20

NUMPY = {"numpy"}
PICTURES = {"numpy", "cv2"}
BARE = {"strrn_tf"}  # the package itself, for its version or a module of the same row

# Which of our modules, and which foreign packages, a module may import. The first
# pattern that fits counts. The standard library is free for all.
RULES = [
    # pattern, ours, foreign
    ("strrn_tf.__init__", {"strrn_tf.tracking*"}, set()),
    ("strrn_tf.landmarks", set(), set()),
    ("strrn_tf.config", set(), NUMPY),
    ("strrn_tf.metrics", {"strrn_tf.landmarks"}, NUMPY),
    ("strrn_tf.geometry", {"strrn_tf.landmarks"}, NUMPY),
    ("strrn_tf.face_boxes", set(), NUMPY),
    ("strrn_tf.failures", set(), set()),
    ("strrn_tf.command_line", {"strrn_tf.failures"}, {"tyro"}),
    ("strrn_tf.layers.*", {"strrn_tf.layers.*"}, {"keras"}),
    ("strrn_tf.losses", {"strrn_tf.geometry", "strrn_tf.landmarks"}, {"keras"}),
    (
        "strrn_tf.models.build",
        {"strrn_tf.models.*", "strrn_tf.config", "strrn_tf.tracking*"},
        {"keras", "numpy"},
    ),
    (
        "strrn_tf.models.*",
        {"strrn_tf.layers.*", "strrn_tf.landmarks", "strrn_tf.geometry"},
        {"keras", "numpy"},
    ),
    (
        "strrn_tf.training",
        {"strrn_tf.losses", "strrn_tf.config", "strrn_tf.devices"},
        {"keras"},
    ),
    ("strrn_tf.devices", set(), {"keras", "tensorflow"}),
    (
        "strrn_tf.fit_callbacks",
        {"strrn_tf.failures", "strrn_tf.omni.run_folder"},
        {"keras", "numpy"},
    ),
    (
        "strrn_tf.fitting",
        {"strrn_tf.fit_callbacks", "strrn_tf.omni.run_folder", "strrn_tf.devices"}
        | {"strrn_tf.interruption"},
        {"keras", "tensorflow"},
    ),
    (
        "strrn_tf.omni.*",
        {
            *("strrn_tf", "strrn_tf.omni.*", "strrn_tf.config", "strrn_tf.geometry"),
            *("strrn_tf.drawing", "strrn_tf.training", "strrn_tf.fitting"),
            *("strrn_tf.atomic", "strrn_tf.locking", "strrn_tf.devices"),
            "strrn_tf.tracking.crop",
        },
        {"keras", "numpy"},
    ),
    (
        "strrn_tf.baselines.registration",
        {"strrn_tf.config", "strrn_tf.geometry", "strrn_tf.tracking.flow"},
        PICTURES,
    ),
    (
        "strrn_tf.baselines*",
        {"strrn_tf.baselines*", "strrn_tf.config", "strrn_tf.fitting"}
        | {"strrn_tf.losses", "strrn_tf.omni.algorithm"},
        {"keras", "tensorflow"},
    ),
    (
        "strrn_tf.export_run",
        {"strrn_tf.export", "strrn_tf.models.build", "strrn_tf.omni.*"}
        | {"strrn_tf.tracking*"},
        {"keras", "numpy"},
    ),
    (
        "strrn_tf.train_options",
        {"strrn_tf.config", "strrn_tf.tracking.model_folder"},
        {"tyro"},
    ),
    (
        "strrn_tf.tracking*",
        {
            *("strrn_tf.tracking*", "strrn_tf.face_boxes", "strrn_tf.quiet"),
            *("strrn_tf.geometry", "strrn_tf.landmarks"),
        },
        {"numpy", "cv2", "ai_edge_litert"},
    ),
    ("strrn_tf.drawing", {"strrn_tf.geometry", "strrn_tf.landmarks"}, PICTURES),
    (
        "strrn_tf.landmark_rows",
        {"strrn_tf.landmarks", "strrn_tf.tracking.face"},
        NUMPY,
    ),
    (
        "strrn_tf.following",
        {"strrn_tf.drawing", "strrn_tf.landmark_rows", "strrn_tf.tracking.face"},
        NUMPY,
    ),
    ("strrn_tf.interruption", set(), set()),
    ("strrn_tf.progress", set(), {"rich"}),
    ("strrn_tf.quiet", set(), set()),
    ("strrn_tf.atomic", set(), set()),
    ("strrn_tf.locking", set(), {"filelock"}),
    (
        "strrn_tf.protocols",
        {"strrn_tf.geometry", "strrn_tf.landmarks", "strrn_tf.tracking.step"}
        | {"strrn_tf.tracking.face_networks"},
        NUMPY,
    ),
    (
        "strrn_tf.evaluation",
        BARE | {f"strrn_tf.{name}" for name in ("metrics", "geometry", "protocols")},
        {"numpy", "pandas"},
    ),
    (
        "strrn_tf.worst_frames",
        {
            *("strrn_tf.drawing", "strrn_tf.evaluation", "strrn_tf.geometry"),
            "strrn_tf.tracking.crop",
        },
        {"numpy", "matplotlib"},
    ),
    (
        "strrn_tf.report",
        BARE
        | {
            f"strrn_tf.{name}"
            for name in ("drawing", "evaluation", "metrics", "worst_frames")
        },
        {"numpy", "pandas", "matplotlib", "rich"},
    ),
    ("strrn_tf.export_command", {"strrn_tf*", "data_pipeline.*"}, {"tyro", "numpy"}),
    (
        "strrn_tf.export*",
        BARE
        | {"strrn_tf.config", "strrn_tf.geometry", "strrn_tf.landmarks"}
        | {"strrn_tf.export_description", "strrn_tf.tracking*", "strrn_tf.models.*"},
        {"keras", "numpy", "tensorflow"},
    ),
    ("strrn_tf.cli", {"strrn_tf*"}, set()),
    ("strrn_tf.track_command", {"strrn_tf*", "data_pipeline.*"}, {"tyro"}),
    (
        "strrn_tf.track_outputs",
        {"strrn_tf.landmark_rows", "strrn_tf.tracking.face", "strrn_tf.atomic"}
        | {"data_pipeline.video", "data_pipeline.pts_folder"},
        set(),
    ),
    (
        "strrn_tf.annotate_command",
        {"strrn_tf*", "data_pipeline.*"},
        {"tyro"},
    ),
    (
        "strrn_tf.annotation_folder",
        {"strrn_tf.annotating", "strrn_tf.drawing", "strrn_tf.geometry"}
        | {"strrn_tf.tracking.crop", "data_pipeline.images", "data_pipeline.pts"},
        {"numpy", "cv2"},
    ),
    (
        "strrn_tf.annotating",
        {"strrn_tf.following", "strrn_tf.geometry", "strrn_tf.tracking.face"},
        NUMPY,
    ),
    (
        "strrn_tf.annotation_report",
        {"strrn_tf.annotating", "strrn_tf.atomic", "strrn_tf.report_parts"},
        {"numpy", "matplotlib"},
    ),
    ("strrn_tf.report_parts", set(), {"matplotlib"}),
    ("strrn_tf.prepare_command", {"strrn_tf*", "data_pipeline.*"}, {"tyro", "numpy"}),
    (
        "strrn_tf.preparation_report",
        {"strrn_tf.drawing", "strrn_tf.atomic", "strrn_tf.report_parts"},
        {"numpy", "cv2", "matplotlib"},
    ),
    ("strrn_tf.benchmark_command", {"strrn_tf*", "data_pipeline.*"}, set()),
    (
        "strrn_tf.benchmarking*",
        BARE
        | {"strrn_tf.benchmarking*", "strrn_tf.landmarks", "strrn_tf.metrics"}
        | {"strrn_tf.tracking.tracker"},
        {"numpy", "rich", "mediapipe"},
    ),
    ("strrn_tf.reproduce_command", {"strrn_tf*", "data_pipeline.*"}, {"tyro", "rich"}),
    ("strrn_tf.reproduction.rows", {"strrn_tf.config"}, set()),
    (
        "strrn_tf.reproduction.data",
        {"strrn_tf.reproduction.rows", "data_pipeline.inputs"}
        | {"data_pipeline.three_hundred_vw", "data_pipeline.fingerprints"},
        set(),
    ),
    (
        "strrn_tf.reproduction.drawn_data",
        {"strrn_tf.reproduction.data", "strrn_tf.reproduction.rows"}
        | {"data_pipeline.drawn.dataset"},
        set(),
    ),
    (
        "strrn_tf.reproduction.stages",
        {"strrn_tf.reproduction.data", "strrn_tf.reproduction.rows"}
        | {"strrn_tf.tracking.model_folder"},
        {"rich"},
    ),
    (
        "strrn_tf.reproduction.figure4",
        {f"strrn_tf.{name}" for name in ("atomic", "drawing", "evaluation")}
        | {"strrn_tf.geometry", "strrn_tf.protocols", "strrn_tf.tracking.crop"},
        {"numpy", "pandas", "matplotlib"},
    ),
    (
        "strrn_tf.reproduction*",
        {"strrn_tf.reproduction*", "strrn_tf.atomic"},
        {"numpy", "pandas", "matplotlib", "rich"},
    ),
    ("strrn_tf.__main__", {"strrn_tf.cli"}, set()),
    (
        "data_pipeline.animation.__main__",
        {"data_pipeline*", "strrn_tf.command_line"},
        {"tyro"},
    ),
    ("data_pipeline.on_beam", {"data_pipeline.workers"}, {"apache_beam", "rich"}),
    (
        "data_pipeline*",
        {
            "data_pipeline*",
            *("strrn_tf.landmarks", "strrn_tf.geometry", "strrn_tf.config"),
            *("strrn_tf.face_boxes", "strrn_tf.tracking.face_finder"),
            "strrn_tf.tracking.arguments",
            *("strrn_tf.tracking.crop", "strrn_tf.atomic", "strrn_tf.locking"),
            "strrn_tf.quiet",
        },
        {"numpy", "cv2", "scipy", "rich", "keras", "tensorflow"},
    ),
]
# Only these may name TensorFlow: batches, conversion, its own distribution, the
# questions about threads and processors that Keras cannot answer, and OpenCV inside a
# loss.
TENSORFLOW = (
    *("data_pipeline.*", "strrn_tf.export", "strrn_tf.fitting"),
    *("strrn_tf.devices", "strrn_tf.baselines.sbr"),
)
WORKPLACE = ("/" + "work/", "/" + "root/", "/" + "home/")


def name_of(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


@cache
def imports_of(path):
    """Full names of what a file imports, `from a import b` as a.b if a module."""
    return frozenset(_imports(path))


def _imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            inside = (ROOT / Path(*node.module.split("."))).is_dir()
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                is_module = inside and exists(full)
                yield full if is_module else node.module


def exists(module):
    path = ROOT / Path(*module.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def rule_for(module):
    return next(rule for rule in RULES if fnmatch(module, rule[0]))


def violations(module, imported):
    """Return the imports that the rule of a module does not allow."""
    _, ours, foreign = rule_for(module)
    wrong = []
    for name in imported:
        top = name.split(".")[0]
        if top in sys.stdlib_module_names:
            continue
        if top in PACKAGES:
            allowed = any(fnmatch(name, pattern) for pattern in ours)
        else:
            allowed = top in foreign
        if not allowed:
            wrong.append(name)
    return wrong


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_follow_the_table(path):
    assert not violations(name_of(path), imports_of(path))


def test_the_table_catches_what_it_is_for():
    assert violations("strrn_tf.omni.algorithm", ["data_pipeline.store"])
    assert violations("strrn_tf.tracking.tracker", ["keras"])
    assert violations("strrn_tf.geometry", ["cv2"])
    assert violations("strrn_tf.layers.patches", ["strrn_tf.config"])
    assert not violations("strrn_tf.geometry", ["math", "numpy"])


def test_every_rule_is_of_use():
    used = {rule_for(name_of(path))[0] for path in MODULES}
    assert used == {rule[0] for rule in RULES}


def test_tensorflow_stays_at_the_edges():
    users = {
        name_of(path)
        for path in MODULES
        if "tensorflow" in {name.split(".")[0] for name in imports_of(path)}
    }
    assert users
    inside = [u for u in users if not any(fnmatch(u, edge) for edge in TENSORFLOW)]
    assert not inside


@pytest.mark.parametrize("path", MODULES + SCRIPTS, ids=name_of)
def test_files_and_functions_are_short(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= MAX_FILE_LINES
    kinds = ast.FunctionDef, ast.AsyncFunctionDef
    long = [
        node.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, kinds)
        and node.end_lineno - node.lineno + 1 > MAX_FUNCTION_LINES
    ]
    assert not long


def test_importing_the_package_loads_no_framework():
    program = (
        "import sys, strrn_tf, data_pipeline; strrn_tf.FaceTracker;"
        "print({'tensorflow', 'keras', 'torch', 'jax'} & set(sys.modules) or 'none')"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == "none"


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
