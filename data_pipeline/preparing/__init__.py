"""Data sets made ready for training: checks, face boxes, shards, a report."""

from data_pipeline.preparing.work import Preparation, prepare_source

__all__ = ["Preparation", "prepare_source"]
