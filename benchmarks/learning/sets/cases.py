"""The sets of ``do_no_harm``: what is learnt, and which stills are scored."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.learning.domain_shift import divide_pictures
from benchmarks.learning.sets.spoiled import (
    chosen_stills,
    spoiled_clips,
    spoiled_stills,
    unspoiled,
)
from data_pipeline.animation.spoiled_clip import ALL_SPOILS
from data_pipeline.crops.fingerprints import fingerprint
from strrn_tf.tracking.networks.model_folder import load

if TYPE_CHECKING:
    from data_pipeline.datasets.three_hundred_w import Still

FEWEST, MOST = 3, 5


@dataclass(frozen=True, kw_only=True)
class Options:
    """Data, models, and where results are kept."""

    clips: Path | None = None
    """Folder of videos without annotations."""
    test: Path | None = None
    """Folder of annotated stills, on which what --clips taught is scored."""
    shifted: tuple[Path, ...] = ()
    """Folders of annotated pictures of another kind, a set each. A mapping.json in a
    folder tells which points its annotations have."""
    degraded: Path | None = None
    """Folder of annotated stills that are spoiled."""
    moments: Path | None = None
    """Folder of annotated stills that are animated and spoiled for moments. Every third
    still is the test."""
    clean: Path | None = None
    """Folder of annotated stills of ordinary faces, on which --shifted is scored too.
    --degraded and --moments have their stills before they were spoiled."""
    kinds: tuple[str, ...] = tuple(ALL_SPOILS)
    """Kinds of spoiling for --degraded and --moments."""
    clips_of_moments: int = 48
    """Number of animated stills."""
    sets: int = 20
    """Number of sets of clips."""
    seed: int = 0
    """Draws the sets of clips, and how pictures are spoiled. It is that of every
    training too."""
    init: Path = Path("strrn-fast")
    """Model that is trained further."""
    second: Path = Path("strrn-mdm")
    """Model that labels beside it."""
    judge: Path = Path("strrn-hgn")
    """Model that judges."""
    train: str = ""
    """Further options of `strrn train`, such as "--pairs-per-clip=6 --threads=1"."""
    output: Path = Path("runs/do-no-harm")
    """Folder of runs and results."""


class Case(NamedTuple):
    """A set.

    Attributes:
        name: of the set.
        folder: of its run and results.
        data: what is learnt, as arguments of `strrn train`.
        test: stills that are scored.
        owners: group of every test still.
        clean: stills of ordinary faces, which are scored beside the test, or none.
    """

    name: str
    folder: Path
    data: Sequence[str]
    test: Sequence["Still"]
    owners: Sequence[str]
    clean: Sequence["Still"] = ()


def all_cases(options: Options) -> dict[str, Iterator[Case]]:
    """Return the sets of every kind. Their pictures and clips are made one by one."""
    numbers = range(options.sets) if options.clips else ()
    spoiled = options.kinds if options.degraded else ()
    moments = options.kinds if options.moments else ()
    shifted = (shifted_case(options, path) for path in options.shifted)
    degraded = (degraded_case(options, kind) for kind in spoiled)
    return {
        "clips": (clips_case(options, number) for number in numbers),
        "shifted": chain(shifted, degraded),
        "moments": (moments_case(options, kind) for kind in moments),
    }


def clips_case(options: Options, number: int) -> Case:
    """Return a set of clips."""
    from data_pipeline.datasets.three_hundred_w import list_stills
    from data_pipeline.media.suffixes import is_video

    found = sorted(p for p in options.clips.rglob("*") if is_video(p) and p.is_file())
    rng = np.random.default_rng((options.seed, number))
    count = min(int(rng.integers(FEWEST, MOST + 1)), len(found))
    chosen = [found[i] for i in sorted(rng.choice(len(found), count, replace=False))]
    name = f"clips-{options.seed}-{number:02d}"
    folder = folder_of(options, name, [(path,) for path in chosen])
    clips = linked(folder / "clips", chosen)
    test = list_stills(options.test, "test")
    owners = [still.name for still in test]
    return Case(name, folder, ["--unlabelled", str(clips)], test, owners)


def degraded_case(options: Options, kind: str) -> Case:
    """Return the set of pictures that are spoiled in one way."""
    spoiled = spoiled_pictures(options, options.degraded, kind)
    case = shifted_case(options, spoiled, kind)
    return case._replace(clean=unspoiled(options.degraded, case.test))


def shifted_case(options: Options, pictures: Path, kind: str = "") -> Case:
    """Return the set of pictures of a kind, by default called as their folder."""
    from data_pipeline.datasets.three_hundred_w import list_stills

    learnt, test, owners = divide_pictures(pictures)
    name = f"shifted-{kind or pictures.name}"
    folder = folder_of(options, name, learnt)
    links = linked(folder / "pictures", [still.image_path for still in learnt])
    clean = list_stills(options.clean, "test") if options.clean else ()
    return Case(name, folder, ["--photographs", str(links)], test, owners, clean)


def moments_case(options: Options, kind: str) -> Case:
    """Return the set of clips with moments of a kind."""
    learnt, _, _ = divide_pictures(options.moments)
    chosen = chosen_stills(learnt, options.clips_of_moments)
    name = f"moments-{kind}"
    folder = folder_of(options, name, chosen)
    clips = spoiled_clips(folder / "clips", chosen, kind, options.seed)
    spoiled = spoiled_pictures(options, options.moments, kind)
    _, test, owners = divide_pictures(spoiled)
    clean = unspoiled(options.moments, test)
    return Case(name, folder, ["--unlabelled", str(clips)], test, owners, clean)


def spoiled_pictures(options: Options, stills: Path, kind: str) -> Path:
    """Return the folder of spoiled stills, which sets of the same stills share."""
    from data_pipeline.datasets.three_hundred_w import list_stills

    key = fingerprint(list_stills(stills, "test"), seed=options.seed)[:8]
    folder = options.output / "spoiled" / f"{kind}-{key}"
    return spoiled_stills(folder, stills, kind, options.seed)


def folder_of(options: Options, name: str, learnt: Sequence[tuple]) -> Path:
    """Return the folder of a set, another one for other data, models or options."""
    names = options.init, options.second, options.judge
    models = [load(model).tracking_sha256 for model in names]
    key = fingerprint(learnt, models=models, train=options.train, seed=options.seed)[:8]
    return options.output / f"{name}-{key}"


def linked(folder: Path, paths: Sequence[Path]) -> Path:
    """Return a folder of links to files, each in a folder named as its own."""
    for path in paths:
        link = folder / path.parent.name / path.name
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(path.resolve())
    return folder
