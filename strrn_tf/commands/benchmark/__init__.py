"""``strrn benchmark``: trackers, scenarios, machine, tables."""
