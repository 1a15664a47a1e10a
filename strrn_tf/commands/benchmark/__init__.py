"""``strrn benchmark``: what is measured, on which machine, and how it is shown."""
