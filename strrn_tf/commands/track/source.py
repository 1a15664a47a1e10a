"""Tracks one source, writes what is asked for, and reports it."""

import sys
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from strrn_tf.commands.track.outputs import Outputs, open_writer
from strrn_tf.system.command_line import one_line

if TYPE_CHECKING:
    from data_pipeline.media.frame_reader import FrameReader
    from strrn_tf.commands.track.command import Options
    from strrn_tf.commands.track.video import Summary
    from strrn_tf.tracking.tracker import FaceTracker


def track_source(
    source: str,
    title: str,
    reader: "FrameReader",
    tracker: "FaceTracker",
    outputs: Outputs,
    options: "Options",
) -> None:
    """Track one source and report its outputs and warnings.

    Raises:
        ValueError: it cannot be tracked to its end, or there is no face.
        OSError: it cannot be read, or an output cannot be written, to the end.
        KeyboardInterrupt: a signal ended it early.
    """
    written, summary, errors = write_outputs(title, reader, tracker, outputs, options)
    for path in written:
        print(f"{path}: {summary.frames} frames, {len(summary.ids)} face(s)")
    if reader.truncated:
        print(f"note: {source} ends before its announced end", file=sys.stderr)
    if 0 < summary.broken < summary.frames:
        print(
            f"note: {source}: {summary.broken} of {summary.frames} frames cannot be "
            'decoded; their rows have the state "broken"',
            file=sys.stderr,
        )
    if summary.restarts:
        print(
            f"note: {source}: the frames differ in size (changes: {summary.restarts}); "
            "tracking begins again there, with other ids",
            file=sys.stderr,
        )
    for error in errors[1:]:
        print(f"strrn: {one_line(error)}", file=sys.stderr)
    if errors:
        raise errors[0]
    if summary.broken == summary.frames:
        raise ValueError(
            f"{source}: none of its {summary.frames} frames can be decoded. Convert it "
            "to MP4 with H.264 first"
        )
    if not summary.frames_with_face:
        raise ValueError(
            f"{source}: no face was found in {summary.frames} frames. They "
            "must fill at least a tenth of the picture's shorter side"
        )


def write_outputs(
    title: str,
    reader: "FrameReader",
    tracker: "FaceTracker",
    outputs: Outputs,
    options: "Options",
) -> "tuple[list[Path], Summary, list[BaseException]]":
    """Follow the faces and write what is asked for.

    What is finished is published whatever ends it, unless there is no frame or this
    program is at fault. The files of before stay then.

    Returns:
        What was written, what was seen, and what ended it early.
    """
    from data_pipeline.media.video import open_video, write_video
    from strrn_tf.commands.track.endings import PATIENCE, Endings
    from strrn_tf.commands.track.formats.frames import Layout
    from strrn_tf.commands.track.offline import track_ahead
    from strrn_tf.commands.track.progress import shown
    from strrn_tf.commands.track.video import Summary, overlays, track_frames
    from strrn_tf.system.interruption import stop_signal

    summary, written = Summary(), [path for path in [outputs.landmarks] if path]
    layout = Layout(
        reader.has_names,
        options.max_faces,
        options.pose,
        confidence=options.confidence,
    )
    again = None
    if options.offline and outputs.overlay:
        again = open_video(reader.path, options.fps).frames(broken=True)
    with stop_signal(patience=PATIENCE) as stop:
        endings = Endings(stop)
        with open_writer(outputs, layout) as write:
            frames = shown(reader.frames(broken=True), title, reader.num_frames_hint)
            arguments = endings.until_end(frames), tracker, write, summary, endings
            tracked = endings.at_fault(
                track_ahead(*arguments, options, again)
                if options.offline
                else track_frames(*arguments)
            )
            if outputs.overlay:
                with endings.noting(ValueError, OSError):
                    pictures = overlays(tracked, options.pose)
                    first = next(pictures, None)
                    if first is not None:  # otherwise all frames are broken
                        pictures = chain([first], pictures)
                        write_video(outputs.overlay, pictures, reader.fps)
                        written.append(outputs.overlay)
            if outputs.landmarks:
                for _ in tracked:  # all, or those behind the end of the overlay
                    pass
            if endings.errors and not summary.frames:
                raise endings.errors[0]
    return written, summary, endings.errors
