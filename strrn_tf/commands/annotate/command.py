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
    read_report,
    remove_faces,
    report_path,
    write_face,
)
from strrn_tf.config import ANNOTATIONS_NOTE
from strrn_tf.system.command_line import parse_options, split_beam

if TYPE_CHECKING:
    from data_pipeline.datasets.clips import Clip
    from strrn_tf.tracking.networks.model_folder import ModelFolder

PROG = "strrn annotate"
HELP = """Annotate the faces of videos with 68 landmarks, where they can be trusted.

Every face is tracked through its video; a frame becomes an annotation where tracking
back returns to where it came from, and where it shows something new. Written are

  OUTPUT/annotations/   crops of the faces (.jpg) with .pts files, ready for training
  OUTPUT/rejected/      some rejected faces, for inspection
  OUTPUT/report.json    counts of every video
  OUTPUT/report.png     how much was accepted, faces that were and that were not,
                        their reliability, and a table of the videos

  strrn annotate my_videos/ --output my_annotations
      all videos and folders of numbered images below a folder, on all cores
  strrn annotate a.mp4 b.mp4 --output few --max-faces 3 --min-change 0.2
      up to three faces in each, and only frames that differ more
  strrn annotate my_videos/ --output strict --max-cycle-error 0.01
      fewer, but better
  strrn annotate /videos --output /out -- --runner DaskRunner \
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
# File format; folders of other formats are refused.
FORMAT = 4

# Earlier notes have the SHA-256 of the whole model.json. These are those of the shipped
# models, whose cards have changed since, by the hash of what tracking reads; 16 digits.
OLD_DIGESTS = {
    "112ea5ebcd38cabf": "0610f3fe43386335",
    "7ab8600089cce718": "cd622c9c807198ee",
}


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
    workers: int = 0
    """Videos annotated at the same time; 0: as many as there are cores."""
    beam: tyro.conf.Suppress[tuple[str, ...] | None] = None
    """Options of Apache Beam; None: without Beam."""


def parse(argv: Sequence[str]) -> Options:
    """Return the options; those behind ``--`` are Apache Beam's."""
    own, beam = split_beam(argv)
    options = parse_options(Options, own, prog=PROG, description=HELP)
    return replace(options, beam=beam)


def run(options: Options) -> None:
    """Annotate all videos, in processes or on Beam, and write the report.

    Raises:
        ValueError: no video can be read, OUTPUT holds annotations made otherwise, or
            another process is writing to it.
    """
    from data_pipeline.datasets.clips import list_clips
    from strrn_tf.system.atomic import remove_leftovers
    from strrn_tf.system.locking import exclusive_lock
    from strrn_tf.tracking.networks.model_folder import load

    if options.workers < 0:
        raise ValueError(f"--workers must not be negative. Received: {options.workers}")
    # With the folder's name, so that one more folder renames nothing.
    clips = list_clips(list(options.videos), prefixed=True)
    model = load(options.model)
    refuse_foreign(options.output)
    with exclusive_lock(options.output):
        _initialise_output(options, model)
        remove_leftovers(options.output)
        _report(_annotate_missing(clips, options), options)


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


def _report(reports: Mapping[str, dict[str, Any]], options: Options) -> None:
    """Write the report; print the result for the videos and the next command."""
    from strrn_tf.commands.annotate.report import headline, write_report

    sheets = {
        "accepted": draw_sheet(options.output / "annotations"),
        "rejected": draw_sheet(options.output / "rejected"),
    }
    limit = options.criteria.max_cycle_error
    totals = write_report(options.output, reports, sheets, limit)
    for name, report in reports.items():
        if "problem" in report:
            print(f"{name}: {report['problem']}", file=sys.stderr)
    if not any(report.get("readable", True) for report in reports.values()):
        raise ValueError(f"none of the {len(reports)} videos can be read")
    print(f"{headline(totals)}\nlook at {options.output / 'report.png'}")
    if totals["accepted"]:
        words = ["--init", options.model, "--unlabelled", *map(str, options.videos)]
        print(
            f"next: strrn train {shlex.join(words)}\n"
            "      and, once you have looked through them, --stills "
            f"{shlex.quote(str(options.output / 'annotations'))}"
        )


