"""Who labels the clips and photographs of `strrn train`: one model or two."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from strrn_tf.config import LabelsName
from strrn_tf.tracking.networks.model_folder import load

if TYPE_CHECKING:
    from strrn_tf.commands.train_options import Options

# The first one beside --init labels too, and the next one judges. The two that label
# then have different backbones.
SHIPPED = ("strrn-mdm", "strrn-hgn", "strrn-fast")


def complete_labels(options: "Options") -> "Options":
    """Return the options with ``labels``, ``second`` and ``judge`` filled in.

    Raises:
        ValueError: options contradict each other; one line.
    """
    has_stills = bool(options.stills or options.data_root)
    labels = chosen_labels(options)
    options = replace(options, labels=labels)
    if labels == "paper":
        if options.second or options.photographs:
            raise ValueError(
                "--second and --photographs are for fused labels: leave --labels paper "
                "out"
            )
        if options.judge and not (options.init and not has_stills):
            raise ValueError(
                "--judge is for --init without --stills: held-out stills judge fused "
                "labels"
            )
        can_judge = options.method == "strrn" and options.algorithm.rounds
        judge = _beside(options.init) if can_judge and not has_stills else None
        return replace(options, judge=options.judge or judge)
    second = options.second or _beside(options.init)
    if options.method != "strrn":
        raise ValueError("--labels fused is for --method strrn")
    if options.has_model_labels:
        raise ValueError(
            f"{options.stills} holds a model's labels, which cannot judge: copy those "
            "that you have checked into another folder, or leave --stills out"
        )
    if not (options.init and second):
        raise ValueError(
            "fused labels are those of two trained models: give --init and --second"
        )
    judge = options.judge
    if has_stills and judge:
        raise ValueError(
            "--judge is for --init without --stills: held-out stills judge here"
        )
    if not has_stills and judge is None:
        judge = _beside(options.init, second)
        if judge is None:
            raise ValueError(
                "nothing could show whether fused labels help: give --stills, or with "
                "--judge a model that had no part in the training of the two"
            )
    return replace(options, second=second, judge=judge)


def check_independence(options: "Options") -> None:
    """Check that labels come from different models, and that another one judges.

    Raises:
        ValueError: they do not; one line. A run that has begun may go on with a judge
            that was trained from a model that labels.
    """
    judge, labelling = options.judge, [p for p in (options.init, options.second) if p]
    models = [*labelling, judge] if judge else labelling
    if len({_identity(path) for path in models}) < len(models):
        raise ValueError("--init, --second and --judge must be different models")
    if not judge or (options.resume and (options.folder / "config.json").is_file()):
        return
    for path in labelling:
        if _lineage(judge) & _lineage(path):
            raise ValueError(
                f"--judge {judge} was trained from {path}, or both from one model: it "
                "would favour what that labels. Give a model of another training"
            )


def chosen_labels(options: "Options") -> LabelsName:
    """Return what --labels says; without it "fused" where two models can label."""
    if options.labels:
        return options.labels
    if options.method != "strrn" or not options.algorithm.rounds:
        return "paper"
    # Stills that a model annotated are no evidence that its labels help.
    is_known = _beside(options.init) and not options.has_model_labels
    asked = options.second or options.photographs
    return "fused" if asked or is_known else "paper"


def _beside(init: Path | None, *others: Path) -> Path | None:
    """Return a shipped model of other origin than these.

    It is None unless ``init`` is a shipped model, or was trained from one: other models
    may have other terms than the shipped ones.
    """
    if init is None or _shipped_origin(init) is None:
        return None
    used = {_shipped_origin(path) for path in (init, *others)}
    return next((Path(name) for name in SHIPPED if name not in used), None)


def _shipped_origin(model: Path) -> str | None:
    """Return the shipped model that this one is, or was trained from."""
    if str(model) in SHIPPED:
        return str(model)
    try:
        description = load(model).description
        terms = load(SHIPPED[0]).description["licence"]
    except ValueError:  # Whoever opens it says so.
        return None
    # A model of one's own may have the name of a shipped one, but not its terms.
    if not str(description.get("licence")).startswith(terms):
        return None
    names = (one.get("name") for one in _ancestry(description))
    return next((name for name in names if name in SHIPPED), None)


def _lineage(model: Path) -> set[str]:
    """Return what tells a model and those that it was trained from, from others."""
    found = {_identity(model), _shipped_origin(model)}
    try:
        description = load(model).description
    except ValueError:  # Whoever opens it says so.
        return found - {None}
    found |= {one.get("description_sha256") for one in _ancestry(description)}
    return found - {None}


def _ancestry(description: Mapping | None) -> Iterator[Mapping]:
    """Yield ``model.json`` of a model, of the one that it was trained from, and so on.

    Of models before it only the parts are known that `describe_origin` keeps.
    """
    while isinstance(description, Mapping):
        yield description
        data = description.get("training_data")
        description = data.get("started from") if isinstance(data, Mapping) else None


def _identity(model: Path) -> str:
    """Return what tells a model from others, also where it lies in two folders."""
    try:
        return load(model).tracking_sha256
    except ValueError:  # Whoever opens it says so.
        return str(model.absolute())


def second_model_note(options: "Options") -> str:
    """Return one line on what another second model would bring; empty if nothing."""
    if options.labels == "fused" and options.algorithm.rounds:
        models = [load(path).description for path in (options.init, options.second)]
        if models[0]["backbone"] != models[1]["backbone"]:
            return ""
        return (
            f"--second {options.second} has the backbone of --init: such models err "
            "alike, so their labels teach less than those of another backbone"
        )
    if options.method != "strrn" or not options.algorithm.rounds:
        return ""
    return (
        "labels: paper. A second model (--init A --second B) would label clips and "
        "photographs too: where both are good, their mean is better than either"
    )
