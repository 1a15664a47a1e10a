"""Reads the folders of a user into the crop stores of S and D."""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from data_pipeline.crops.face_boxes import BoxFinder, find_face_boxes
from data_pipeline.datasets.labelled_stills import list_labelled
from data_pipeline.datasets.three_hundred_w import (
    Problem,
    Still,
    files_beside_stills,
)
from data_pipeline.media.suffixes import report_passed_over
from data_pipeline.stores.clip_sources import Unlabelled
from data_pipeline.stores.prepared import PreparedPart, is_prepared, list_prepared
from data_pipeline.stores.store import (
    CropStore,
    build_annotated_store,
    build_pair_store,
    build_still_store,
)
from strrn_tf.config import RunConfig


def read_stills(
    root: Path, cache: Path, mapping: Path | None = None, mark: str | None = None
) -> CropStore:
    """Return the store of the annotated training stills.

    Stills that are left out, and those that lack points, are counted on stderr.

    Args:
        root: stills in any layout of `labelled_stills`, or prepared.
        cache: folder of the stores.
        mapping: mapping file of the stills, see `labelled_stills`.
        mark: of missing points, beside those that are always known.
    """
    found, left_out = find_stills(root, mapping, mark)
    if not is_prepared(root):
        report_passed_over(files_beside_stills(root), root)
    store = build_still_store(cache / "stills", found)
    problems = [(p.name, p.reason) for p in left_out]
    problems += [(p["name"], p["reason"]) for p in store.report["problems"]]
    report_left_out("stills", problems, len(store))
    report_partial(store, {s.name: s.remark for s in found if isinstance(s, Still)})
    return store


def report_partial(store: CropStore, remarks: Mapping[str, str]) -> None:
    """Print to stderr how many samples lack points, with an example.

    Args:
        store: of annotated samples.
        remarks: what each still lacks, by its name.
    """
    known = np.isfinite(store.landmarks[:, 0]).all(-1)
    partial = np.flatnonzero(~known.all(-1))
    if not len(partial):
        return
    name = store.names[partial[0]]
    lacking = remarks.get(name) or f"{known[partial[0]].sum()} of 68 points are there"
    _warn(
        f"{len(partial)} of {len(store)} stills are annotated in part: {name}: "
        f"{lacking}. They teach the points that they have"
    )


def find_stills(
    root: Path, mapping: Path | None = None, mark: str | None = None
) -> tuple[Sequence[Still | PreparedPart], Sequence[Problem]]:
    """Return the annotated training stills of a path, and the problems of others.

    Args:
        root: as for `read_stills`.
        mapping: as for `read_stills`.
        mark: as for `read_stills`.

    Raises:
        ValueError: there are none.
    """
    if is_prepared(root):
        if mapping is not None or mark is not None:
            raise ValueError(
                f"{root} is prepared: --mapping and --missing-mark belong to "
                "strrn prepare"
            )
        found = list_prepared(root, "stills")
        if not found:
            raise ValueError(f"{root} was prepared and holds no stills")
        return found, ()
    stills = list_labelled(root, "train", mapping=mapping, mark=mark)
    return stills, stills.problems


def find_unlabelled(data_root: Path | None, folders: Sequence[Path]) -> Unlabelled:
    """Return the clips in some folders, or else in ``300vw/`` of ``data_root``.

    Raises:
        ValueError: there are none.
    """
    if not folders and data_root and (data_root / "300vw").is_dir():
        folders = [data_root / "300vw"]
    if not folders:
        raise ValueError(
            "no unlabelled clips: give --unlabelled DIR, or --rounds 0 to train on "
            "stills alone"
        )
    return Unlabelled(folders)


def read_annotation(
    data_root: Path | None,
    folders: Sequence[Path],
    cache: Path,
    clips: CropStore | None,
    config: RunConfig,
) -> tuple[CropStore | None, np.ndarray | None]:
    """Return the annotated frames for Semi-STRRN, and the folder of every pair.

    Args:
        data_root: as for `read_clips`.
        folders: as for `read_clips`.
        cache: folder of the stores.
        clips: store that `read_clips` returned.
        config: ``annotated_fraction`` and ``source_shares`` decide the results.

    Returns:
        The store of annotated frames, or None without ``annotated_fraction``; and the
        numbers (N,) of the folders of the pairs, or None without either.
    """
    algorithm = config.algorithm
    if not (algorithm.annotated_fraction or algorithm.source_shares):
        return None, None
    found = find_unlabelled(data_root, folders)
    source = found.folder_of(clips.names) if clips else None
    if not algorithm.annotated_fraction:
        return None, source
    fraction, seed = algorithm.annotated_fraction, config.seed
    return read_annotated(found, cache, fraction=fraction, seed=seed), source


