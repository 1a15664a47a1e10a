"""Random damage to the bytes of a file, the same for the same number."""

from collections.abc import Callable

import numpy as np

# Bytes at either end of a file, where headers and indices are.
EDGE = 1024
# Numbers that arithmetic stumbles over, as bytes.
EXTREMES = (
    *(bytes(4), b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\0\0\0\1"),
    *(bytes(8), b"\xff" * 8, b"\xff\xff", b"\x7f", b"\0\0\xff\xff"),
)
_EXIF = b"Exif\0\0"


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """Return damaged content: one to four kinds of damage, one after the other."""
    data = bytearray(content)
    for _ in range(rng.integers(1, 5)):
        if data:
            damage = DAMAGES[rng.integers(len(DAMAGES))]
            damage(data, _place(data, rng), rng)
    return bytes(data)


def _place(data: bytearray, rng: np.random.Generator) -> int:
    """Return a place: half of all at the edges, of EXIF mostly in its block."""
    start = data.find(_EXIF)
    kind = rng.random()
    if start >= 0 and kind < 0.7:
        return min(len(data) - 1, start + int(rng.integers(40)))
    if kind < 0.3:
        return int(rng.integers(min(EDGE, len(data))))
    if kind < 0.5:
        return len(data) - 1 - int(rng.integers(min(EDGE, len(data))))
    return int(rng.integers(len(data)))


def _flip_bits(data: bytearray, place: int, rng: np.random.Generator) -> None:
    for offset in rng.integers(0, 64, rng.integers(1, 9)):
        if place + offset < len(data):
            data[place + offset] ^= 1 << int(rng.integers(8))


def _write_extreme(data: bytearray, place: int, rng: np.random.Generator) -> None:
    number = EXTREMES[rng.integers(len(EXTREMES))]
    data[place : place + len(number)] = number


def _write_noise(data: bytearray, place: int, rng: np.random.Generator) -> None:
    size = min(_length(rng), len(data) - place)
    data[place : place + size] = rng.bytes(size)


def _write_zeros(data: bytearray, place: int, rng: np.random.Generator) -> None:
    size = min(_length(rng), len(data) - place)
    data[place : place + size] = bytes(size)


def _cut_out(data: bytearray, place: int, rng: np.random.Generator) -> None:
    del data[place : place + _length(rng)]


def _cut_off(data: bytearray, place: int, rng: np.random.Generator) -> None:
    del data[max(1, place) :]


def _repeat(data: bytearray, place: int, rng: np.random.Generator) -> None:
    part = data[place : place + _length(rng)]
    data[place:place] = part


def _move(data: bytearray, place: int, rng: np.random.Generator) -> None:
    part = data[place : place + _length(rng)]
    del data[place : place + len(part)]
    other = int(rng.integers(len(data) + 1))
    data[other:other] = part


def _length(rng: np.random.Generator) -> int:
    return int(2 ** rng.uniform(0, 10))


DAMAGES: tuple[Callable[[bytearray, int, np.random.Generator], None], ...] = (
    *(_flip_bits, _flip_bits, _write_extreme, _write_extreme, _write_noise),
    *(_write_zeros, _cut_out, _cut_off, _repeat, _move),
)
