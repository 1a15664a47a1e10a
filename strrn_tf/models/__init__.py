"""Detectors (MDM, HGN) and the tracker (STRRN); `build` is the composition root."""
