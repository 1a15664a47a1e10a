"""The iBUG-68 markup: regions, components, mirror order and eye indices.

Standard library only. Indices are 0-based. "left" and "right" are sides of the
image: landmark 0 is at the left end of the jaw as the picture is seen.
"""

NUM_LANDMARKS = 68

# The nose tip, root of the dendritic geometry (paper, "we assume the nose as the
# base location"; the point itself is not named there).
NOSE_ROOT = 30

REGIONS: dict[str, tuple[int, ...]] = {
    "jaw": tuple(range(0, 17)),
    "left_brow": tuple(range(17, 22)),
    "right_brow": tuple(range(22, 27)),
    "nose_bridge": tuple(range(27, 31)),
    "nose_base": tuple(range(31, 36)),
    "left_eye": tuple(range(36, 42)),
    "right_eye": tuple(range(42, 48)),
    "outer_lip": tuple(range(48, 60)),
    "inner_lip": tuple(range(60, 68)),
}

# The five facial components of the spatial module. The paper lists five parts
# without saying where the brows belong; this is the partition of the authors'
# later code.
COMPONENTS: dict[str, tuple[int, ...]] = {
    "jaw": REGIONS["jaw"],
    "brows": REGIONS["left_brow"] + REGIONS["right_brow"],
    "nose": REGIONS["nose_bridge"] + REGIONS["nose_base"],
    "eyes": REGIONS["left_eye"] + REGIONS["right_eye"],
    "mouth": REGIONS["outer_lip"] + REGIONS["inner_lip"],
}

OUTER_EYE_CORNERS = (36, 45)

# Landmark i of a mirrored image is landmark MIRROR[i] of the original.
MIRROR: tuple[int, ...] = (
    *range(16, -1, -1),
    *range(26, 16, -1),
    *(27, 28, 29, 30),
    *range(35, 30, -1),
    *(45, 44, 43, 42, 47, 46),
    *(39, 38, 37, 36, 41, 40),
    *range(54, 47, -1),
    *range(59, 54, -1),
    *range(64, 59, -1),
    *(67, 66, 65),
)

# Polylines for drawing: (indices, closed).
CONTOURS: tuple[tuple[tuple[int, ...], bool], ...] = (
    (REGIONS["jaw"], False),
    (REGIONS["left_brow"], False),
    (REGIONS["right_brow"], False),
    (REGIONS["nose_bridge"], False),
    (REGIONS["nose_base"], False),
    (REGIONS["left_eye"], True),
    (REGIONS["right_eye"], True),
    (REGIONS["outer_lip"], True),
    (REGIONS["inner_lip"], True),
)
