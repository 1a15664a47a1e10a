"""Algorithm 1 and SBR, side by side: the option --method chooses one."""
