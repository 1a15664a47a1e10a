"""What makes and publishes the shipped models."""
