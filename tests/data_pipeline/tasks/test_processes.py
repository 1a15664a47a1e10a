"""Tasks in processes and on Beam: same files, every core, errors in one line."""

import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.places import ROOT
from support.waiting import is_running, soon

from data_pipeline.datasets.clips import list_clips, longest_first
from data_pipeline.media.images import write_image
from data_pipeline.media.video import write_video
from data_pipeline.synthetic import draw_clip
from data_pipeline.tasks.processes import run_tasks
from data_pipeline.tasks.task import Task, use_one_thread
from strrn_tf.commands.cli import main
from strrn_tf.system.command_line import split_beam

NO_BEAM = "apache-beam is not installed: pip install 'strrn[beam]'"


@pytest.fixture(scope="module")
def beam():
    pytest.importorskip("apache_beam", reason=NO_BEAM)


def noting(folder, count):
    """Tasks that write down the number of the process that does them."""
    return [
        Task(partial(subprocess.check_call, ["sh", "-c", f"echo $PPID > {path}"]), path)
        for path in (folder / f"{number}.txt" for number in range(count))
    ]


def meeting(folder):
    """Two tasks that note their processes, each of which waits for the other's note."""
    first, second = folder / "first.txt", folder / "second.txt"
    program = (
        "echo $PPID > {}; for _ in $(seq 300); do test -s {} && exit; sleep 0.1; done; "
        "exit 1"
    )
    return [
        Task(
            partial(subprocess.check_call, ["sh", "-c", program.format(*both)]), both[0]
        )
        for both in ((first, second), (second, first))
    ]


def processes(tasks):
    return {int(task.done.read_text()) for task in tasks}


def failing(folder):
    return [Task(partial(os.rmdir, folder / "nowhere"), folder / "done")]


