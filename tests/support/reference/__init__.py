"""Float64 NumPy twins of the layers, networks and losses: loops, no cleverness.

Written from the paper and from what the docstrings promise, not from the code.
"""
