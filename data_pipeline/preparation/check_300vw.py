"""Compares 300VW on disk with the published sequences, frames and error frames."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from data_pipeline.crops.annotated import annotated_frames
from data_pipeline.datasets.three_hundred_vw import (
    NUM_DROPPED,
    NUM_TRAINING_FRAMES,
    SPLITS,
    Sequence300VW,
    find_sequence,
    sequence_ids,
)
from data_pipeline.media.video import open_video
from data_pipeline.preparation.finding import Finding, Listing


def list_300vw(root: Path) -> Listing:
    """Return the training sequences, and the differences of all 114 sequences.

    Test sequences are only compared, because evaluation reads the original files.

    Raises:
        ValueError: there is no sequence.
    """
    findings: list[Finding] = []
    found: dict[str | int, list[Sequence300VW]] = {}
    frames: dict[str, int] = {}
    for split in SPLITS:
        found[split] = list(_find(root, split, findings))
        for sequence in found[split]:
            frames[sequence.name] = _check_sequence(sequence, findings)
    if not any(found.values()):
        raise ValueError(
            f"{root}: no sequence of 300VW is here. Expected: folders such as 001/ "
            "with vid.avi and annot/000001.pts"
        )
    findings += _check_totals(root, found, frames)
    findings += _check_names(root)
    return Listing(found["train"], findings)


def check_test_sets(root: Path, categories: Iterable[int]) -> list[Finding]:
    """Return the differences of test sequences from the published ones.

    If all lengths differ, the clips are not 300VW, and one finding reports that.
    """
    findings: list[Finding] = []
    found = {c: list(_find(root, c, findings)) for c in categories}
    sequences = [sequence for some in found.values() for sequence in some]
    frames = {s.name: _check_sequence(s, findings) for s in sequences}
    if all(frames[s.name] != s.num_frames for s in sequences):
        what = "are not those of 300VW, by their lengths: no published figure compares"
        return [Finding("clips", what)]
    return [*findings, *_check_totals(root, found, frames)]


def _find(
    root: Path, split: str | int, findings: list[Finding]
) -> Iterator[Sequence300VW]:
    """Yield the sequences of a split, and add findings for the missing ones."""
    ids = sequence_ids(split)
    missing = []
    for name in ids:
        try:
            sequence = find_sequence(root, name)
        except ValueError as error:
            findings.append(Finding(name, f"left out: {error}"))
            continue
        if sequence is not None:
            yield sequence
        elif (root / name).exists():
            findings.append(Finding(name, "has no video (vid.avi)"))
        else:
            missing.append(name)
    if missing:
        what = f"{len(missing)} of {len(ids)} sequences are missing: "
        findings.append(Finding(_title(split), what + " ".join(missing)))


def _check_sequence(sequence: Sequence300VW, findings: list[Finding]) -> int:
    """Compare a sequence with its annotation and published length.

    Returns:
        The number of frames that the video announces.
    """

    def report(what: str) -> None:
        findings.append(Finding(sequence.name, what))

    try:
        frames = open_video(sequence.video_path).num_frames_hint or 0
    except ValueError as error:
        report(str(error))
        return 0
    if sequence.num_frames not in (None, frames):
        report(f"{frames} frames, {sequence.num_frames} were published")
    if sequence.annotations is None:
        report("has no folder annot/")
        return frames
    numbers = annotated_frames(sequence._replace(dropped=frozenset()))
    missing = sorted(set(range(frames)) - set(numbers))
    if missing:
        first = f"{missing[0] + 1:06d}.pts"
        report(f"{len(missing)} of {frames} frames have no annotation, first {first}")
    beyond = [n for n in numbers if n >= frames]
    if beyond:
        first = f"{beyond[0] + 1:06d}.pts"
        report(
            f"{len(beyond)} annotations are beyond its {frames} frames, first {first}"
        )
    late = sorted(n for n in sequence.dropped if n >= frames)
    if late:
        report(
            f"its list of error frames goes to {late[-1] + 1}, the video to {frames}"
        )
    return frames


def _check_totals(
    root: Path, found: dict[str | int, list[Sequence300VW]], frames: dict[str, int]
) -> Iterator[Finding]:
    """Compare published sums of the splits that are complete."""
    for split in found:
        if len(found[split]) < len(sequence_ids(split)):
            continue
        if split == "train":
            total = sum(frames[sequence.name] for sequence in found[split])
            if total != NUM_TRAINING_FRAMES:
                what = f"{total} frames, {NUM_TRAINING_FRAMES} were published"
                yield Finding(_title(split), what)
            continue
        dropped = sum(len(sequence.dropped) for sequence in found[split])
        if dropped != NUM_DROPPED[split]:
            what = f"{dropped} error frames are listed, {NUM_DROPPED[split]} published"
            yield Finding(_title(split), what)
    is_test_here = any(some for split, some in found.items() if split != "train")
    if is_test_here and not any((root / n).exists() for n in ("extra", "extra.zip")):
        what = "is missing: badly annotated test frames cannot be told from the others"
        yield Finding("extra.zip", what)


def _check_names(root: Path) -> list[Finding]:
    known = {name for split in SPLITS for name in sequence_ids(split)}
    others = sorted(
        path.name
        for path in root.iterdir()
        if path.is_dir() and path.name.isdigit() and path.name not in known
    )
    return [
        Finding(name, "is no sequence of 300VW and was left out") for name in others
    ]


def _title(split: str | int) -> str:
    return "training set" if split == "train" else f"category {split}"
