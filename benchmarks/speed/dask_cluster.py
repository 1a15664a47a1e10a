"""A Dask cluster on this machine: a scheduler, and workers of one thread each."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

# Seconds within which a process has to start.
PATIENCE = 120.0
# The processes end by themselves when whoever started them was killed.
LONELY = "3600"
ROOT = Path(__file__).resolve().parents[2]


class DaskCluster:
    """A running scheduler and its workers.

    Attributes:
        address: of the scheduler, such as ``tcp://127.0.0.1:8786``.
        workers: processes by name.
    """

    def __init__(self, folder: Path) -> None:
        self.workers: dict[str, subprocess.Popen] = {}
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "scheduler.json"
        words = ["scheduler", "--host", "127.0.0.1", "--port", "0"]
        words += ["--scheduler-file", str(file), "--idle-timeout", LONELY]
        self._scheduler = self._start("scheduler", words)
        end = time.monotonic() + PATIENCE
        while not file.exists():
            if time.monotonic() > end or self._scheduler.poll() is not None:
                self.close()
                raise RuntimeError(self.log("scheduler"))
            time.sleep(0.1)
        self.address: str = json.loads(file.read_text())["address"]

    def add_worker(self, core: int | None = None) -> None:
        """Start a worker; it joins within seconds.

        Args:
            core: number of the only core that it may use; None for all.
        """
        name = f"worker{len(self.workers)}"
        words = ["worker", self.address, "--name", name, "--nthreads", "1"]
        words += ["--no-nanny", "--death-timeout", LONELY]
        words += ["--local-directory", str(self._folder / name)]
        self.workers[name] = self._start(name, words, core)

    def kill(self, name: str) -> None:
        """Kill a worker, or the "scheduler", as a machine that goes down would."""
        process = self.workers.get(name, self._scheduler)
        process.kill()
        process.wait()

    def log(self, name: str) -> str:
        """Return what a process has reported, by its name or "scheduler"."""
        return (self._folder / f"{name}.log").read_text(errors="replace")

    def processor_seconds(self) -> dict[str, float]:
        """Return the processor time that each worker has used, by its name."""
        import psutil

        used = {
            name: psutil.Process(process.pid).cpu_times()
            for name, process in self.workers.items()
        }
        return {name: times.user + times.system for name, times in used.items()}

    def close(self) -> None:
        """End all processes."""
        processes = [*self.workers.values(), self._scheduler]
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(
        self, name: str, words: Sequence[str], core: int | None = None
    ) -> subprocess.Popen:
        def bind() -> None:
            if core is not None:
                os.sched_setaffinity(0, [core])

        with (self._folder / f"{name}.log").open("w") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "dask", *words, "--no-dashboard"],
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=bind,
                # Ctrl-C in a terminal is for who uses the cluster, not for the cluster.
                start_new_session=True,
            )


@contextmanager
def dask_cluster(
    folder: Path, workers: int, cores: Sequence[int] | None = None
) -> Iterator[DaskCluster]:
    """Yield a cluster whose workers have joined; end it afterwards.

    Args:
        folder: for logs and the workers' files.
        workers: number of workers.
        cores: one for each worker; None for any.
    """
    from distributed import Client

    cluster = DaskCluster(folder)
    try:
        for number in range(workers):
            cluster.add_worker(None if cores is None else cores[number])
        if workers:
            with Client(cluster.address, timeout=PATIENCE) as client:
                client.wait_for_workers(workers, timeout=PATIENCE)
        yield cluster
    finally:
        cluster.close()
