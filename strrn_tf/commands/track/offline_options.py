"""The options of ``strrn track --offline``, checked before anything heavy is loaded."""

from typing import TYPE_CHECKING

from strrn_tf.tracking.offline.config import OfflineConfig

if TYPE_CHECKING:
    from strrn_tf.commands.track.command import Options


def check_offline(options: "Options") -> None:
    """Raise a ``ValueError`` if there is a source without frames to come."""
    from data_pipeline.media.sources import (
        is_address,
        is_camera,
        is_pipe,
        shown_name,
    )

    if not options.offline:
        if options.longest_gap is not None:
            raise ValueError("--longest-gap is for --offline: add it")
        return
    make_config(options)
    for source in options.sources:
        if is_camera(source) or is_pipe(source) or is_address(source):
            raise ValueError(
                f"--offline looks at the frames to come and needs a file; "
                f"{shown_name(source)} is a camera or a stream. Record it first"
            )


def make_config(options: "Options") -> OfflineConfig:
    """Return the thresholds; a ``ValueError`` that calls a wrong one by its option."""
    if options.longest_gap is None:
        return OfflineConfig()
    if not 0 <= options.longest_gap <= 10:
        raise ValueError(
            f"--longest-gap must be 0 to 10 seconds. Received: {options.longest_gap}"
        )
    return OfflineConfig(longest_gap=options.longest_gap)