class TestRunTasks:
    def test_one_worker_is_this_process(self, tmp_path):
        tasks = noting(tmp_path, 2)
        run_tasks("Noting", tasks, 1)
        assert processes(tasks) == {os.getpid()}

    def test_workers_are_other_processes_at_the_same_time(self, tmp_path):
        tasks = meeting(tmp_path)
        run_tasks("Meeting", tasks, 2)
        assert len(processes(tasks)) == 2
        assert os.getpid() not in processes(tasks)

    def test_workers_end_when_this_process_is_killed(self, tmp_path):
        program = (
            "import sys, time; from functools import partial\n"
            "from pathlib import Path\n"
            "from data_pipeline.tasks.processes import run_tasks\n"
            "from data_pipeline.tasks.task import Task\n"
            "from test_processes import noting\n"
            "naps = 8 * [Task(partial(time.sleep, 60), Path('never'))]\n"
            "run_tasks('Napping', noting(Path(sys.argv[1]), 8) + naps, 2)"
        )
        places = ROOT, ROOT / "tests", Path(__file__).parent
        parent = subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path)],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, places))},
        )
        notes = [tmp_path / f"{number}.txt" for number in range(8)]
        assert soon(lambda: all(note.exists() and note.read_text() for note in notes))
        workers = {int(note.read_text()) for note in notes} - {parent.pid}
        assert workers
        parent.kill()
        parent.wait()
        assert soon(lambda: not any(is_running(worker) for worker in workers))

    @pytest.mark.parametrize(
        ("name", "to_all"),
        [("SIGHUP", True), ("SIGTERM", False), ("SIGKILL", None)],
    )
    def test_a_signal_ends_all_processes_without_a_traceback(
        self, tmp_path, name, to_all
    ):
        program = (
            "import sys, time; from functools import partial\n"
            "from pathlib import Path\n"
            "from data_pipeline.tasks.processes import run_tasks\n"
            "from data_pipeline.tasks.task import Task\n"
            "from strrn_tf.system.command_line import exit_code\n"
            "from test_processes import meeting\n"
            "naps = 8 * [Task(partial(time.sleep, 60), Path('never'))]\n"
            "tasks = meeting(Path(sys.argv[1])) + naps\n"
            "if __name__ == '__main__':\n"
            "    sys.exit(exit_code('strrn', lambda: run_tasks('Napping', tasks, 2)))"
        )
        (tmp_path / "program.py").write_text(program)
        places = ROOT, ROOT / "tests", Path(__file__).parent
        parent = subprocess.Popen(
            [sys.executable, str(tmp_path / "program.py"), str(tmp_path)],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, places))},
            start_new_session=True,
            stderr=subprocess.PIPE,
            text=True,
        )
        notes = [tmp_path / f"{name}.txt" for name in ("first", "second")]
        assert soon(lambda: all(note.exists() and note.read_text() for note in notes))
        time.sleep(0.3)  # both are napping
        workers = [int(note.read_text()) for note in notes]
        number = getattr(signal, name)
        if to_all:
            os.killpg(parent.pid, number)
        else:
            os.kill(parent.pid if to_all is False else workers[0], number)
        _, errors = parent.communicate(timeout=30)
        assert "Traceback" not in errors
        if name == "SIGKILL":
            assert parent.returncode == 2
            assert "a worker process was killed: memory may be short" in errors
        else:
            assert parent.returncode == 128 + number
            assert errors.endswith(f"strrn: ended by {name}\n")
        assert soon(lambda: not any(is_running(worker) for worker in workers))

    def test_beam_deals_out_to_its_processes(self, beam, tmp_path, capfd):
        tasks = noting(tmp_path, 6)
        run_tasks("Noting", tasks, 2, beam=())
        done = [int(task.done.read_text()) for task in tasks]
        assert len(set(done)) == 2
        assert os.getpid() not in done
        # In turn: the two longest are not one worker's.
        assert done[0] == done[2] == done[4] != done[1] == done[3] == done[5]
        assert "sdk_worker" not in capfd.readouterr().err

    def test_nothing_to_do_starts_nothing(self, beam):
        run_tasks("Nothing", [], 2)
        # A pipeline would refuse this runner.
        run_tasks("Nothing", [], 2, beam=["--runner=NoSuchRunner"])

    def test_an_error_of_a_task_is_raised_here(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            run_tasks("Failing", 2 * failing(tmp_path), 2)

    def test_an_error_on_beam_is_one_line(self, beam, tmp_path):
        with pytest.raises(ValueError, match="nowhere") as caught:
            run_tasks(
                "Failing", failing(tmp_path), 1, ["--direct_running_mode=in_memory"]
            )
        message = str(caught.value)
        assert message.startswith("Failing on Beam failed: FileNotFoundError: ")
        assert "\n" not in message
        assert "while running" not in message

    def test_files_that_do_not_arrive_are_named(self, beam, tmp_path, monkeypatch):
        monkeypatch.setattr("data_pipeline.tasks.beam.SETTLING", 0.0)
        elsewhere = Task(partial(abs, 1), tmp_path / "elsewhere.json")
        with pytest.raises(ValueError, match="the same disk") as caught:
            run_tasks("Doing", [elsewhere], 1, ["--direct_running_mode=in_memory"])
        assert str(elsewhere.done) in str(caught.value)

    @pytest.mark.parametrize(
        ("options", "problem"),
        [
            (["--direct_num_workers", "two"], "invalid int value: 'two'"),
            (["--direct_num_worker", "2"], "no option --direct_num_worker"),
            (["--direct_running_mode=both"], "invalid choice: 'both'"),
            (["--runner=NoSuchRunner"], "NoSuchRunner"),
        ],
    )
    def test_wrong_options_of_beam_are_named(
        self, beam, tmp_path, options, problem, capfd
    ):
        with pytest.raises(ValueError, match=problem):
            run_tasks("Failing", failing(tmp_path), 1, options)
        assert capfd.readouterr().err == ""

    def test_options_of_other_runners_are_theirs(self, beam):
        from data_pipeline.tasks.beam_options import parse_beam_options

        options, is_local = parse_beam_options(
            ["--runner=FlinkRunner", "--flink_master=host:8081", "--parallelism", "8"]
        )
        assert not is_local
        everything = options.get_all_options(retain_unknown_options=True)
        assert everything["flink_master"] == "host:8081"

    def test_the_direct_runner_fetches_nothing(self, beam):
        from data_pipeline.tasks.beam_options import parse_beam_options

        for arguments in ([], ["--runner", "DirectRunner"]):
            options, is_local = parse_beam_options(arguments)
            everything = options.get_all_options()
            assert is_local
            assert everything["runner"] == "FnApiRunner"
            assert everything["direct_running_mode"] == "multi_processing"

    def test_a_worker_has_one_thread(self):
        before = cv2.getNumThreads()
        try:
            use_one_thread()
            assert cv2.getNumThreads() == 1
            assert os.environ["STRRN_DECODING_THREADS"] == "1"
        finally:
            cv2.setNumThreads(before)
            del os.environ["STRRN_DECODING_THREADS"]


def test_the_longest_come_first(tmp_path):
    for name, frames in (("a", 2), ("b", 9), ("c", 4)):
        write_video(tmp_path / f"{name}.mp4", noise(frames), 25)
    for number in range(30):
        write_image(tmp_path / "images" / f"{number}.png", noise(1)[0])
    (tmp_path / "d.mp4").symlink_to("/nowhere.mp4")
    names = [clip.name for clip in longest_first(list_clips(tmp_path))]
    assert names == ["images", "b.mp4", "c.mp4", "a.mp4", "d.mp4"]


def noise(count):
    return np.random.default_rng(count).integers(0, 256, (count, 64, 64, 3), np.uint8)


def test_what_stands_behind_two_dashes_is_beams():
    assert split_beam(["a", "--output", "b"]) == (["a", "--output", "b"], None)
    assert split_beam(["a", "--"]) == (["a"], ())
    assert split_beam(["a", "--", "--runner", "x"]) == (["a"], ("--runner", "x"))


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    for seed, frames in enumerate((5, 8, 3)):
        clip = [image for image, _ in draw_clip(np.random.default_rng(seed), 1, frames)]
        write_video(folder / f"Gespräch {seed}.mp4", clip, 25)
    (folder / "empty.mp4").write_bytes(b"")
    return folder


def annotate(videos, output, *more):
    loose = ["--max-cycle-error", "9", "--max-disagreement", "9", "--min-change", "0"]
    return main(["annotate", str(videos), "--output", str(output), *loose, *more])


def content(folder):
    """Every file below a folder, by name."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class TestCommands:
    def test_one_process_two_and_beam_write_the_same_bytes(
        self, beam, videos, tmp_path, capsys
    ):
        assert annotate(videos, tmp_path / "one", "--workers", "1") == 0
        expected = content(tmp_path / "one")
        assert sum(name.startswith("annotations/") for name in expected) >= 20
        assert annotate(videos, tmp_path / "two", "--workers", "2") == 0
        assert content(tmp_path / "two") == expected
        # As if it had been killed in the middle.
        shutil.copytree(tmp_path / "one", tmp_path / "beam")
        for path in (tmp_path / "beam").rglob("*Gespräch [02]*"):
            path.unlink()
        capsys.readouterr()
        options = ["--", "--runner", "DirectRunner", "--direct_num_workers", "2"]
        assert annotate(videos, tmp_path / "beam", *options) == 0
        # What cannot be read is tried again.
        assert "4 videos, 1 of them done before" in capsys.readouterr().out
        assert content(tmp_path / "beam") == expected

    def test_prepares_too(self, beam, videos, tmp_path):
        command = ["prepare", "videos", str(videos), "--pairs", "1", "--output"]
        assert main([*command, str(tmp_path / "pool"), "--workers", "1"]) == 0
        expected = content(tmp_path / "pool")
        assert sum(name.endswith(".tfrecord") for name in expected) >= 2
        options = ["--workers", "2", "--", "--direct_running_mode", "multi_processing"]
        assert main([*command, str(tmp_path / "beam"), *options]) == 0
        assert content(tmp_path / "beam") == expected

    def test_beam_that_is_missing_is_named(self, videos, tmp_path):
        program = (
            "import sys; sys.modules['apache_beam'] = None\n"
            "from strrn_tf.commands.cli import main; sys.exit(main(sys.argv[1:]))"
        )
        command = [sys.executable, "-c", program, "annotate", str(videos)]
        result = subprocess.run(
            [*command, "--output", str(tmp_path / "out"), "--"],
            capture_output=True,
            text=True,
        )
        assert result.returncode == 2
        cure = 'strrn: needs apache_beam, install it by pip install "strrn[beam]"\n'
        assert result.stderr == cure
