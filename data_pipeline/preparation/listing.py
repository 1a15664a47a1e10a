"""Lists the sources of a data set on disk, and compares it with the published one."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from data_pipeline.datasets import youtube_faces
from data_pipeline.datasets.clips import files_in_no_clip, list_clips
from data_pipeline.datasets.labelled_stills import list_labelled
from data_pipeline.datasets.three_hundred_vw import is_test_video
from data_pipeline.datasets.three_hundred_w import (
    IMAGE_COUNTS,
    SPLITS,
    Still,
    Stills,
    files_beside_stills,
)
from data_pipeline.datasets.youtube_celebrities import (
    NUM_CLIPS,
    NUM_PEOPLE,
    celebrity,
    list_celebrity_clips,
)
from data_pipeline.datasets.youtube_faces import (
    BOXES_SUFFIX,
    FacesClip,
    list_faces_clips,
)
from data_pipeline.media.suffixes import is_image, passed_over
from data_pipeline.preparation.check_300vw import list_300vw
from data_pipeline.preparation.finding import Finding, Listing
from data_pipeline.preparation.work import StillsPart

Dataset = Literal[
    "300w", "300vw", "youtube-faces", "youtube-celebrities", "stills", "videos"
]
# Stills that are prepared together. A kill loses at most this many.
STILLS_PER_PART = 64
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".rar", ".7z")


def list_dataset(
    dataset: Dataset,
    root: str | Path,
    mapping: str | Path | None = None,
    mark: str | None = None,
) -> Listing:
    """Return the sources of a data set, and all differences from the published one.

    Args:
        dataset: name of the data set; "stills" for any annotated stills, "videos" for
            any folder of videos.
        root: folder of the unpacked data set, or a file of COCO keypoints.
        mapping: mapping file of stills, see `labelled_stills`.
        mark: of missing points, beside those that are always known.

    Raises:
        ValueError: there is no such folder, or nothing of the data set in it.
    """
    root = Path(root).absolute()  # workers may have another working directory
    if root.is_file() and root.suffix.lower() in ARCHIVES:
        raise ValueError(f"{root} is an archive: unpack it and name the folder")
    if not root.is_dir() and not (dataset in ("stills", "videos") and root.is_file()):
        raise ValueError(f"{root}: there is no such folder")
    if dataset == "stills" or (dataset == "300w" and mapping):
        return _list_stills(root, mapping, mark)
    if dataset == "300w":
        return _list_300w(root, mark)
    return _LISTERS[dataset](root)


def _list_stills(root: Path, mapping: str | Path | None, mark: str | None) -> Listing:
    stills = list_labelled(root, "train", mapping=mapping, mark=mark)
    findings = [Finding(p.name, p.reason) for p in stills.problems]
    if any(still.landmarks_path.suffix.lower() == ".pts" for still in stills):
        findings += _landmarks_without_image(root, stills)
    findings += _missing_points(stills)
    if root.is_dir() and (others := files_beside_stills(root)):
        findings.append(Finding(root.name, passed_over(others)))
    return Listing(_parts(stills), findings)


def _list_300w(root: Path, mark: str | None) -> Listing:
    stills = {split: _stills(root, split, mark) for split in SPLITS}
    train, test = (stills[split] for split in SPLITS)
    if train is None:
        list_labelled(root, "train", mark=mark)  # raises the error
    is_whole = not any(is_image(path) for path in root.iterdir())
    findings = list(_count_300w(root, train, test)) if is_whole else []
    if not is_whole:
        what = "holds images itself: counts of 300-W are not compared"
        findings.append(Finding(root.name, what))
    listed = [train, *([test] if test and is_whole else [])]
    for group in listed:
        findings += [Finding(p.name, p.reason) for p in group.problems]
        findings += _landmarks_without_image(root, group)
        findings += _missing_points(group)
    if others := files_beside_stills(root):
        findings.append(Finding(root.name, passed_over(others)))
    return Listing(_parts(train), findings)


def _parts(stills: Iterable[Still]) -> list[StillsPart]:
    """Return the stills folder by folder, in parts of at most 64."""
    folders: dict[str, list[Still]] = {}
    for still in stills:
        folders.setdefault(_folder(still), []).append(still)
    return [
        StillsPart(
            f"{folder}[{start // STILLS_PER_PART:03d}]",
            tuple(members[start : start + STILLS_PER_PART]),
        )
        for folder, members in folders.items()
        for start in range(0, len(members), STILLS_PER_PART)
    ]


def _stills(root: Path, split: str, mark: str | None) -> Stills | None:
    try:
        return list_labelled(root, split, mark=mark)
    except ValueError:
        return None


def _missing_points(stills: Iterable[Still]) -> list[Finding]:
    """Return a finding for every still with points that are marked as missing."""
    return [Finding(still.name, still.remark) for still in stills if still.remark]


def _folder(still: Still) -> str:
    return still.name.rpartition("/")[0] or still.image_path.parent.name


def _count_300w(root: Path, train: Stills, test: Stills | None) -> Iterator[Finding]:
    counts = Counter(_folder(still) for still in (*train, *(test or ())))
    for folder, published in IMAGE_COUNTS.items():
        if not (root / folder).is_dir():
            yield Finding(folder, f"is missing ({published} images)")
        elif counts[folder] != published:
            what = f"{counts[folder]} of {published} images with landmarks"
            yield Finding(folder, what)
    sets = {
        "training": ("afw", "helen/trainset", "lfpw/trainset"),
        "common test": ("helen/testset", "lfpw/testset"),
        "challenging test": ("ibug",),
    }
    for name, folders in sets.items():
        found = sum(counts[folder] for folder in folders)
        published = sum(IMAGE_COUNTS[folder] for folder in folders)
        if found != published:
            yield Finding(f"{name} set", f"{found} of {published} images")


def _landmarks_without_image(root: Path, stills: Stills) -> list[Finding]:
    """Return a finding for every `.pts` file without an image beside it."""
    known = {s.landmarks_path for s in stills}
    known |= {(root / p.name).with_suffix(".pts") for p in stills.problems}
    folders = {path.parent for path in known}
    without_image = sorted(
        path for f in folders for path in f.glob("*.pts") if path not in known
    )
    return [
        Finding(path.relative_to(root).as_posix(), "has no image beside it")
        for path in without_image
    ]


def _list_faces(root: Path) -> Listing:
    clips = list_faces_clips(root)
    people = {clip.name.rpartition("/")[0] for clip in clips}
    findings = _compare("clips", len(clips), youtube_faces.NUM_CLIPS)
    findings += _compare("people", len(people), youtube_faces.NUM_PEOPLE)
    findings += _faces_without_boxes(clips)
    base = clips[0].video_path.parents[1]
    described = {
        p.name.removesuffix(BOXES_SUFFIX) for p in base.glob(f"*{BOXES_SUFFIX}")
    }
    findings += [
        Finding(name, f"has {name}{BOXES_SUFFIX}, but no folder of clips")
        for name in sorted(described - people)
    ]
    return Listing(clips, findings)


def _faces_without_boxes(clips: Sequence[FacesClip]) -> list[Finding]:
    bare = {c.video_path.parent.name for c in clips if c.boxes_path is None}
    what = f"has no {{}}{BOXES_SUFFIX}: faces are searched"
    return [Finding(name, what.format(name)) for name in sorted(bare)]


def _list_celebrities(root: Path) -> Listing:
    clips, others = list_celebrity_clips(root)
    parsed = [celebrity(clip.name) for clip in clips]
    findings = _compare("clips", len(clips), NUM_CLIPS)
    findings += _compare("people", len({c.name for c in parsed}), NUM_PEOPLE)
    numbers = Counter(c.number for c in parsed)
    findings += [
        Finding(f"{number:04d}", f"{count} clips have this number")
        for number, count in sorted(numbers.items())
        if count > 1
    ]
    what = "is not named as a clip of YouTube Celebrities and was left out"
    return Listing(clips, findings + [Finding(name, what) for name in others])


def _list_videos(root: Path) -> Listing:
    archives = [] if root.is_file() else sorted(root.rglob("*"))
    what = "is an archive and was left out: unpack it"
    findings = [
        Finding(path.relative_to(root).as_posix(), what)
        for path in archives
        if path.suffix.lower() in ARCHIVES and path.is_file()
    ]
    clips = list_clips(root)
    others = files_in_no_clip([root])
    others = [name for name in others if not name.lower().endswith(ARCHIVES)]
    if others:
        findings.append(Finding(root.name, passed_over(others)))
    if root.is_dir():
        what = "is a test sequence of 300VW and was left out: not to be learnt from"
        test = [c for c in clips if is_test_video(c.video_path)]
        findings += [Finding(clip.name, what) for clip in test]
        clips = [clip for clip in clips if clip not in test]
    if not clips:
        raise ValueError(f"{root}: only test sequences of 300VW are here")
    return Listing(clips, findings)


def _compare(what: str, found: int, published: int) -> list[Finding]:
    if found == published:
        return []
    return [Finding(what, f"{found} of {published}")]


_LISTERS: dict[str, Callable[[Path], Listing]] = {
    "300vw": list_300vw,
    "youtube-faces": _list_faces,
    "youtube-celebrities": _list_celebrities,
    "videos": _list_videos,
}
