"""Runtime without TensorFlow: face detection, tracking, fusion, reliability."""
