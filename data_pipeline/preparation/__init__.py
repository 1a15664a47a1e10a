"""Prepared data sets: checks, face boxes, shards and a report.

To prepare a data set, call `list_dataset`, then `initialise_output`, then
`prepare_source` for every source in any order and process, and at last `finish`.
"""

from data_pipeline.preparation.index import finish, initialise_output, missing
from data_pipeline.preparation.listing import list_dataset
from data_pipeline.preparation.work import Preparation, prepare_source

__all__ = [
    "Preparation",
    "finish",
    "initialise_output",
    "list_dataset",
    "missing",
    "prepare_source",
]
