"""From the folders that a user names to the crop stores of S and D."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from data_pipeline.clips import Clip, list_clips
from data_pipeline.face_boxes import find_face_boxes
from data_pipeline.store import CropStore, build_pair_store, build_still_store
from data_pipeline.three_hundred_vw import Sequence300VW, list_sequences
from data_pipeline.three_hundred_w import list_stills


def read_stills(root: Path, cache: Path) -> CropStore:
    """Return the store of the annotated training stills in the 300-W layout.

    Stills that had to be left out are counted on stderr.
    """
    found = list_stills(root, "train")
    store = build_still_store(cache / "stills", found)
    problems = [(p.name, p.reason) for p in found.problems]
    problems += [(p["name"], p["reason"]) for p in store.report["problems"]]
    tell_left_out("stills", problems, len(store))
    return store


def read_clips(
    data_root: Path | None,
    folders: Sequence[Path],
    cache: Path,
    *,
    pairs_per_clip: int,
    seed: int,
    frames: int = 2,
) -> CropStore:
    """Return the store of consecutive frames of unlabelled clips.

    Args:
        data_root: its ``300vw/`` is used when no folders are given.
        folders: of videos and numbered images.
        cache: where stores lie.
        pairs_per_clip: see ``build_pair_store``.
        seed: the same.
        frames: 2 for pairs, 3 for SBR.

    Raises:
        ValueError: there are no clips, or no faces in them.
    """
    videos: Sequence[Clip | Sequence300VW] = []
    if folders:
        videos = list_clips(folders)
    elif data_root and (data_root / "300vw").is_dir():
        videos = list_sequences(data_root / "300vw", "train")
    if not videos:
        raise ValueError(
            "no unlabelled clips: give --unlabelled DIR, or --rounds 0 to train on "
            "stills alone"
        )
    store = build_pair_store(
        cache / {2: "clips", 3: "triplets"}[frames],
        videos,
        pairs_per_clip=pairs_per_clip,
        seed=seed,
        box_finder=find_face_boxes,
        frames=frames,
    )
    problems = [(p["name"], p["reason"]) for p in store.report["problems"]]
    tell_left_out("clips", problems, len(videos) - len(problems))
    sources = store.report["sources"].values()
    faceless = sum(len(report.get("frames_without_face", ())) for report in sources)
    if faceless:
        _say(f"{faceless} frames of the clips show no face and were left out")
    if problems or faceless:
        _say(f"each is named in {store.folder / 'report.json'}")
    return store


def tell_left_out(what: str, problems: Sequence[tuple[object, str]], kept: int) -> None:
    """Count on stderr what was left out, by reason, with one example each.

    Args:
        what: such as "stills".
        problems: names and reasons.
        kept: number of those that were not left out.
    """
    reasons = Counter(_kind(reason) for _, reason in problems)
    for reason, count in reasons.items():
        name = next(str(n) for n, r in problems if _kind(r) == reason)
        _say(f"{count} of {kept + len(problems)} {what} left out: {name}: {reason}")


def _kind(reason: str) -> str:
    """Return a reason without the file that it begins with."""
    return reason.rpartition(": ")[2]


def _say(line: str) -> None:
    print(line, file=sys.stderr)
