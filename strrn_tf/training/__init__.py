"""Losses, trainers and the loop around ``keras.Model.fit``."""
