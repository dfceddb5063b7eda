"""A small instance of each mechanism for vectors, a middling one, and payloads nobody can send."""

from choral.mechanisms.gaussian_vector import GaussianVector
from choral.mechanisms.laplace_model import LaplaceModel
from choral.mechanisms.laplace_vector import LaplaceVector
from choral.mechanisms.priv_unit import PrivUnit
from choral.mechanisms.proj_unit import ProjUnit

SMALL = {
    mechanism.NAME: mechanism
    for mechanism in (
        PrivUnit.for_epsilon(2.0, 3, clip_norm=1.5, pairs=4),
        ProjUnit.for_epsilon(2.0, 5, clip_norm=1.5, width=3, pairs=4),
        GaussianVector(3, 1_500_000, 100, 4),
        LaplaceVector(3, 1_500_000, 60, 40, 50),
    )
}
MODEL = LaplaceModel.around(SMALL[LaplaceVector.NAME])  # its values are a centre and an update, so no contract of vectors
MIDDLING = {
    mechanism.NAME: mechanism
    for mechanism in (
        PrivUnit.for_epsilon(3.0, 20, clip_norm=0.5, pairs=32),
        ProjUnit.for_epsilon(3.0, 40, clip_norm=0.5, width=8, pairs=16),
        GaussianVector.for_sum(4.0, 20, clip_norm=0.5, minimum=200),
        LaplaceVector.for_epsilon(3.0, 20, clip_norm=0.5),
    )
}


def number(value: int, size: int) -> bytes:
    return value.to_bytes(size, "little", signed=value < 0)


ILLEGAL = {  # for the small instances
    "priv-unit/1": {"the number after the last": number(7, 8) + number(8, 2), "the largest number": bytes(8) + b"\xff\xff"},
    "proj-unit/1": {"the number after the last": number(7, 8) + number(8, 2), "the largest number": bytes(8) + b"\xff\xff"},
    "gaussian-vector/1": {
        "a step beyond radius and noise": number(157, 4) + bytes(8),
        "a step below both": bytes(4) + number(-157, 4) + bytes(4),
        "the least number": bytes(8) + b"\0\0\0\x80",
    },
    "laplace-vector/1": {
        "a step beyond the limit": number(889, 4) + bytes(8),
        "a step below it": bytes(4) + number(-889, 4) + bytes(4),
        "the least number": bytes(8) + b"\0\0\0\x80",
    },
}
MODEL_ILLEGAL = {"the least number": bytes(6) + b"\0\0\x80"}
