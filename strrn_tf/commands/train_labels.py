"""Who labels the clips and photographs of `strrn train`: one model or two."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from strrn_tf.commands.train_options import Options

# The shipped models: the other one of each can label beside it.
OTHER_SHIPPED = {"strrn-hgn": "strrn-mdm", "strrn-mdm": "strrn-hgn"}


def complete_labels(options: "Options") -> "Options":
    """Return the options with ``labels`` and ``second`` filled in.

    Raises:
        ValueError: options contradict each other; one line.
    """
    other = OTHER_SHIPPED.get(str(options.init))
    has_stills = bool(options.stills or options.data_root)
    can_judge = has_stills or bool(options.judge)
    labels = options.labels
    if labels is None:
        is_plain = options.method == "strrn" and options.algorithm.rounds
        asked = options.second or options.photographs
        # Labels that a model made are no evidence.
        is_human = has_stills and not options.has_model_labels
        has_third = is_human or (options.judge and str(options.judge) != other)
        is_fused = is_plain and (asked or (other and has_third))
        labels = "fused" if is_fused else "paper"
        if is_plain and labels == "paper" and not has_stills and other:
            # It takes no part in labelling.
            options = replace(options, judge=options.judge or Path(other))
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
        return options
    second = options.second or (Path(other) if other else None)
    if options.method != "strrn":
        raise ValueError("--labels fused is for --method strrn")
    if not (options.init and second):
        raise ValueError(
            "fused labels are those of two trained models: give --init and --second"
        )
    if not can_judge:
        raise ValueError(
            "nothing could show whether fused labels help: give --stills, or with "
            "--judge a model that had no part in the training of the two"
        )
    models = [path for path in (options.init, second, options.judge) if path]
    if len({path.absolute() for path in models}) < len(models):
        raise ValueError("--init, --second and --judge must be different models")
    return replace(options, second=second)


def second_model_note(options: "Options") -> str:
    """Return one line on what a second model would bring; empty where there is one."""
    if options.labels == "fused" or not options.algorithm.rounds:
        return ""
    if options.method != "strrn":
        return ""
    return (
        "labels: paper. A second model (--init A --second B) would label clips and "
        "photographs too: the mean of two backbones is better than either"
    )
