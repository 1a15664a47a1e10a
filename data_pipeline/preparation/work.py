"""The preparation of one source, a function that can be mapped over all sources.

`prepare_source` depends only on its arguments, so processes or machines can prepare
sources in any order. Two sources share no file.
"""

import hashlib
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from data_pipeline.annotations.reading import Labels
from data_pipeline.crops.annotated import annotated_frames, pack_annotated
from data_pipeline.crops.face_boxes import BoxFinder, find_face_boxes
from data_pipeline.crops.fingerprints import describe_source
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

# Format of the files. Those of another format are prepared again.
FORMAT = 1
FACE_IN_CROP = CROP_SIZE / CROP_MARGIN


class StillsPart(NamedTuple):
    """Some stills of one folder that are prepared together: `helen/trainset[002]`."""

    name: str
    stills: tuple[Still, ...]


Source = StillsPart | Clip | Sequence300VW | FacesClip


class Preparation(NamedTuple):
    """Options of the preparation.

    Attributes:
        pairs_per_clip: number of pairs of consecutive frames per clip, spread evenly.
        seed: decides the position of each pair in its section of the clip.
        rule: choice among several faces, "largest" or "central".
        min_face: smallest face in pixels: median over a clip of the larger side of the
            landmark box. Smaller clips are left out, annotated sequences never.
        min_found: smallest fraction of the searched frames that show a face.
        quality: of the JPEG crops, 1 to 100.
        frames: number of consecutive frames of a sample: 2 for pairs, 3 also for SBR.
    """

    pairs_per_clip: int = 20
    seed: int = 0
    rule: str = "largest"
    min_face: float = 50.0
    min_found: float = 0.5
    quality: int = 95
    frames: int = 2


def prepare_source(
    source: Source,
    options: Preparation,
    output: Path,
    *,
    box_finder: BoxFinder | None = None,
) -> dict[str, Any]:
    """Write the shards of one source and, last, its report.

    A source with the same files and options is not prepared twice. A broken source
    gives a report with its problems, not an error.

    Args:
        source: stills, a clip, or a sequence.
        options: the same for all sources of an output.
        output: folder. Files are written to ``shards/`` and ``sources/`` in it.
        box_finder: function from an image to face boxes; None for MTCNN.

    Returns:
        The report, which is also in ``sources/<file name>.json``. ``shards`` maps a
        kind to file name and bytes. ``samples`` maps a kind to one row per sample: name
        and window x0, y0, x1, y1 in pixels of the image. ``face`` is the median size in
        pixels. ``left_out`` is the reason of the filter, or None. There are also
        ``name``, ``problems`` and counts.

    Raises:
        OSError: the output cannot be written.
    """
    path = report_path(source.name, output)
    fingerprint = source_fingerprint(source, options)
    report = read_report(path, fingerprint, output)
    if report is not None:
        return report
    kinds: dict[str, list[Packed]] = {}
    # Reports of all versions call the fingerprint "mark".
    report = {"format": FORMAT, "name": source.name, "mark": fingerprint}
    report |= {"problems": [], "left_out": None}
    try:
        kinds = _pack(source, options, report, box_finder or find_face_boxes)
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
    """Return the path of the report of a source."""
    return output / "sources" / f"{file_name(name, ascii_only=True)}.json"


def read_report(path: Path, fingerprint: str, output: Path) -> dict[str, Any] | None:
    """Return the report of a finished source, or None if there is work to do."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        is_current = (report["format"], report["mark"]) == (FORMAT, fingerprint)
        for name, size in report["shards"].values():
            is_current &= (output / "shards" / name).stat().st_size == size
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return report if is_current else None


def source_fingerprint(source: Source, options: Preparation) -> str:
    """Return a digest of the options and of the sizes and times of a source's files.

    The time of a folder changes when a file is added, removed or renamed.
    """
    stills = source.stills if isinstance(source, StillsPart) else (source,)
    described = [describe_source(still, _describe) for still in stills]
    return hashlib.sha256(json.dumps([described, options]).encode()).hexdigest()[:16]


class Packed(NamedTuple):
    """One sample of a shard: name, window (4,), size of the face, record."""

    name: str
    window: tuple[float, ...]
    face: float
    record: bytes


def pack_sample(sample: Samples, quality: int) -> Packed:
    """Return the record of a sample (n = 1), with its entry of the index."""
    matrix = sample.matrix[0]
    corners = np.array([[-0.5, -0.5], [STORED_SIZE - 0.5, STORED_SIZE - 0.5]])
    window = apply_matrix(invert_matrix(matrix), corners).ravel()
    face = FACE_IN_CROP / float(np.hypot(*matrix[:, 0]))
    rounded = tuple(round(float(v), 2) for v in window)
    return Packed(sample.names[0], rounded, face, pack(sample, quality))


def _pack(
    source: Source,
    options: Preparation,
    report: dict[str, Any],
    box_finder: BoxFinder,
) -> dict[str, list[Packed]]:
    """Return the records of a source by kind, and extend its report."""
    packer = partial(pack_sample, quality=options.quality)
    if isinstance(source, StillsPart):
        packed = [packer(s) for s in _cut_stills(source, report["problems"])]
        report["face"] = _median_face(packed)
        return {"stills": packed}
    wanted = PairOptions(
        options.pairs_per_clip,
        options.seed,
        box_finder,
        options.rule,
        options.frames,
    )
    packed, found = pack_pairs(source, wanted, packer)
    report["problems"] += [found.pop("problem")] if "problem" in found else []
    report |= found | {"face": _median_face(packed)}
    if isinstance(source, Sequence300VW):
        frames = annotated_frames(source)
        annotated, problems = pack_annotated(source, frames, packer)
        # The pairs may have reported the same malformed annotation.
        known = report["problems"]
        known += [problem for problem in problems if problem not in known]
        report["annotated_frames"] = len(frames)
        return {"pairs": packed, "annotated": annotated}
    report["left_out"] = _reason_against(packed, found, options)
    if report["left_out"]:
        # One sample is kept for the picture of the report.
        return {"left_out": packed[len(packed) // 2 :][:1]}
    return {"pairs": packed}


def _reason_against(
    packed: list[Packed], found: dict[str, Any], options: Preparation
) -> str | None:
    searched = len(packed) + len(found["frames_without_face"])
    face, found_fraction = _median_face(packed), len(packed) / max(1, searched)
    if packed and face < options.min_face:
        return f"faces of {face:.0f} pixels (median), below {options.min_face:g}"
    if packed and found_fraction < options.min_found:
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


def _describe(value: Any) -> Any:
    if isinstance(value, Labels):
        return [_describe(part) for part in value]
    if not isinstance(value, Path):
        return repr(value)
    try:
        status = value.stat()
    except OSError:
        return [value.name, None]
    return [value.name, status.st_size, status.st_mtime_ns]
