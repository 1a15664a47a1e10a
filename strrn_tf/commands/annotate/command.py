"""``strrn annotate``: videos in, annotated stills in the 300-W layout out."""

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tyro

from strrn_tf.commands.annotate.criteria import Criteria, RatedFace, VerdictCounts
from strrn_tf.commands.annotate.folder import (
    draw_sheet,
    face_key,
    read_report,
    remove_faces,
    report_path,
    write_face,
)
from strrn_tf.commands.annotate.listing import (
    ListFormat,
    check_list,
    facts_of,
    write_list,
)
from strrn_tf.commands.annotate.output import initialise_output, refuse_foreign
from strrn_tf.system.command_line import parse_with_beam

if TYPE_CHECKING:
    from data_pipeline.datasets.clips import Clip

PROG = "strrn annotate"
HELP = """Annotate the faces of videos with 68 landmarks, where they can be trusted.

Every face is tracked through its video; a frame becomes an annotation where tracking
back returns to where it came from, and where it shows something new. Written are

  OUTPUT/annotations/   crops of the faces (.jpg) with .pts files, ready for training
  OUTPUT/rejected/      some rejected faces, for inspection
  OUTPUT/report.json    counts of every video
  OUTPUT/report.png     how much was accepted, faces that were and that were not,
                        their reliability, and a table of the videos

Examples:
  strrn annotate my_videos/ --output my_annotations
      all videos and folders of numbered images below a folder, on all cores
  strrn annotate a.mp4 b.mp4 --output few --max-faces 3 --min-change 0.2
      up to three faces in each, and only frames that differ more
  strrn annotate my_videos/ --output strict --max-cycle-error 0.01
      fewer, but better
  strrn annotate my_videos/ --output my_annotations --format coco
      also OUTPUT/annotations-coco.json; openface, cvat, deeplabcut, csv and jsonl are
      others. Run again after .pts files were corrected or deleted
  strrn annotate /videos --output /out -- --runner DaskRunner \\
      --dask_client_address tcp://HOST:8786
      on a Dask cluster, as an Apache Beam pipeline, with Beam's own options behind
      "--"; alone, "--" runs it in processes of this machine. docs/scale.md has more

Look at report.png first. A video whose faces are all "repeated" moves little; many
that are "unreliable" are blurred, small or turned away. Run again after Ctrl-C or to
add videos: those that are done are not done again unless they have changed.
"""
# Some rejected faces are kept for inspection: at most this many of a video, and this
# many seconds apart.
REJECTED_PER_CLIP, REJECTED_APART = 6, 1.0


@dataclass(frozen=True)
class Options:
    """Which videos, which model, and what is accepted."""

    videos: tyro.conf.Positional[tuple[Path, ...]]
    """Video files, folders of videos, folders of numbered images."""
    output: Path = Path("annotations")
    """Folder to write to."""
    model: str = "strrn-hgn"
    """Name of a shipped model, exported folder, or run folder."""
    max_faces: int = 1
    """Number of faces to follow in a video, the largest first."""
    criteria: tyro.conf.OmitArgPrefixes[Criteria] = field(default_factory=Criteria)
    format: ListFormat | None = None
    """Also list all annotations in one file of this format, in OUTPUT."""
    pose: bool = False
    """Add yaw, pitch and roll of the head and the openings of eyes and mouth to that
    list."""
    focal_length: float | None = None
    """Of the camera, in pixels, for the pose. Without it the longer side of the
    picture, or as much more as puts the head half a metre away."""
    workers: int = 0
    """Videos annotated at the same time; 0: as many as there are cores."""
    beam: tyro.conf.Suppress[tuple[str, ...] | None] = None
    """Options of Apache Beam; None: without Beam."""


def parse(argv: Sequence[str]) -> Options:
    """Return the options; those behind ``--`` are Apache Beam's."""
    return parse_with_beam(Options, argv, prog=PROG, description=HELP)


def run(options: Options) -> None:
    """Annotate all videos, in processes or on Beam, and write the report.

    Raises:
        ValueError: no video can be read, OUTPUT holds annotations made otherwise, or
            another process is writing to it.
    """
    from data_pipeline.datasets.clips import files_in_no_clip, list_clips
    from data_pipeline.media.suffixes import report_passed_over
    from strrn_tf.system.atomic import remove_leftovers
    from strrn_tf.system.locking import exclusive_lock
    from strrn_tf.tracking.networks.model_folder import load

    if options.workers < 0:
        raise ValueError(f"--workers must not be negative. Received: {options.workers}")
    check_list(options.format, options.pose, options.focal_length)
    # With the folder's name, so that one more folder renames nothing.
    clips = list_clips(list(options.videos), prefixed=True)
    others = files_in_no_clip(options.videos)
    report_passed_over(others)
    model = load(options.model)
    refuse_foreign(options.output)
    with exclusive_lock(options.output):
        settings = {
            "max_faces": options.max_faces,
            "focal_length": options.focal_length,
        }
        settings |= asdict(options.criteria)
        initialise_output(options.output, settings, model)
        remove_leftovers(options.output)
        try:
            reports = _annotate_missing(clips, options)
        except KeyboardInterrupt:
            _report_done(clips, others, options)
            raise
        _report(reports, others, options)


