"""Synthetic faces: a parametric head in space, 68 landmarks, stills and clips."""

from data_pipeline.synthetic.dataset import draw_dataset
from data_pipeline.synthetic.pictures import draw_clip, draw_face

__all__ = ["draw_clip", "draw_dataset", "draw_face"]
