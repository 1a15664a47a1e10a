"""How exact and how steady the models are."""
