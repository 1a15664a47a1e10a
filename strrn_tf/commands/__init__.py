"""The commands of ``strrn``: the only part that joins method and data."""