def annotate_clip(name: str, path: Path, options: Options, *, source: str) -> None:
    """Annotate one video; its report is written last, with a fingerprint.

    A video that is done is not done twice: a cluster repeats tasks.
    """
    from data_pipeline.media.video import open_video
    from strrn_tf import FaceTracker
    from strrn_tf.commands.annotate.criteria import judge
    from strrn_tf.system.atomic import write_text

    if _is_done(read_report(options.output, name), source):
        return
    problem, is_readable = None, True
    counts = VerdictCounts()
    rejected: list[float] = []  # seconds of those that were kept
    tracker = FaceTracker.from_pretrained(
        options.model, max_faces=options.max_faces, smooth=False
    )
    try:
        reader = open_video(path)
        for rated in judge(reader, tracker, options.criteria):
            counts.add(rated)
            if rated.verdict == "accepted":
                write_face(options.output / "annotations", name, rated)
            elif rated.verdict == "unreliable" and is_wanted(rated, rejected):
                rejected.append(rated.frame.timestamp)
                write_face(options.output / "rejected", name, rated)
        if reader.truncated:
            problem = "the video ends before its announced end"
        elif reader.num_broken:
            problem = f"{reader.num_broken} frames could not be decoded"
    except ValueError as error:
        problem, is_readable = str(error), False
    report = {**counts.report(), "readable": is_readable, "source": source}
    if problem is None and not report["frames_with_face"]:
        problem = "no face was found"
    if problem is not None:
        report["problem"] = problem
    write_text(report_path(options.output, name), json.dumps(report) + "\n")


def is_wanted(rated: RatedFace, rejected: list[float]) -> bool:
    """Return whether a rejected face is kept for inspection."""
    if not rejected:
        return True
    is_apart = rated.frame.timestamp - rejected[-1] >= REJECTED_APART
    return is_apart and len(rejected) < REJECTED_PER_CLIP


def refuse_foreign(output: Path) -> None:
    """Raise a ``ValueError`` for a folder that this command has not begun."""
    from strrn_tf.system.atomic import is_temporary
    from strrn_tf.system.locking import LOCK

    if not output.exists() or (output / ANNOTATIONS_NOTE).exists():
        return
    if any(path.name != LOCK and not is_temporary(path) for path in output.iterdir()):
        raise ValueError(f"{output} is not empty. Choose another --output")


def _initialise_output(options: Options, model: "ModelFolder") -> None:
    """Write the note of the model and the criteria, or compare an earlier one.

    Raises:
        ValueError: the folder was filled with other options, or the note is damaged.
    """
    from strrn_tf.system.atomic import write_text
    from strrn_tf.tracking.networks.model_folder import SELF_KEY

    digest = model.tracking_sha256
    wanted = {"format": FORMAT, "model": digest, "max_faces": options.max_faces}
    wanted |= asdict(options.criteria)
    note = options.output / ANNOTATIONS_NOTE
    if note.exists():
        try:
            found = dict(json.loads(note.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"{note} is damaged ({error}). Choose another --output or delete it"
            ) from error
        former = OLD_DIGESTS.get(digest[:16]), model.description[SELF_KEY][:16]
        if str(found.get("model"))[:16] in former:
            found["model"] = digest
        other = [key for key, value in wanted.items() if found.get(key) != value]
        if other:
            raise ValueError(
                f"{options.output} holds annotations made with another "
                f"{', '.join(other)}. Choose another --output or delete it"
            )
    else:
        write_text(note, json.dumps(wanted, indent=1) + "\n")


def _is_done(report: Mapping[str, Any] | None, source: str) -> bool:
    """Return whether a video could be read, and was annotated as it is now."""
    if report is None or not report.get("readable", True):
        return False
    return report.get("source", source) == source
