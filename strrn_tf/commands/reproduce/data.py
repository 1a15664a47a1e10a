"""What data a reproduction has, how `strrn train` gets them, and what is missing."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from data_pipeline.crops.fingerprints import fingerprint
from data_pipeline.datasets.three_hundred_vw import TRAINING_IDS, list_sequences
from data_pipeline.stores.inputs import find_stills, find_unlabelled
from strrn_tf.commands.reproduce.rows import Source, Training

if TYPE_CHECKING:
    from strrn_tf.commands.reproduce.command import Options


class LacksData(ValueError):
    """A row cannot be made of the data that are there; one line says why."""


@dataclass(frozen=True)
class Data:
    """Where the data are.

    Attributes:
        clips: folder that holds ``300vw/``: test clips, perhaps training clips.
        stills: annotated stills in the 300-W layout.
        unlabelled: clips instead of 300VW's training sequences.
        collections: the further sources of Table 2.
        init: models to go on with, by backbone.
    """

    clips: Path
    stills: Path | None = None
    unlabelled: tuple[Path, ...] = ()
    collections: dict[Source, Path | None] = field(default_factory=dict)
    init: dict[str, str] = field(default_factory=dict)

    def check(self) -> None:
        """Raise a ``ValueError`` when nothing can be scored or learnt."""
        for category in (1, 2, 3):
            list_sequences(self.clips / "300vw", category)
        if self.stills is None and not self.init:
            raise ValueError(
                "no annotated stills: give --stills DIR, or --init MODEL to go on with "
                "a model that has learnt from some"
            )
        # The trainings would say it too, but row by row.
        if self.stills is not None:
            find_stills(self.stills)
        for path in (*self.unlabelled, *self.collections.values()):
            if path is not None:
                find_unlabelled(None, [path])

    def start(self, training: Training) -> list[str]:
        """Return the arguments that say where a training starts.

        Raises:
            LacksData: there is no model of that backbone to go on with, or there are no
                stills for a training that needs them.
        """
        if training.needs_stills and not self.stills:
            raise LacksData("no annotated stills (--stills DIR)")
        # With shipped models the labels would be fused ones.
        found = ["--labels", "paper"]
        found += ["--stills", str(self.stills)] if self.stills else []
        if not self.init:
            return ["--backbone", training.backbone, *found]
        if training.backbone not in self.init:
            raise LacksData(f"no model with backbone {training.backbone} among --init")
        fresh = ["--fresh-tracker"] if training.fresh_tracker else []
        return ["--init", self.init[training.backbone], *fresh, *found]

    def clips_of(self, training: Training) -> list[str]:
        """Return the arguments that name the clips of a training.

        Raises:
            LacksData: some are not there.
        """
        return ["--unlabelled", *map(str, self._folders(training))]

    def learnt_state(self, training: Training) -> str:
        """Return digits that change with what a training learns from.

        Raises:
            LacksData: some of it is not there.
        """
        sources = [*find_stills(self.stills)[0]] if self.stills else []
        if training.rounds:
            sources += find_unlabelled(None, self._folders(training)).videos
        return fingerprint(sources)

    def scored_state(self) -> str:
        """Return digits that change with the test clips."""
        root = self.clips / "300vw"
        return fingerprint([s for c in (1, 2, 3) for s in list_sequences(root, c)])

    def _folders(self, training: Training) -> list[Path]:
        """Return the folders of a training's clips.

        Rows that learn annotations too see the same clips as the others, so the whole
        of 300VW's layout is named: a sequence by itself has no annotations.
        """
        if not training.annotated:
            return [p for source in training.sources for p in self._of(source)]
        if not self._training_sequences():
            raise LacksData("no annotated training sequences (001, 002, …) in --clips")
        layout = self.clips / "300vw"
        others = [p for p in self.unlabelled if p.resolve() != layout.resolve()]
        return [*others, layout]

    def _of(self, source: Source) -> Iterable[Path]:
        if source == "300vw":
            found = list(self.unlabelled) or self._training_sequences()
            if not found:
                raise LacksData(
                    "no unlabelled clips: neither --unlabelled nor training sequences "
                    "(001, 002, …) in --clips"
                )
            return found
        place = self.collections.get(source)
        if place is None:
            raise LacksData(f"no {source} (--{source} DIR)")
        return [place]

    def _training_sequences(self) -> list[Path]:
        folders = [self.clips / "300vw" / name for name in TRAINING_IDS]
        return [folder for folder in folders if folder.is_dir()]


def given_data(options: "Options") -> Data:
    """Return the data that the options name."""
    from strrn_tf.tracking.networks.model_folder import load

    models: dict[str, str] = {}
    for name in options.init:
        backbone = str(load(name).description["backbone"])
        if backbone in models:
            raise ValueError(
                f"--init: {models[backbone]} and {name} are both {backbone}"
            )
        models[backbone] = name
    collections: dict[Source, Path | None] = {
        "youtube-celebrities": options.youtube_celebrities,
        "youtube-faces": options.youtube_faces,
    }
    return Data(options.clips, options.stills, options.unlabelled, collections, models)
