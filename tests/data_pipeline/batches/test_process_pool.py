"""Batches of forked processes: those of threads, in order; how they end."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from functools import partial
from itertools import islice

import cv2
import keras
import numpy as np
import pytest
from support.places import ROOT
from support.waiting import is_running, soon
from test_pipelines import make_clip_pairs, make_stills

from data_pipeline.batches.process_pool import prefetch
from data_pipeline.batches.streams import mix, use_workers
from strrn_tf.training.trainers import in_unit_range

ARRAYS = [((2, 3), np.uint8), ((4,), np.float32)]


def fill(arrays, number):
    arrays[0][:] = number % 256
    arrays[1][:] = os.getpid()


def numbers(stream, count):
    return [int(pixels[0, 0]) for pixels, _ in islice(stream, count)]


@pytest.fixture
def on_jax(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    yield
    use_workers(0)


class TestPrefetch:
    @pytest.mark.parametrize("workers", [1, 2, 3])
    def test_every_batch_once_and_in_order(self, workers):
        assert numbers(prefetch(fill, ARRAYS, 5, workers), 9) == list(range(5, 14))

    def test_the_processes_are_others_and_take_turns(self):
        makers = [int(pid[0]) for _, pid in islice(prefetch(fill, ARRAYS, 0, 2), 6)]
        assert os.getpid() not in makers
        assert makers[0] != makers[1]
        assert makers == makers[:2] * 3

    def test_a_batch_stays_as_it_is(self):
        kept = list(islice(prefetch(fill, ARRAYS, 0, 1), 8))
        assert [int(pixels[0, 0]) for pixels, _ in kept] == list(range(8))
        assert all(pixels.dtype == np.uint8 for pixels, _ in kept)

    def test_processes_end_with_the_stream(self):
        before = set(multiprocessing.active_children())
        stream = prefetch(fill, ARRAYS, 0, 2)
        next(stream)
        assert len(set(multiprocessing.active_children()) - before) == 2
        stream.close()
        assert set(multiprocessing.active_children()) == before

    def test_streams_that_overlap_give_opencv_its_threads_back(self):
        before = cv2.getNumThreads()
        cv2.setNumThreads(2)
        try:
            streams = [prefetch(fill, ARRAYS, 0, 1) for _ in range(2)]
            for stream in streams:
                next(stream)
            streams[0].close()
            assert cv2.getNumThreads() == 1
            streams[1].close()
            assert cv2.getNumThreads() == 2
        finally:
            cv2.setNumThreads(before)

    def test_processes_end_where_one_cannot_be_started(self):
        class OneProcess:
            """Starts one process, and fails like a system that has no more."""

            def __init__(self):
                self.context, self.started = multiprocessing.get_context("fork"), 0

            def Pipe(self):
                return self.context.Pipe()

            def Process(self, **options):
                if self.started:
                    raise BlockingIOError("Resource temporarily unavailable")
                self.started += 1
                return self.context.Process(**options)

        before = set(multiprocessing.active_children())
        stream = prefetch(fill, ARRAYS, 0, 2, context=OneProcess())
        with pytest.raises(BlockingIOError, match="Resource temporarily unavailable"):
            next(stream)
        assert set(multiprocessing.active_children()) == before

    def test_the_error_of_a_file_is_raised_here(self, capfd):
        def fail(arrays, number):
            raise ValueError("stills/1.jpg: it is cut off")

        with pytest.raises(ValueError, match=r"stills/1\.jpg: it is cut off"):
            next(prefetch(fail, ARRAYS, 0, 1))
        assert not capfd.readouterr().err

    def test_a_process_that_fails_ends_the_stream(self, capfd):
        def fail(arrays, number):
            raise ZeroDivisionError("of a frame")

        with pytest.raises(ChildProcessError, match="exit code 1; --resume"):
            next(prefetch(fail, ARRAYS, 0, 1))
        assert "ZeroDivisionError: of a frame" in capfd.readouterr().err

    @pytest.mark.parametrize("is_killed", [False, True])
    def test_a_failure_ahead_is_raised_when_it_is_due(self, is_killed):
        def fail_later(arrays, number):
            if number == 2:
                if is_killed:
                    os.kill(os.getpid(), signal.SIGKILL)
                raise ValueError("stills/3.jpg: it is cut off")
            arrays[0][:] = number

        stream = prefetch(fail_later, ARRAYS, 0, 1)
        error, words = (ChildProcessError, "-9") if is_killed else (ValueError, "3.jpg")
        assert next(stream)[0][0, 0] == 0
        time.sleep(0.5)
        assert next(stream)[0][0, 0] == 1
        with pytest.raises(error, match=words):
            next(stream)

    def test_a_killed_process_names_the_cause(self):
        def die(arrays, number):
            os.kill(os.getpid(), signal.SIGKILL)

        with pytest.raises(ChildProcessError, match=r"-9: memory .* fewer --workers"):
            next(prefetch(die, ARRAYS, 0, 1))

    def test_a_process_that_hangs_is_not_waited_for(self):
        def hang(arrays, number):
            time.sleep(60)

        before = set(multiprocessing.active_children())
        with pytest.raises(TimeoutError, match="has made none for 1 seconds"):
            next(prefetch(hang, ARRAYS, 0, 1, patience=1))
        assert set(multiprocessing.active_children()) == before

    def test_ctrl_c_is_left_to_the_process_that_reads(self):
        def press(arrays, number):
            os.kill(os.getpid(), signal.SIGINT)
            arrays[0][:] = number

        assert numbers(prefetch(press, ARRAYS, 0, 1), 5) == list(range(5))

    def test_processes_end_with_a_killed_parent(self, tmp_path):
        script = tmp_path / "prefetching_alone.py"
        script.write_text(
            "import multiprocessing, time\n"
            "import numpy as np\n"
            "from data_pipeline.batches.process_pool import prefetch\n"
            "fill = lambda arrays, number: None\n"
            "stream = prefetch(fill, [((2,), np.uint8)], 0, 1)\n"
            "next(stream)\n"
            "print(multiprocessing.active_children()[0].pid, flush=True)\n"
            "time.sleep(60)\n"
        )
        with subprocess.Popen(
            [sys.executable, script],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": "."},
            stdout=subprocess.PIPE,
            text=True,
        ) as parent:
            child = int(parent.stdout.readline())
            parent.kill()
        assert soon(lambda: not is_running(child))


class TestStreams:
    def test_the_batches_are_those_of_threads(self, on_jax):
        def mixture():
            return mix(make_clip_pairs(3), make_clip_pairs(4))

        for make in (partial(make_stills, 2), mixture):
            use_workers(0)
            expected = list(islice(make(), 3))
            use_workers(2)
            for batch, wanted in zip(islice(make(), 3), expected, strict=True):
                assert batch.keys() == wanted.keys()
                assert batch["frames"].dtype == np.uint8
                frames = np.asarray(in_unit_range(batch["frames"]))
                np.testing.assert_allclose(frames, wanted["frames"], atol=1e-7)
                for name in batch.keys() - {"frames"}:
                    np.testing.assert_array_equal(batch[name], wanted[name])

    def test_a_mixture_ends_with_all_its_processes(self, on_jax):
        before = set(multiprocessing.active_children())
        use_workers(1)
        mixture = mix(make_clip_pairs(3), make_clip_pairs(4))
        next(mixture)
        assert len(set(multiprocessing.active_children()) - before) == 2
        mixture.close()
        assert set(multiprocessing.active_children()) == before

    def test_systems_without_forks_are_refused(self, on_jax, monkeypatch):
        monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: ["spawn"])
        with pytest.raises(ValueError, match="--workers needs a system that forks"):
            use_workers(1)
        use_workers(0)

    def test_tensorflow_takes_no_workers(self, on_jax, monkeypatch):
        monkeypatch.setattr(keras.backend, "backend", lambda: "tensorflow")
        use_workers(0)
        with pytest.raises(ValueError, match=r"--workers is 0 .* Received: 2"):
            use_workers(2)

    def test_fewer_than_none_are_refused(self, on_jax):
        with pytest.raises(ValueError, match="Received: -1"):
            use_workers(-1)


def test_frames_in_the_unit_range_are_left_as_they_are():
    frames = keras.ops.convert_to_tensor(np.full((1, 2, 2, 3), 0.25, np.float32))
    assert in_unit_range(frames) is frames