def read_annotated(
    found: Unlabelled, cache: Path, *, fraction: float, seed: int
) -> CropStore:
    """Return the store of annotated video frames, a fraction of every sequence.

    Args:
        found: sequences and clips. Only annotated ones count.
        cache: folder of the stores.
        fraction: in 0 to 1.
        seed: decides the choice of frames.

    Raises:
        ValueError: there is no annotated frame.
    """
    if not found.annotated:
        raise ValueError(
            f"`annotated_fraction` is {fraction}, but no clip is annotated: give "
            "sequences in the 300VW layout (or prepared ones), or 0"
        )
    store = build_annotated_store(
        cache / "annotated", found.annotated, fraction=fraction, seed=seed
    )
    problems = [(p["name"], p["reason"]) for p in store.report["problems"]]
    report_left_out("sequences", problems, len(found.annotated) - len(problems))
    return store


def read_clips(
    data_root: Path | None,
    folders: Sequence[Path],
    cache: Path,
    *,
    pairs_per_clip: int,
    seed: int,
    frames: int = 2,
    box_finder: BoxFinder | None = None,
) -> CropStore:
    """Return the store of consecutive frames of unlabelled clips.

    Args:
        data_root: its ``300vw/`` is used without ``folders``.
        folders: of videos and numbered images, 300VW, or prepared.
        cache: folder of the stores.
        pairs_per_clip: as for ``build_pair_store``.
        seed: as for ``build_pair_store``.
        frames: 2 for pairs, 3 for SBR.
        box_finder: function from an image to face boxes; None for MTCNN.

    Raises:
        ValueError: there are no clips, or no faces in them.
    """
    found = find_unlabelled(data_root, folders)
    videos = found.videos
    report_passed_over(found.passed_over)
    if found.held_out:
        _warn(
            f"{len(found.held_out)} test sequences of 300VW left out: not learnt from"
        )
    store = build_pair_store(
        cache / {2: "clips", 3: "triplets"}[frames],
        videos,
        pairs_per_clip=pairs_per_clip,
        seed=seed,
        box_finder=box_finder or find_face_boxes,
        frames=frames,
    )
    problems = [(p["name"], p["reason"]) for p in store.report["problems"]]
    report_left_out("clips", problems, len(videos) - len(problems))
    left_out = {name for name, _ in problems}
    faceless = sum(
        len(report.get("frames_without_face", ()))
        for name, report in store.report["sources"].items()
        if name not in left_out
    )
    if faceless:
        _warn(f"{faceless} frames of the clips show no face and were left out")
    if problems or faceless:
        _warn(f"each is named in {store.folder / 'report.json'}")
    return store


def report_left_out(
    what: str, problems: Sequence[tuple[object, str]], kept: int
) -> None:
    """Print to stderr the number of sources left out for each rule, with an example.

    The example has its file, its line, the rule and what was found.

    Args:
        what: kind of source, such as "stills".
        problems: names and reasons.
        kept: number of sources that were not left out.
    """
    rules = Counter(_rule(reason) for _, reason in problems)
    for rule, count in rules.items():
        example = next((n, r) for n, r in problems if _rule(r) == rule)
        name, reason = map(str, example)
        shown = _shorten(reason, name)
        _warn(f"{count} of {kept + len(problems)} {what} left out: {name}: {shown}")


def _shorten(reason: str, name: str) -> str:
    """Return a reason without the folder of its file, and without a repeated name."""
    place, separator, rest = reason.partition(": ")
    if not separator:
        return reason
    place = Path(place).name
    return rest if place == Path(name).name else f"{place}: {rest}"


def _rule(reason: str) -> str:
    """Return the rule of a reason, without file, place and what was found."""
    return reason.partition(". Received: ")[0].rpartition(": ")[2]


def _warn(line: str) -> None:
    print(line, file=sys.stderr)
