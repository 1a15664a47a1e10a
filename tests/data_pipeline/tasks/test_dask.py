"""A Dask cluster shares the videos, survives a dead worker, and writes the same bytes.

The scheduler and the workers are processes of their own on this machine.
"""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from functools import partial

import numpy as np
import pytest
from support.places import ROOT
from support.waiting import soon

from benchmarks.speed.dask_cluster import dask_cluster
from data_pipeline.media.video import write_video
from data_pipeline.synthetic import draw_clip
from data_pipeline.tasks.processes import run_tasks
from data_pipeline.tasks.task import Task

pytestmark = pytest.mark.slow
distributed = pytest.importorskip("distributed", reason="pip install 'strrn[dask]'")

NUM_VIDEOS, LENGTH, DRAWN = 6, 60, 12
# All faces are accepted: the more files, the more can differ.
LOOSE = ("--max-cycle-error", "9", "--max-disagreement", "9", "--min-change", "0")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with dask_cluster(tmp_path_factory.mktemp("cluster"), 2) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Videos of seconds: a face that moves back and forth."""
    folder = tmp_path_factory.mktemp("videos")
    frames = [image for image, _ in draw_clip(np.random.default_rng(7), 1, DRAWN)]
    for number in range(NUM_VIDEOS):
        places = np.abs(np.arange(number, number + LENGTH) % (2 * DRAWN) - DRAWN)
        clip = [frames[min(place, DRAWN - 1)] for place in places]
        write_video(folder / f"Gespräch {number}.mp4", clip, 25)
    return folder


def options(cluster):
    return ["--runner", "DaskRunner", "--dask_client_address", cluster.address]


@contextmanager
def annotating(videos, output, *more):
    """`strrn annotate` as a process of its own, which writes to no pipe."""
    command = [sys.executable, "-m", "strrn_tf", "annotate", str(videos), *LOOSE]
    command += ["--model", "strrn-mdm", "--output", str(output), *more]
    with output.with_suffix(".log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def annotated(output, process):
    """Wait for the command; return its exit code and what it printed."""
    return process.wait(), output.with_suffix(".log").read_text()


def during(process, what):
    """Whether something becomes true while a process runs."""
    soon(lambda: what() or process.poll() is not None, 300)
    return what() and process.poll() is None


def content(folder):
    """Every file below a folder, by name."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def shell(program):
    return partial(subprocess.check_call, ["sh", "-c", program])


def test_two_workers_share_two_tasks(cluster, tmp_path):
    first, second = tmp_path / "first.txt", tmp_path / "second.txt"
    # Each waits for the other's note: one worker alone would fail.
    program = (
        "echo $PPID > {}; for _ in $(seq 600); do test -s {} && exit; sleep 0.1; done; "
        "exit 1"
    )
    tasks = [
        Task(shell(program.format(*both)), both[0])
        for both in ((first, second), (second, first))
    ]
    run_tasks("Meeting", tasks, 1, options(cluster))
    workers = {int(path.read_text()) for path in (first, second)}
    assert workers == {process.pid for process in cluster.workers.values()}


def test_an_error_is_one_line_and_ends_the_other_tasks(cluster, tmp_path):
    failing = Task(partial(os.rmdir, tmp_path / "nowhere"), tmp_path / "done")
    paths = [tmp_path / f"{number}.txt" for number in range(20)]
    napping = [Task(shell(f"sleep 1; echo > '{path}'"), path) for path in paths]
    with pytest.raises(ValueError, match="nowhere") as caught:
        run_tasks("Failing", [failing, *napping], 1, options(cluster))
    message = str(caught.value)
    assert message.startswith("Failing on Beam failed: FileNotFoundError: ")
    assert "\n" not in message
    with distributed.Client(cluster.address) as client:
        assert soon(lambda: not any(client.processing().values()))
    assert not all(path.exists() for path in paths)


