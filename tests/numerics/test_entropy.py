import os

import numpy as np
import pytest
from scipy.stats import chisquare

from choral.numerics import FLIP_UNIT, Entropy, ScriptedEntropy, SeededEntropy, SystemEntropy
from choral.numerics.entropy import BULK_ROWS, FLIP_BITS, _streams
from choral.numerics.kernels import chacha_streams

KEY = bytes(range(32))
FALSE_ALARM = 1e-9


@pytest.mark.parametrize("source", [SystemEntropy(), SeededEntropy(1), ScriptedEntropy(range(10_000))])
def test_every_source_answers_every_draw_in_shape(source: Entropy):
    assert source.words(3, 2).shape == (3, 2)
    assert source.below(5, 7).max() < 7
    assert source.chance(4, 2**63).dtype == np.bool_
    assert source.flips(2, 128, 99).shape == (2, 16)
    assert source.flips(2, 5, 99).shape == (2, 1)
    assert source.words(0, 2).shape == (0, 2)
    assert source.flips(0, 64, 99).shape == (0, 8)


def test_a_cohort_reads_the_streams_of_its_devices_call_after_call():
    cohort, devices = SeededEntropy(5, stream=9), [SeededEntropy(5, stream=9 + row) for row in range(BULK_ROWS + 3)]
    for draw in (lambda e, n: e.words(n, 3), lambda e, n: e.flips(n, 192, 12345), lambda e, n: e.below(n, 1000)[:, None]):
        alone = np.concatenate([draw(device, 1) for device in devices])
        assert (draw(cohort, len(devices)) == alone).all()


def test_streams_and_seeds_differ():
    first = SeededEntropy(1).words(1, 64)
    assert not (first == SeededEntropy(2).words(1, 64)).any()
    assert not (first == SeededEntropy(1, stream=1).words(1, 64)).any()
    assert not (SystemEntropy().words(1, 64) == SystemEntropy().words(1, 64)).any()


@pytest.mark.parametrize(("start", "count"), [(0, 1), (0, 8), (3, 5), (7, 2), (5, 40), (1, 384), (123, 17)])
def test_the_compiled_keystream_equals_the_cipher(start, count):
    for stream in (0, 7, 2**32 - 3, 2**40):
        assert (chacha_streams(KEY, stream, start, 37, count) == _streams(KEY, stream, start, 37, count)).all()


@pytest.mark.parametrize("count", [1, 8, 63, 64, 128, 320, 1024])
@pytest.mark.parametrize("numerator", [1, 2, 2**23, 2**23 + 1, 1_998_377, FLIP_UNIT - 1])
def test_a_cohorts_flips_equal_a_plain_comparison_of_integers(count, numerator):
    """Bit b of word w is set iff the integer whose binary digits are bit b of planes 0 .. 23 is below the numerator."""
    rows, width = BULK_ROWS + 1, -(-count // 64)
    entropy, twin = SeededEntropy(3), SeededEntropy(3)
    entropy.words(rows, 1)
    twin.words(rows, 1)
    planes = twin.words(rows, FLIP_BITS * width).reshape(rows, FLIP_BITS, width)
    digits = planes[..., None] >> np.arange(64, dtype=np.uint64) & np.uint64(1)
    integers = (digits << np.arange(FLIP_BITS, dtype=np.uint64)[None, :, None, None]).sum(axis=1)
    expected = (integers < numerator).reshape(rows, 64 * width)[:, :count]
    packed = entropy.flips(rows, count, numerator)
    assert (np.unpackbits(packed, axis=1, bitorder="little")[:, :count] == expected).all()
    assert not np.unpackbits(packed, axis=1, bitorder="little")[:, count:].any()
    assert (entropy.words(rows, 2) == twin.words(rows, 2)).all()


def test_scripted_words_are_taken_in_order_and_run_short_aloud():
    entropy = ScriptedEntropy([5, 6, 7])
    assert entropy.words(1, 2).tolist() == [[5, 6]]
    with pytest.raises(ValueError, match="2 words wanted, 1 left"):
        entropy.words(2, 1)


@pytest.mark.parametrize("numerator", [0, FLIP_UNIT, -1])
def test_flips_refuse_a_chance_of_zero_or_one(numerator):
    for entropy in (SystemEntropy(), SeededEntropy(1)):
        with pytest.raises(ValueError, match="numerator"):
            entropy.flips(BULK_ROWS, 64, numerator)


def test_draws_refuse_bounds_they_cannot_keep():
    entropy = SystemEntropy()
    for bound in (0, 2**63 + 1):
        with pytest.raises(ValueError, match="bound"):
            entropy.below(1, bound)
    for numerator in (-1, 2**64):
        with pytest.raises(ValueError, match="numerator"):
            entropy.chance(1, numerator)


@pytest.mark.filterwarnings("ignore:os.fork")  # another test of this process may have started JAX's threads
def test_a_fork_shares_no_noise_with_its_parent():
    entropy = SystemEntropy()
    entropy.words(1, 1)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, entropy.words(1, 32).tobytes())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reader, 256)
    os.close(reader)
    os.close(writer)
    assert len(theirs) == 256
    assert theirs != entropy.words(1, 32).tobytes()


def test_the_keystream_is_rfc_8439s():
    """Section 2.4.2's key, nonce and counter, first block of the keystream (its cipher text without the plain text)."""
    expected = bytes.fromhex("224f51f3401bd9e12fde276fb8631ded8c131f823d2c06e27e4fcaec9ef3cf788a3b0aa372600a92b57974cded2b9334")
    stream = int.from_bytes(bytes.fromhex("000000000000004a00000000"), "little")
    assert _streams(KEY, stream, 8, 1, 6).tobytes() == expected


def test_small_draws_are_uniform():
    counts = np.bincount(SeededEntropy(11).below(60_000, 6).astype(np.int64), minlength=6)
    assert chisquare(counts).pvalue > FALSE_ALARM
