"""``strrn annotate``: videos become annotated stills."""
