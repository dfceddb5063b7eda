"""A device's store at rest: what a thief of its file learns."""

from choral.storage.device_sqlite import NONCE_BYTES, RowCipher


def test_no_two_seals_share_a_nonce():
    """Under one key a nonce twice gives the difference of two rows, and forgeries. Equal by chance: 1,000**2 / 2**97."""
    cipher = RowCipher(bytes(32))
    name = cipher.name("ledger", b"ledger")
    seals = [cipher.seal("ledger", name, b"ledger", b"%d" % (number % 2)) for number in range(1_000)]
    assert len({one[:NONCE_BYTES] for one in seals}) == len(seals)
    assert len({one[NONCE_BYTES:] for one in seals}) == len(seals)
