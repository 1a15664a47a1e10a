"""Annotations of stills: missing points, mappings to iBUG-68, whole heads."""
