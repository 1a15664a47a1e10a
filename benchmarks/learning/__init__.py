"""What trainings learn from labels of different kinds."""
