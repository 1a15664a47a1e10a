"""Algorithm 1: criticism and pseudo-labels, rounds, run folder."""
