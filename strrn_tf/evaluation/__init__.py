"""Metrics, the protocols of 300VW, and reports."""
