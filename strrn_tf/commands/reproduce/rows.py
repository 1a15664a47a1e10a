"""The paper's tables as data: every row with its training and its printed figures.

Zhu et al., AAAI 2020, Tables 1 to 3. Rows of methods that this project does not have
(CFSS, TCDCN, CCR, iCCR, TSTN) are left out. Standard library only.
"""

from dataclasses import dataclass, field
from typing import Literal

from strrn_tf.config import Backbone

# Options of a row that learns nothing from the clips. What a gain over the model before
# Algorithm 1 has to be compared with.
ON_STILLS = "--pseudo-share", "0", "--mix-stills", "1"
TableName = Literal["table1", "table2", "table3"]
# Where unlabelled clips come from: 300VW's training sequences, or what stands in for
# them, and the two further collections of Table 2.
Source = Literal["300vw", "youtube-celebrities", "youtube-faces"]


@dataclass(frozen=True)
class Training:
    """How a model is made.

    Attributes:
        backbone: of the detector.
        rounds: whether it learns from clips; without, the stills alone.
        options: of `strrn train`, for the clips.
        sources: of the clips.
        annotated: whether annotations of the clips are needed.
        own_tracker: whether the options change how the tracker learns from stills too,
            so that only the detector's training can be shared.
        fresh_tracker: whether the tracker cannot be that of ``--init``.
    """

    backbone: Backbone = "mdm"
    rounds: bool = True
    options: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ("300vw",)
    annotated: bool = False
    own_tracker: bool = False
    fresh_tracker: bool = False

    @property
    def needs_stills(self) -> bool:
        """Whether it cannot learn without annotated stills."""
        return self.fresh_tracker or self.is_control

    @property
    def is_control(self) -> bool:
        """Whether it has as many updates on the stills alone."""
        return self.options == ON_STILLS

    @property
    def label(self) -> str:
        """A name for folders: the method and its backbone."""
        if not self.rounds:
            return self.backbone
        method = "sbr" if "sbr" in self.options else "strrn"
        return f"{method}-{self.backbone}"


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes:
        key: short name, for ``--rows``.
        name: as printed.
        paper: its figures in the order of the columns; none for rows of our own.
        training: of its model.
        protocol: of the evaluation, see ``strrn_tf.evaluation.protocols``.
    """

    key: str
    name: str
    paper: tuple[float, ...] = ()
    training: Training = field(default_factory=Training)
    protocol: Literal["detect", "track", "track-redetect"] = "track-redetect"


@dataclass(frozen=True)
class Column:
    """One column: a metric of ``strrn_tf.evaluation.metrics.summarise`` for a category.

    ``factor`` makes percent of it; errors are in percent already.
    """

    heading: str
    metric: str
    category: str
    factor: float = 1.0


@dataclass(frozen=True)
class PaperTable:
    """A table: heading, columns (those that the paper has come first), rows."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


CATEGORIES = tuple(Column(f"Cat. {c}", "nme_interpupil", c) for c in "123")
# What the paper's Table 2 calls AUC is a share of frames; the true area stands beside.
SHARES = (
    Column("below 5 %", "acc_005", "all", 100),
    Column("below 8 %", "acc_008", "all", 100),
    Column("AUC 5 %", "auc_005", "all", 100),
    Column("AUC 8 %", "auc_008", "all", 100),
)
SBR = Training(options=("--method", "sbr"))
CONTROL = "control: as many updates on the stills alone"
# Eq. 5 as printed has next to no effect, see `training.losses.cycle_loss`.
DISTANCE = "--cycle-form", "distance"


def _semi(percent: int, *paper: float) -> Row:
    options = ("--annotated-fraction", str(percent / 100))
    training = Training(options=options, annotated=True)
    return Row(f"semi-{percent}", f"Semi-STRRN, {percent} %", paper, training)


def _control(key: str, backbone: Backbone = "mdm") -> Row:
    name = CONTROL if backbone == "mdm" else f"{CONTROL} ({backbone.upper()})"
    return Row(key, name, training=Training(backbone, options=ON_STILLS))


