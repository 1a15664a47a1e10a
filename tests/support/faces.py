"""A face for tests of geometry."""

from data_pipeline.synthetic.head.face_model import Expression, Identity, Pose
from data_pipeline.synthetic.head.person import Person


def drawn_face(scale=85.0, centre=(157.0, 110.0), expression=None, **angles):
    """Return the landmarks (68, 2) of the synthetic average head."""
    pose = Pose(scale=scale, centre=centre, **angles)
    return Person(Identity(seed=0)).landmarks(expression or Expression(), pose)
