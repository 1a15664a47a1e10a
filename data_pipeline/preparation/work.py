"""The work on one source, as a function that can be mapped over all of them.

`prepare_source` needs nothing but its arguments, so processes or machines can be given
them in any order; two sources share no file.
"""

import hashlib
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from data_pipeline.crops.annotated import annotated_frames, pack_annotated
from data_pipeline.crops.face_boxes import find_face_boxes
from data_pipeline.crops.pairs import PairOptions, pack_pairs
from data_pipeline.crops.samples import Samples
from data_pipeline.crops.stills import cut_still
from data_pipeline.crops.window import STORED_SIZE
from data_pipeline.datasets.clips import Clip
from data_pipeline.datasets.three_hundred_vw import Sequence300VW
from data_pipeline.datasets.three_hundred_w import Still
from data_pipeline.datasets.youtube_faces import FacesClip
from data_pipeline.preparation.shards import pack, write_shard
from strrn_tf.geometry import CROP_MARGIN, CROP_SIZE, apply_matrix, invert_matrix
from strrn_tf.system.atomic import write_text
from strrn_tf.system.file_names import file_name

# Of the files. Older ones are made anew.
FORMAT = 1
FACE_IN_CROP = CROP_SIZE / CROP_MARGIN


class StillsPart(NamedTuple):
    """Some stills of one folder that are prepared together: `helen/trainset[002]`."""

    name: str
    stills: tuple[Still, ...]


Source = StillsPart | Clip | Sequence300VW | FacesClip


class Preparation(NamedTuple):
    """How sources are prepared.

    Attributes:
        pairs_per_clip: pairs of consecutive frames of a clip, spread evenly.
        seed: where within its share of the clip each pair lies.
        rule: which of several faces, "largest" or "central".
        min_face: pixels; a clip whose faces are smaller (median of the larger sides of
            the landmark boxes) is left out. Annotated sequences never are.
        min_found: share of the searched frames that must show a face.
        quality: of the JPEG crops, 1 to 100.
        frames: consecutive frames of a sample; 2 for pairs, 3 for SBR too.
    """

    pairs_per_clip: int = 20
    seed: int = 0
    rule: str = "largest"
    min_face: float = 50.0
    min_found: float = 0.5
    quality: int = 95
    frames: int = 2


def prepare_source(
    source: Source, options: Preparation, output: Path
) -> dict[str, Any]:
    """Write the shards of one source and, last, its report.

    What was done before, of the same files and options, is not done again. A source
    that is broken gives a report that says so, not an error.

    Args:
        source: stills, a clip, or a sequence.
        options: the same for all sources of an output.
        output: folder; ``shards/`` and ``sources/`` in it are written to.

    Returns:
        The report, which is also in ``sources/<file name>.json``: ``name``, ``shards``
        (kind to file name and bytes), ``samples`` (kind to one row per sample: its name
        and window x0, y0, x1, y1 in pixels of the image), ``face`` (median pixels),
        ``problems``, ``left_out`` (why the filter left it out, else None) and counts.

    Raises:
        OSError: the output cannot be written.
    """
    path = report_path(source.name, output)
    mark = mark_of(source, options)
    report = read_report(path, mark, output)
    if report is not None:
        return report
    kinds: dict[str, list[Packed]] = {}
    report = {"format": FORMAT, "name": source.name, "mark": mark, "problems": []}
    report["left_out"] = None
    try:
        kinds = _pack(source, options, report)
    except (ValueError, cv2.error) as error:
        report["problems"].append(str(error))
    shards, samples = {}, {}
    for kind, packed in kinds.items():
        shard = f"{file_name(source.name, ascii_only=True)}.{kind}.tfrecord"
        size = write_shard(output / "shards" / shard, (p.record for p in packed))
        shards[kind] = [shard, size]
        samples[kind] = [[p.name, *p.window] for p in packed]
    report |= {"shards": shards, "samples": samples}
    write_text(path, json.dumps(report) + "\n")
    return report


