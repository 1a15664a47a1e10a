"""Writes a crop store source by source, so that a kill loses one source at most.

Frames are appended to `frames.npy`, whose header still says 0 samples; then one line
of `progress.jsonl` says that the source is done. What a kill left behind the last such
line is cut off when the work goes on. At the end the header is put right (NumPy pads it
for growth, so its length stays), the small files are written, `manifest.json` last.
"""

import json
import os
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from data_pipeline.crops.samples import Samples
from data_pipeline.crops.window import STORED_SIZE
from strrn_tf.system.atomic import replacing, write_text


class StoreState(NamedTuple):
    """What a folder holds: of which inputs, and whether it is complete."""

    fingerprint: str
    is_complete: bool


def read_state(folder: str | Path) -> StoreState | None:
    """Return the state of the store in a folder, None when there is no store."""
    folder = Path(folder)
    for name, is_complete in (("manifest.json", True), ("progress.jsonl", False)):
        try:
            with open(folder / name) as file:
                return StoreState(
                    json.loads(file.readline())["fingerprint"], is_complete
                )
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


class StoreWriter:
    """Appends to the unfinished store in a folder, or begins one.

    Args:
        folder: made when it is missing.
        fingerprint: of the inputs; what an unfinished store of others left is dropped.
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
        self._records = self._resume()
        self.done = {record["source"] for record in self._records}

    def append(
        self, source: str, samples: Samples | None, report: dict[str, Any]
    ) -> None:
        """Add the samples of one source (None: it gave none) and its report."""
        record = {"source": source, "report": report, "names": []}
        if samples is not None:
            with open(self._frames, "ab") as file:
                file.write(np.ascontiguousarray(samples.frames).tobytes())
                # After a power cut no line may speak of frames that are not there.
                file.flush()
                os.fsync(file.fileno())
            record["names"] = samples.names
            record["landmarks"] = samples.landmarks.tolist()
            record["matrix"] = samples.matrix.tolist()
        with open(self._progress, "a") as file:
            file.write(json.dumps(record) + "\n")
        self._records.append(record)
        self.done.add(source)

    def finish(self) -> None:
        """Complete the store.

        Raises:
            ValueError: not one sample was added; the first reason is named.
        """
        names = [name for record in self._records for name in record["names"]]
        problems = self._problems()
        if not names:
            reason = problems[0]["reason"] if problems else "no source was given"
            raise ValueError(f"{self.folder}: nothing could be stored. First: {reason}")
        with open(self._frames, "r+b") as file:
            self._write_header(file, len(names))
            file.flush()
            os.fsync(file.fileno())
        with replacing(self.folder / "samples.npz") as path:
            np.savez(
                path,
                landmarks=self._column("landmarks", np.float32),
                matrix=self._column("matrix", np.float64),
            )
        write_text(self.folder / "names.json", json.dumps(names, indent=0) + "\n")
        report = {"samples": len(names), "problems": problems}
        report["sources"] = {r["source"]: r["report"] for r in self._records}
        write_text(self.folder / "report.json", json.dumps(report, indent=1) + "\n")
        manifest = {"fingerprint": self.fingerprint, "samples": len(names)}
        write_text(self.folder / "manifest.json", json.dumps(manifest) + "\n")
        self._progress.unlink()

    def _problems(self) -> list[dict[str, str]]:
        return [
            {"name": record["source"], "reason": record["report"]["problem"]}
            for record in self._records
            if "problem" in record["report"]
        ]

    def _column(self, key: str, dtype: type) -> np.ndarray:
        return np.concatenate(
            [np.array(r[key], dtype) for r in self._records if r["names"]]
        )

    def _resume(self) -> list[dict[str, Any]]:
        """Return the records of finished sources; cut the frames off behind them."""
        state = read_state(self.folder)
        if state != StoreState(self.fingerprint, False) or not self._frames.is_file():
            return self._begin()
        lines = self._progress.read_text().splitlines(keepends=True)
        with open(self._frames, "r+b") as file:
            start = self._write_header(file, 0)
            size = file.seek(0, os.SEEK_END)
            records, kept, end = [], lines[:1], start
            for line in lines[1:]:
                record = json.loads(line) if line.endswith("\n") else None
                if record is None:
                    break  # the kill came in the middle of this line
                after = end + len(record["names"]) * int(np.prod(self.sample_shape))
                if after > size:
                    break
                records.append(record)
                kept.append(line)
                end = after
            file.truncate(end)
        write_text(self._progress, "".join(kept))
        return records

    def _begin(self) -> list[dict[str, Any]]:
        (self.folder / "manifest.json").unlink(missing_ok=True)
        with open(self._frames, "wb") as file:
            self._write_header(file, 0)
        write_text(self._progress, json.dumps({"fingerprint": self.fingerprint}) + "\n")
        return []

    def _write_header(self, file: BinaryIO, count: int) -> int:
        """Write the `.npy` header of ``count`` samples; return where data begins."""
        file.seek(0)
        shape = (count, *self.sample_shape)
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        return file.tell()
