"""What a guarantee is and what it costs.

Knows: epsilon, delta, neighbours, trust. Must not know: how noise is drawn, devices, the wire.
Interface: `Guarantee`, `shuffled`, `Clones`, `micro`, `required_price`.
Add here: an accountant or an amplification bound, with the paper it comes from.
Tested in: tests/privacy.
"""

from choral.privacy.amplification import shuffled, shuffled_epsilon
from choral.privacy.clones import Clones
from choral.privacy.guarantee import MICRO, TRUSTS, Guarantee, Trust, local, micro
from choral.privacy.price import required_price

__all__ = [
    "MICRO",
    "TRUSTS",
    "Clones",
    "Guarantee",
    "Trust",
    "local",
    "micro",
    "required_price",
    "shuffled",
    "shuffled_epsilon",
]