def report_path(name: str, output: Path) -> Path:
    """Return where the report of a source of that name is written."""
    return output / "sources" / f"{file_name(name, ascii_only=True)}.json"


def read_report(path: Path, mark: str, output: Path) -> dict[str, Any] | None:
    """Return the report of a source that is done, None when there is work to do."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        is_same = (report["format"], report["mark"]) == (FORMAT, mark)
        for name, size in report["shards"].values():
            is_same &= (output / "shards" / name).stat().st_size == size
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return report if is_same else None


def mark_of(source: Source, options: Preparation) -> str:
    """Return what changes with the options and a source's files: their sizes and times.

    Of folders it is the time, which changes when a file is added, removed or renamed.
    """
    stills = source.stills if isinstance(source, StillsPart) else (source,)
    described = [
        [_describe(v) if isinstance(v, Path) else repr(v) for v in still]
        for still in stills
    ]
    return hashlib.sha256(json.dumps([described, options]).encode()).hexdigest()[:16]


class Packed(NamedTuple):
    """One sample as it is written: name, window (4,), pixels of the face, record."""

    name: str
    window: tuple[float, ...]
    face: float
    record: bytes


def pack_sample(sample: Samples, quality: int) -> Packed:
    """Return the record of a sample (n = 1), and what the index says of it."""
    matrix = sample.matrix[0]
    corners = np.array([[-0.5, -0.5], [STORED_SIZE - 0.5, STORED_SIZE - 0.5]])
    window = apply_matrix(invert_matrix(matrix), corners).ravel()
    face = FACE_IN_CROP / float(np.hypot(*matrix[:, 0]))
    rounded = tuple(round(float(v), 2) for v in window)
    return Packed(sample.names[0], rounded, face, pack(sample, quality))


def _pack(
    source: Source, options: Preparation, report: dict[str, Any]
) -> dict[str, list[Packed]]:
    """Return the records of a source by kind; add to its report."""
    packer = partial(pack_sample, quality=options.quality)
    if isinstance(source, StillsPart):
        packed = [packer(s) for s in _cut_stills(source, report["problems"])]
        report["face"] = _median_face(packed)
        return {"stills": packed}
    wanted = PairOptions(
        options.pairs_per_clip,
        options.seed,
        find_face_boxes,
        options.rule,
        options.frames,
    )
    packed, found = pack_pairs(source, wanted, packer)
    report["problems"] += [found.pop("problem")] if "problem" in found else []
    report |= found | {"face": _median_face(packed)}
    if isinstance(source, Sequence300VW):
        frames = annotated_frames(source)
        annotated, problems = pack_annotated(source, frames, packer)
        # A malformed annotation may have been met at its pair already.
        said = report["problems"]
        said += [problem for problem in problems if problem not in said]
        report["annotated_frames"] = len(frames)
        return {"pairs": packed, "annotated": annotated}
    report["left_out"] = _reason_against(packed, found, options)
    if report["left_out"]:
        # One is kept to be looked at.
        return {"left_out": packed[len(packed) // 2 :][:1]}
    return {"pairs": packed}


def _reason_against(
    packed: list[Packed], found: dict[str, Any], options: Preparation
) -> str | None:
    searched = len(packed) + len(found["frames_without_face"])
    face, share = _median_face(packed), len(packed) / max(1, searched)
    if packed and face < options.min_face:
        return f"faces of {face:.0f} pixels (median), below {options.min_face:g}"
    if packed and share < options.min_found:
        return (
            f"a face in {len(packed)} of {searched} frames searched, below "
            f"{options.min_found:.0%}"
        )
    return None


def _cut_stills(part: StillsPart, problems: list[str]) -> Iterator[Samples]:
    for still in part.stills:
        try:
            yield cut_still(still, "landmarks")
        except ValueError as error:
            problems.append(str(error))


def _median_face(packed: list[Packed]) -> float | None:
    return round(float(np.median([p.face for p in packed])), 1) if packed else None


def _describe(path: Path) -> list:
    try:
        status = path.stat()
    except OSError:
        return [path.name, None]
    return [path.name, status.st_size, status.st_mtime_ns]
