"""Algorithm 1 and SBR: what ``--method`` chooses."""