def _ablation(key: str, name: str, options: tuple[str, ...], *paper: float) -> Row:
    """Return a row of Table 3, with a new tracker.

    A trained tracker closes its cycles already, so the losses would not act on it. The
    tracker alone is scored: otherwise the detector corrects its mistakes.
    """
    own = options not in ((), ON_STILLS)
    training = Training(options=options, own_tracker=own, fresh_tracker=True)
    return Row(key, name, paper, training, "track")


def _sources(key: str, name: str, sources: tuple[Source, ...], *paper: float) -> Row:
    return Row(key, name, paper, Training(sources=sources))


TABLES: dict[TableName, PaperTable] = {
    "table1": PaperTable(
        "Table 1: mean error, % of the inter-pupil distance",
        CATEGORIES,
        (
            Row("mdm", "MDM", (9.88, 8.14, 9.81), Training(rounds=False), "detect"),
            Row(
                "hgn",
                "HGN",
                (6.12, 5.33, 7.04),
                Training("hgn", rounds=False),
                "detect",
            ),
            Row("sbr", "SBR (on our MDM)", (5.77, 4.90, 12.66), SBR, "detect"),
            Row("strrn-mdm", "STRRN (backbone MDM)", (5.03, 4.74, 6.63)),
            _control("control"),
            Row(
                "strrn-hgn", "STRRN (backbone HGN)", (5.31, 4.77, 8.06), Training("hgn")
            ),
            _control("control-hgn", "hgn"),
            _semi(50, 4.21, 4.18, 5.16),
            _semi(25, 4.49, 4.05, 5.88),
            _semi(10, 4.67, 4.00, 5.93),
        ),
    ),
    "table2": PaperTable(
        "Table 2: STRRN on other unlabelled clips, % of all frames",
        SHARES,
        (
            Row("before", "before Algorithm 1", training=Training(rounds=False)),
            _control("control"),
            _sources("300vw", "300VW", ("300vw",), 26.67, 78.07),
            _sources(
                "celebrities",
                "300VW + YouTube-Celebrities",
                ("300vw", "youtube-celebrities"),
                *(28.31, 77.24),
            ),
            _sources(
                "faces",
                "300VW + YouTube-Faces",
                ("300vw", "youtube-faces"),
                *(36.33, 80.43),
            ),
            _sources(
                "all",
                "all combined",
                ("300vw", "youtube-celebrities", "youtube-faces"),
                *(39.48, 85.06),
            ),
        ),
    ),
    "table3": PaperTable(
        "Table 3: ablations, mean error, % of the inter-pupil distance",
        CATEGORIES,
        (
            Row(
                "before",
                "before Algorithm 1",
                training=Training(rounds=False),
                protocol="track",
            ),
            _ablation("control", CONTROL, ON_STILLS),
            _ablation(
                *("no-l-tck", "STRRN (w/o L_tck)", ("--l-tck-weight", "0")),
                *(7.92, 5.78, 8.78),
            ),
            _ablation(
                *("no-l-det", "STRRN (w/o L_det, λ = 0)", ("--lambda", "0")),
                *(7.92, 7.08, 8.26),
            ),
            _ablation(
                *("lambda-1.6", "STRRN (both, λ = 1.6)", ("--lambda", "1.6")),
                *(7.02, 6.91, 8.21),
            ),
            _ablation(
                *("no-temporal", "STRRN (w/o temporal module)", ("--no-temporal",)),
                *(8.76, 7.98, 8.93),
            ),
            _ablation(
                *("no-spatial", "STRRN (w/o spatial module)", ("--no-spatial",)),
                *(8.45, 7.84, 8.76),
            ),
            _ablation(
                "full", "STRRN (S & T modules, λ = 0.4)", (), *(5.03, 4.74, 6.63)
            ),
            _ablation("distance", "STRRN (cycle losses not squared)", DISTANCE),
            _ablation(
                *("distance-no-l-tck", "STRRN (not squared, w/o L_tck)"),
                (*DISTANCE, "--l-tck-weight", "0"),
            ),
            _ablation(
                *("distance-no-l-det", "STRRN (not squared, w/o L_det)"),
                (*DISTANCE, "--lambda", "0"),
            ),
        ),
    ),
}
# Figure 4: STRRN against SBR on one sequence, 517 where it is there.
FIGURE4 = {"STRRN": TABLES["table1"].rows[3], "SBR": TABLES["table1"].rows[2]}
FIGURE4_SEQUENCE = "517"
