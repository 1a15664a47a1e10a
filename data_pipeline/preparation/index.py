"""The index and report beside the shards of a prepared data set.

| file | content |
|---|---|
| `dataset.json` | name of the data set; written first |
| `shards/`, `sources/` | samples and report of every source, see `work` |
| `index.csv` | one line per sample: name, shard, place in it, window in the image |
| `report.json` | counts, differences from the published data set, problems |
| `prepared.json` | the sources, in order; written last, and training needs it |
"""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_pipeline.preparation.finding import Finding
from data_pipeline.preparation.work import (
    FORMAT,
    Preparation,
    Source,
    read_report,
    report_path,
    source_fingerprint,
)
from strrn_tf.system.atomic import is_temporary, write_text

NOTE, MANIFEST = "dataset.json", "prepared.json"
KINDS = ("stills", "pairs", "annotated")


def initialise_output(output: Path, dataset: str) -> None:
    """Create the output folder, with a note that names its data set.

    A folder with the same note is left as it is.

    Raises:
        ValueError: the folder holds another data set or other files.
        OSError: the folder cannot be written.
    """
    note = output / NOTE
    try:
        found = json.loads(note.read_text(encoding="utf-8"))["dataset"]
    except FileNotFoundError:
        found = None
    except (ValueError, KeyError, TypeError):
        found = "something else"
    if found is None and output.exists():
        if not output.is_dir() or not all(map(is_temporary, output.iterdir())):
            raise ValueError(
                f"{output} is not an empty folder. Choose another --output"
            )
    elif found is not None and found != dataset:
        raise ValueError(f"{output} holds {found}, prepared. Choose another --output")
    if found is None:
        write_text(note, json.dumps({"dataset": dataset}) + "\n")


def missing(
    sources: Sequence[Source], options: Preparation, output: Path
) -> list[Source]:
    """Return the sources that are not prepared yet with these options."""
    return [
        source
        for source in sources
        if read_report(
            report_path(source.name, output),
            source_fingerprint(source, options),
            output,
        )
        is None
    ]


def finish(
    output: Path,
    dataset: str,
    sources: Sequence[Source],
    options: Preparation,
    findings: Sequence[Finding] = (),
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Write the index and the report of a folder whose sources are all prepared.

    Args:
        output: folder that `prepare_source` wrote to.
        dataset: name of the data set.
        sources: in the order of training.
        options: of the preparation.
        findings: differences from the published data set.

    Returns:
        The content of `report.json`, and the reports of the sources.
    """
    paths = [report_path(source.name, output) for source in sources]
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    summary = _summary(dataset, reports, options, findings)
    write_text(output / "index.csv", _index(reports))
    write_text(output / "report.json", json.dumps(summary, indent=1) + "\n")
    manifest = {
        "format": FORMAT,
        "dataset": dataset,
        "options": options._asdict(),
        "sources": [path.name for path in paths],
    }
    write_text(output / MANIFEST, json.dumps(manifest, indent=1) + "\n")
    return summary, reports


def _summary(
    dataset: str,
    reports: Sequence[dict[str, Any]],
    options: Preparation,
    findings: Sequence[Finding],
) -> dict[str, Any]:
    totals = {
        kind: sum(len(report["samples"].get(kind, ())) for report in reports)
        for kind in KINDS
    }
    size = sum(s for report in reports for _, s in report["shards"].values())
    faceless = sum(len(report.get("frames_without_face", ())) for report in reports)
    kept = ("face", "announced_frames", "frames_without_face", "annotated_frames")
    return {
        "dataset": dataset,
        "options": options._asdict(),
        "sources": len(reports),
        "sources_left_out": sum(bool(report["left_out"]) for report in reports),
        "sources_with_problems": sum(bool(report["problems"]) for report in reports),
        "samples": totals,
        "searched_frames_without_face": faceless,
        "megabytes": round(size / 1e6, 3),
        "findings": [finding._asdict() for finding in findings],
        "by_source": {
            report["name"]: {
                "samples": {k: len(report["samples"].get(k, ())) for k in KINDS},
                "left_out": report["left_out"],
                "problems": report["problems"],
            }
            | {key: report[key] for key in kept if key in report}
            for report in reports
        },
    }


def _index(reports: Sequence[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("name", "kind", "shard", "place", "x0", "y0", "x1", "y1"))
    for report in reports:
        for kind, rows in report["samples"].items():
            shard = report["shards"][kind][0]
            for index, (name, *window) in enumerate(rows):
                writer.writerow((name, kind, shard, index, *window))
    return text.getvalue()
