"""Writes a crop store source by source, so that a kill loses at most one source.

Frames are appended to `frames.npy`, whose header still has 0 samples. Then one line of
`progress.jsonl` records the source, with its names, landmarks and matrices. The next
writer cuts off everything behind the last such line. At the end the lines become the
small files, and the header gets the number of samples. NumPy pads the header, so its
length stays. `manifest.json` is written last.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from data_pipeline.crops.samples import Samples
from data_pipeline.crops.window import STORED_SIZE
from strrn_tf.landmarks import NUM_LANDMARKS
from strrn_tf.system.atomic import replacing, write_text


class NothingStored(ValueError):
    """No source had a sample."""


class StoreState(NamedTuple):
    """The fingerprint of the inputs of a store, and whether the store is complete."""

    fingerprint: str
    is_complete: bool


def read_state(folder: str | Path) -> StoreState | None:
    """Return the state of the store in a folder, or None without a store."""
    folder = Path(folder)
    for name, is_complete in (("manifest.json", True), ("progress.jsonl", False)):
        try:
            with open(folder / name, encoding="utf-8") as file:
                return StoreState(
                    json.loads(file.readline())["fingerprint"], is_complete
                )
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


class StoreWriter:
    """Appends to the unfinished store in a folder, or begins a new one.

    Memory holds the names of sources only. Everything else waits in files.

    Args:
        folder: folder of the store. A missing one is created.
        fingerprint: of the inputs. An unfinished store of other inputs is overwritten.
        num_frames: T, frames per sample.

    Attributes:
        done: names of the sources that need no more work.
    """

    def __init__(self, folder: str | Path, fingerprint: str, num_frames: int) -> None:
        self.folder = Path(folder)
        self.fingerprint = fingerprint
        self.sample_shape = (num_frames, STORED_SIZE, STORED_SIZE, 3)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._progress = self.folder / "progress.jsonl"
        self._frames = self.folder / "frames.npy"
        self._num_samples = 0
        self.done: set[str] = set()
        is_unfinished = read_state(self.folder) == StoreState(fingerprint, False)
        if is_unfinished and self._frames.is_file():
            self._resume()
        else:
            self._begin()

    def append(
        self, source: str, samples: Samples | None, report: dict[str, Any]
    ) -> None:
        """Add the samples of one source (None without any) and its report."""
        record = {"source": source, "report": report, "names": []}
        if samples is not None:
            with open(self._frames, "ab") as file:
                file.write(np.ascontiguousarray(samples.frames).data)
                # After a power cut every recorded source must have its frames.
                file.flush()
                os.fsync(file.fileno())
            record["names"] = samples.names
            record["landmarks"] = samples.landmarks.tolist()
            record["matrix"] = samples.matrix.tolist()
            if samples.whole is not None:
                record["whole"] = samples.whole.tolist()
        with open(self._progress, "a", encoding="utf-8", newline="\n") as file:
            file.write(json.dumps(record) + "\n")
        self._count(record)

    def finish(self) -> None:
        """Complete the store.

        Raises:
            NothingStored: there is no sample. The message has the first reason.
        """
        names: list[str] = []
        reports: dict[str, dict[str, Any]] = {}
        shape = (self._num_samples, self.sample_shape[0], NUM_LANDMARKS, 2)
        landmarks, whole = np.empty(shape, np.float32), np.empty(shape, np.float32)
        is_partial = False
        matrix = np.empty((self._num_samples, 2, 3), np.float64)
        for record in self._records():
            reports[record["source"]] = record["report"]
            if record["names"]:
                rows = slice(len(names), len(names) + len(record["names"]))
                landmarks[rows], matrix[rows] = record["landmarks"], record["matrix"]
                whole[rows] = record.get("whole", record["landmarks"])
                is_partial |= "whole" in record
                names += record["names"]
        problems = [
            {"name": source, "reason": report["problem"]}
            for source, report in reports.items()
            if "problem" in report
        ]
        if not names:
            reason = problems[0]["reason"] if problems else "no source was given"
            raise NothingStored(
                f"{self.folder.name}: none of {len(reports)} can be used. "
                f"First: {reason}"
            )
        with open(self._frames, "r+b") as file:
            self._write_header(file, len(names))
            file.flush()
            os.fsync(file.fileno())
        with replacing(self.folder / "samples.npz") as path:
            more = {"whole": whole} if is_partial else {}
            np.savez(path, landmarks=landmarks, matrix=matrix, **more)
        write_text(self.folder / "names.json", json.dumps(names, indent=0) + "\n")
        report = {"samples": len(names), "problems": problems, "sources": reports}
        write_text(self.folder / "report.json", json.dumps(report, indent=1) + "\n")
        manifest = {"fingerprint": self.fingerprint, "samples": len(names)}
        write_text(self.folder / "manifest.json", json.dumps(manifest) + "\n")
        self._progress.unlink()

    def _records(self) -> Iterator[dict[str, Any]]:
        """Yield the records of finished sources, one line of the file at a time."""
        with open(self._progress, encoding="utf-8") as file:
            next(file)  # the fingerprint
            yield from map(json.loads, file)

    def _resume(self) -> None:
        """Count the finished sources, and cut off everything behind the last one."""
        sample_bytes = int(np.prod(self.sample_shape))
        with (
            open(self._frames, "r+b") as frames,
            open(self._progress, "r+b") as progress,
        ):
            start = self._write_header(frames, 0)
            size = frames.seek(0, os.SEEK_END)
            progress.readline()
            end = progress.tell()
            for line in iter(progress.readline, b""):
                try:
                    record = json.loads(line) if line.endswith(b"\n") else None
                except ValueError:
                    record = None
                if record is None:
                    break  # a kill or a power cut interrupted this line
                after = self._num_samples + len(record["names"])
                if start + after * sample_bytes > size:
                    break
                self._count(record)
                end = progress.tell()
            frames.truncate(start + self._num_samples * sample_bytes)
            progress.truncate(end)

    def _count(self, record: dict[str, Any]) -> None:
        self.done.add(record["source"])
        self._num_samples += len(record["names"])

    def _begin(self) -> None:
        (self.folder / "manifest.json").unlink(missing_ok=True)
        with open(self._frames, "wb") as file:
            self._write_header(file, 0)
        write_text(self._progress, json.dumps({"fingerprint": self.fingerprint}) + "\n")

    def _write_header(self, file: BinaryIO, count: int) -> int:
        """Write the `.npy` header of ``count`` samples, and return its length."""
        file.seek(0)
        shape = (count, *self.sample_shape)
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        return file.tell()
