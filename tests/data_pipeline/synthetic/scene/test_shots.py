"""Shots: motion and light of the three categories."""

import numpy as np
import pytest

from data_pipeline.synthetic import draw_clip
from data_pipeline.synthetic.head.face_model import sample_identity
from data_pipeline.synthetic.head.person import Person
from data_pipeline.synthetic.scene.conditions import RANGES
from data_pipeline.synthetic.scene.motion import expression_track
from data_pipeline.synthetic.scene.shots import clip_shots
from strrn_tf.landmarks import REGIONS


@pytest.mark.parametrize("category", [1, 2, 3])
def test_landmark_tracks_are_smooth(category):
    frames, size = 75, (240, 320)
    for seed in range(3):
        rng = np.random.default_rng([seed, category])
        person = Person(sample_identity(rng))
        shots, _ = clip_shots(rng, frames, size, category)
        mouths = expression_track(rng, frames, RANGES[category].expression_strength)
        track = np.stack(
            [person.landmarks(m, s.pose) for m, s in zip(mouths, shots, strict=True)]
        )
        rigid = [*REGIONS["jaw"][:5], *REGIONS["jaw"][-5:], *REGIONS["nose_bridge"]]
        bend = np.linalg.norm(np.diff(track[:, rigid], 2, axis=0), axis=-1)
        assert bend.max() < 4.0
        travel = np.linalg.norm(np.diff(track, axis=0), axis=-1)
        assert 0.05 < travel.mean() < 8.0
        assert (track > -20).all()
        assert (track < (340, 260)).all()


def test_category_three_is_darker_and_turned_further():
    def statistics(category):
        yaw, light = [], []
        for seed in range(30):
            rng = np.random.default_rng([seed, category])
            shots, _ = clip_shots(rng, 50, (240, 320), category)
            yaw.append(max(abs(shot.pose.yaw) for shot in shots))
            light.append(np.mean([shot.exposure for shot in shots]))
        return np.degrees(yaw), np.array(light)

    (calm, bright), (turned, dim) = statistics(1), statistics(3)
    assert calm.max() < 40
    assert 45 < turned.max() <= 62
    assert (dim < 0.5 * bright.min()).mean() > 0.25
    brightness = {
        category: [
            next(draw_clip(np.random.default_rng([s, 1]), category, 1, (60, 80)))[
                0
            ].mean()
            for s in range(6)
        ]
        for category in (1, 3)
    }
    assert min(brightness[3]) < 0.6 * min(brightness[1])
