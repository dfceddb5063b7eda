"""One small instance of each mechanism, whose every outcome can be walked; a middling one; payloads nobody can send."""

from choral.mechanisms import (
    CountMeanSketch,
    HadamardCountMeanSketch,
    LocalHashing,
    ProjectiveGeometryResponse,
    RandomizedResponse,
    SubsetSelection,
    UnaryEncoding,
)

SEED = bytes(range(32))
SMALL = {
    mechanism.NAME: mechanism
    for mechanism in (
        RandomizedResponse.for_epsilon(1.5, 5),
        CountMeanSketch.for_epsilon(2.0, 3, seed=SEED, width=8, rows=2),
        HadamardCountMeanSketch.for_epsilon(2.0, 6, seed=SEED, width=8, rows=4),
        ProjectiveGeometryResponse.for_epsilon(1.2, 13),
        SubsetSelection.for_epsilon(1.0, 7),
        UnaryEncoding.for_epsilon(1.5, 6),
        LocalHashing.for_epsilon(1.5, 4, prime=7),
    )
}
MIDDLING = {
    mechanism.NAME: mechanism
    for mechanism in (
        RandomizedResponse.for_epsilon(1.5, 10),
        CountMeanSketch.for_epsilon(2.0, 20, seed=SEED, width=16, rows=32),
        HadamardCountMeanSketch.for_epsilon(2.0, 20, seed=SEED, width=16, rows=32),
        ProjectiveGeometryResponse.for_epsilon(2.0, 70),
        SubsetSelection.for_epsilon(1.0, 37),
        UnaryEncoding.for_epsilon(2.0, 77),
        LocalHashing.for_epsilon(2.0, 33),
    )
}


def number(value: int, size: int = 4) -> bytes:
    return value.to_bytes(size, "little")


ILLEGAL = {  # for the small instances
    "randomized-response/1": {"the category after the last": number(5), "the largest category": b"\xff" * 4},
    "count-mean-sketch/1": {"the row after the last": number(2) + b"\0", "the largest row": b"\xff" * 5},
    "hadamard-count-mean-sketch/1": {
        "the row after the last": number(4) + bytes(4),
        "the column after the last": number(0) + number(8, 2) + bytes(2),
        "a third sign": bytes(6) + number(2, 2),
    },
    "projective-geometry-response/1": {"the point after the last": number(13), "the largest point": b"\xff" * 4},
    "subset-selection/1": {
        "the empty set": bytes(4),
        "one category too many": b"\x07\0\0\0",
        "the set of all": b"\x7f\0\0\0",
        "a category after the last": b"\x81\0\0\0",
        "padding that is not zero": b"\x01\0\0\x80",
    },
    "unary-encoding/1": {"a bit after the last": b"\x40\0\0\0", "padding that is not zero": b"\0\0\0\x80"},
    "local-hashing/1": {
        "the slope after the last": number(7) + number(0) + number(0),
        "the offset after the last": number(0) + number(7) + number(0),
        "the bucket after the last": number(0) + number(0) + number(5),
    },
}
