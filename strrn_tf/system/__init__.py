"""Files, locks, signals and stderr."""
