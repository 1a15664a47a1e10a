"""Findings: differences of a data set on disk from the published one."""

from collections.abc import Sequence
from typing import NamedTuple

from data_pipeline.preparation.work import Source


class Finding(NamedTuple):
    """One difference: its place, such as `114`, and a description."""

    where: str
    what: str


class Listing(NamedTuple):
    """The sources to prepare, and all differences from the published data set."""

    sources: Sequence[Source]
    findings: Sequence[Finding]