def test_a_scheduler_that_is_not_there_is_named(tmp_path):
    task = Task(partial(os.rmdir, tmp_path / "nowhere"), tmp_path / "done")
    there = ["--dask_client_address", "tcp://127.0.0.1:9"]
    with pytest.raises(ValueError, match=r"connect to tcp://127\.0\.0\.1:9 "):
        run_tasks(
            "Failing",
            [task],
            1,
            ["--runner=DaskRunner", *there, "--dask_connection_timeout", "1"],
        )


def test_workers_may_join_late(tmp_path):
    note = tmp_path / "note.txt"
    program = (
        "import sys; from functools import partial; from pathlib import Path\n"
        "from data_pipeline.tasks.processes import run_tasks\n"
        "from data_pipeline.tasks.task import Task\n"
        "note = Path(sys.argv[1])\n"
        "task = Task(partial(Path.write_text, note, 'x'), note)\n"
        "run_tasks('Noting', [task], 1, sys.argv[2:])"
    )
    with dask_cluster(tmp_path / "cluster", 0) as cluster:
        command = [sys.executable, "-c", program, str(note), *options(cluster)]
        with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) as process:
            assert b"no worker has joined tcp://127.0.0.1:" in process.stderr.readline()
            cluster.add_worker()
            assert process.wait() == 0
    assert note.exists()


def test_a_killed_worker_loses_nothing(videos, tmp_path):
    one, output = tmp_path / "one", tmp_path / "dask"
    with annotating(videos, one, "--workers", "1") as command:
        code, printed = annotated(one, command)
    assert code == 0, printed
    expected = content(one)
    assert sum(name.startswith("annotations/") for name in expected) > NUM_VIDEOS * 50
    with (
        dask_cluster(tmp_path / "cluster", 2) as cluster,
        distributed.Client(cluster.address) as client,
        annotating(videos, output, "--", *options(cluster)) as command,
    ):
        workers = client.scheduler_info()["workers"].items()
        (victim,) = [address for address, x in workers if x["name"] == "worker1"]

        def is_in_the_middle():
            """It has done a video and is at another."""
            return client.has_what()[victim] and client.processing()[victim]

        assert during(command, is_in_the_middle)
        cluster.kill("worker1")
        before = {path: path.stat().st_mtime_ns for path in output.glob("videos/*")}
        assert 0 < len(before) < NUM_VIDEOS
        # What a worker leaves that was writing a picture.
        (output / "annotations" / ".0123abcd.tmp.picture.jpg").write_bytes(b"half")
        code, printed = annotated(output, command)
        assert code == 0, printed
        # Dask repeats what the worker had done too ...
        lost = "caused the cluster to lose already computed task"
        assert lost in cluster.log("scheduler")
    assert content(output) == expected
    # ... which ends at once.
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_the_scheduler_drops_the_videos_after_ctrl_c(cluster, videos, tmp_path):
    output = tmp_path / "stopped"
    with annotating(videos, output, "--", *options(cluster)) as command:
        assert during(command, lambda: list(output.glob("videos/*.json")))
        command.send_signal(signal.SIGINT)
        code, printed = annotated(output, command)
    assert code == 130, printed
    assert printed.endswith("strrn: interrupted\n")
    with distributed.Client(cluster.address) as client:
        assert soon(lambda: not any(client.processing().values()), 300)
    assert len(list(output.glob("videos/*.json"))) < NUM_VIDEOS


def test_a_scheduler_that_dies_ends_the_command(videos, tmp_path):
    output = tmp_path / "lost"
    with (
        dask_cluster(tmp_path / "cluster", 2) as cluster,
        annotating(videos, output, "--", *options(cluster)) as command,
    ):
        assert during(command, lambda: list(output.glob("videos/*.json")))
        cluster.kill("scheduler")
        code, printed = annotated(output, command)
    assert code == 2
    failure = "strrn: Annotating videos on Beam failed: the scheduler tcp://"
    assert printed.splitlines()[-1].startswith(failure)
    assert "Traceback" not in printed
