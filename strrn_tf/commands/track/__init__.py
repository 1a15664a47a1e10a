"""``strrn track``: landmarks and overlays of videos."""
