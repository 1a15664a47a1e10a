"""From an annotated or unlabelled source to stored crops."""
