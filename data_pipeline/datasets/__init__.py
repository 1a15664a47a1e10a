"""Data sets on disk: 300-W, 300VW, YouTube, folders of clips."""