def _annotate_missing(
    clips: Sequence["Clip"], options: Options
) -> dict[str, dict[str, Any]]:
    """Annotate the videos that are not done; return the reports of all."""
    from data_pipeline.crops.fingerprints import fingerprint
    from data_pipeline.datasets.clips import longest_first
    from data_pipeline.tasks.processes import run_tasks
    from data_pipeline.tasks.task import Task
    from strrn_tf.system.atomic import remove_leftovers

    # Workers may have another working directory.
    there = replace(options, output=options.output.absolute())
    reports = {clip.name: read_report(there.output, clip.name) for clip in clips}
    sources = {clip.name: fingerprint([clip]) for clip in clips}
    missing = [
        clip
        for clip in longest_first(clips)
        if not _is_done(reports[clip.name], sources[clip.name])
    ]
    tasks = []
    for clip in missing:
        work = partial(
            annotate_clip,
            clip.name,
            clip.video_path.absolute(),
            there,
            source=sources[clip.name],
        )
        tasks.append(Task(work, report_path(there.output, clip.name)))
    print(f"{len(clips)} videos, {len(clips) - len(tasks)} of them done before")
    # Delete crops of changed videos.
    remove_faces(there.output, [c.name for c in missing if reports[c.name] is not None])
    run_tasks("Annotating videos", tasks, options.workers, options.beam)
    if options.beam is not None:
        # Other workers have done what a worker that died was writing.
        remove_leftovers(there.output)
    return reports | {c.name: read_report(there.output, c.name) for c in missing}


def _report_done(
    clips: Sequence["Clip"], others: Sequence[str], options: Options
) -> None:
    """Write the report of the videos that are done when a signal ends the others."""
    found = {clip.name: read_report(options.output, clip.name) for clip in clips}
    done = {name: report for name, report in found.items() if report is not None}
    if done:
        _write(done, others, options)
    left = len(clips) - len(done)
    print(f"{left} of {len(clips)} videos are left: run the same command again")


def _report(
    reports: Mapping[str, dict[str, Any]], others: Sequence[str], options: Options
) -> None:
    """Write the report; print the result for the videos and the next command."""
    from strrn_tf.commands.annotate.report import headline

    totals, listed = _write(reports, others, options)
    for name, report in reports.items():
        if "problem" in report:
            print(f"{name}: {report['problem']}", file=sys.stderr)
    if not any(report.get("readable", True) for report in reports.values()):
        raise ValueError(f"none of the {len(reports)} videos can be read")
    print(f"{headline(totals)}\nlook at {options.output / 'report.png'}")
    if listed:
        print(listed)
    if totals["accepted"]:
        words = ["--init", options.model, "--unlabelled", *map(str, options.videos)]
        print(
            f"next: strrn train {shlex.join(words)}\n"
            "      and, once you have looked through them, --stills "
            f"{shlex.quote(str(options.output / 'annotations'))}"
        )


def _write(
    reports: Mapping[str, dict[str, Any]], others: Sequence[str], options: Options
) -> tuple[dict[str, Any], Path | None]:
    """Write the report and the list; return the totals and the path of the list."""
    from strrn_tf.commands.annotate.report import write_report

    sheets = {
        "accepted": draw_sheet(options.output / "annotations"),
        "rejected": draw_sheet(options.output / "rejected"),
    }
    limit = options.criteria.max_cycle_error
    totals = write_report(options.output, reports, sheets, limit, others)
    if not options.format:
        return totals, None
    return totals, write_list(options.output, reports, options.format, options.pose)


def annotate_clip(name: str, path: Path, options: Options, *, source: str) -> None:
    """Annotate one video; its report is written last, with a fingerprint.

    A video that is done is not done twice: a cluster repeats tasks.
    """
    from data_pipeline.media.video import open_video
    from strrn_tf import FaceTracker
    from strrn_tf.commands.annotate.criteria import judge
    from strrn_tf.commands.track.restarts import RestartingTracker
    from strrn_tf.system.atomic import write_text
    from strrn_tf.tracking.config import TrackingConfig

    if _is_done(read_report(options.output, name), source):
        return
    problems: list[str] = []
    is_readable = True
    counts = VerdictCounts()
    rejected: list[float] = []  # seconds of those that were kept
    kept: dict[str, dict] = {}
    config = TrackingConfig(focal_length=options.focal_length or 0.0)
    tracker = RestartingTracker(
        FaceTracker.from_pretrained(
            options.model, config=config, max_faces=options.max_faces, smooth=False
        )
    )
    try:
        reader = open_video(path)
        for rated in judge(reader, tracker, options.criteria):
            counts.add(rated)
            if rated.verdict == "accepted":
                write_face(options.output / "annotations", name, rated)
                kept[face_key(rated)] = facts_of(rated)
            elif rated.verdict == "unreliable" and is_wanted(rated, rejected):
                rejected.append(rated.frame.timestamp)
                write_face(options.output / "rejected", name, rated)
        if reader.truncated:
            problems.append("the video ends before its announced end")
        if reader.num_broken:
            problems.append(f"{reader.num_broken} frames could not be decoded")
        if tracker.restarts:
            problems.append(f"the frames differ in size (changes: {tracker.restarts})")
    except ValueError as error:
        problems, is_readable = [str(error)], False
    report = {**counts.report(), "readable": is_readable, "source": source}
    report["kept"] = kept
    if not problems and not report["frames_with_face"]:
        problems = ["no face was found"]
    if problems:
        report["problem"] = "; ".join(problems)
    write_text(report_path(options.output, name), json.dumps(report) + "\n")


def is_wanted(rated: RatedFace, rejected: list[float]) -> bool:
    """Return whether a rejected face is kept for inspection."""
    if not rejected:
        return True
    is_apart = rated.frame.timestamp - rejected[-1] >= REJECTED_APART
    return is_apart and len(rejected) < REJECTED_PER_CLIP


def _is_done(report: Mapping[str, Any] | None, source: str) -> bool:
    """Return whether a video could be read, and was annotated as it is now."""
    if report is None or not report.get("readable", True):
        return False
    return report.get("source", source) == source
