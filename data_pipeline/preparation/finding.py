"""What was found where a data set differs from the published one."""

from collections.abc import Sequence
from typing import NamedTuple

from data_pipeline.preparation.work import Source


class Finding(NamedTuple):
    """One difference: where, such as `114`, and what."""

    where: str
    what: str


class Listing(NamedTuple):
    """What there is to prepare, and every difference from the published data set."""

    sources: Sequence[Source]
    findings: Sequence[Finding]
