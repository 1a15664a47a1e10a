"""Data sets made ready for training: checks, face boxes, shards, a report.

To prepare a data set: `list_dataset`, `claim` the output, `prepare_source` for every
source (in any order, in any process), then `finish`.
"""

from data_pipeline.preparation.index import claim, finish, missing
from data_pipeline.preparation.listing import list_dataset
from data_pipeline.preparation.work import Preparation, prepare_source

__all__ = [
    "Preparation",
    "claim",
    "finish",
    "list_dataset",
    "missing",
    "prepare_source",
]
