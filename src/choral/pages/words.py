"""Guarantees in plain words, and words for what is only drawn.

Knows what a promise means to a reader. Leaves the numbers to the privacy room.
"""

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from choral.pages.numbers import upper
from choral.privacy import Guarantee

NO_AMPLIFICATION = "no amplification"  # as the privacy room says it in an assumption
MOST_WORDS = 14  # odds above e^14, a million, are not written out
INVISIBLE = ("Cf", "Me", "Mn")  # Unicode categories of what joins or changes a sign
KEYCAP = "\u20e3"
FIRST_NEW_EMOJI = "\U0001f000"
OUTLINES = re.compile(r"\b(black|white|heavy) (?=\w)")
FIRST_FLAG_LETTER, LAST_FLAG_LETTER = "\U0001f1e6", "\U0001f1ff"


@dataclass(frozen=True, slots=True)
class Promise:
    """One guarantee for a reader: on what condition, what is promised, and the numbers behind the words."""

    condition: str
    text: str
    numbers: str
    is_conditional: bool


def promises(guarantees: Sequence[Guarantee]) -> tuple[Promise, ...]:
    """The promises, those that need nobody's honesty first."""
    ordered = sorted(guarantees, key=lambda one: one.trust != "nobody")
    return tuple(_conditional(one) if one.trust != "nobody" else _unconditional(one) for one in ordered)


def spoken(label: str) -> str:
    """What an emoji or a sign shows, in words; empty for a label that is already words.

    >>> spoken("😂"), spoken("❤️"), spoken("🇯🇵"), spoken("hello")
    ('face with tears of joy', 'heart', 'flag JP', '')
    """
    signs = [sign for sign in label if unicodedata.category(sign) not in INVISIBLE]
    if KEYCAP not in label and any(sign.isalnum() for sign in signs):
        return ""
    if all(FIRST_FLAG_LETTER <= sign <= LAST_FLAG_LETTER for sign in signs):
        return "flag " + "".join(chr(ord("A") + ord(sign) - ord(FIRST_FLAG_LETTER)) for sign in signs)
    return ", ".join(map(_shown, signs))


def _shown(sign: str) -> str:
    """The Unicode name; among older signs black, white and heavy mean filled and outlined, which emoji are not."""
    name = unicodedata.name(sign, f"U+{ord(sign):04X}").lower()
    return name if sign >= FIRST_NEW_EMOJI or name.endswith(("circle", "square")) else OUTLINES.sub("", name)


def _unconditional(guarantee: Guarantee) -> Promise:
    if guarantee.hides_little:
        told = f"Next to nothing is hidden of {guarantee.unit} from whoever sees it by itself, which nobody should."
        return Promise("Even if nobody is honest", told, _numbers(guarantee), is_conditional=False)
    return Promise(
        "Even if nobody is honest",
        f"Whatever anyone concludes from {guarantee.unit} is at most {_times(guarantee)} than if it had "
        f"told of something else{_slip(guarantee)}. It holds whatever the server does.",
        _numbers(guarantee),
        is_conditional=False,
    )


def _conditional(guarantee: Guarantee) -> Promise:
    condition = guarantee.assumption.removesuffix(f"; {NO_AMPLIFICATION}")
    factor = f"at most {_times(guarantee)} for {guarantee.unit}{_slip(guarantee)}"
    if guarantee.trust == "sum":
        return Promise(f"If {condition}", f"Then, because only their sum is seen: {factor}.", _numbers(guarantee), True)
    text = (
        f"Then also, because each report hides among the others: {factor}."
        if NO_AMPLIFICATION not in guarantee.assumption
        else f"There is no amplification: the smallest batch is too small to promise more than its reports do alone; {factor}."
    )
    return Promise(f"If {condition}", text, _numbers(guarantee), is_conditional=True)


def _times(guarantee: Guarantee) -> str:
    odds = f"e^{upper(guarantee.epsilon)}" if guarantee.epsilon > MOST_WORDS else upper(math.exp(guarantee.epsilon))
    return f"{odds} times likelier"


def _slip(guarantee: Guarantee) -> str:
    weak = ", which promises next to nothing" if guarantee.epsilon > MOST_WORDS else ""
    return weak + (f", except with chance {guarantee.delta:g}" if guarantee.delta else "")


def _numbers(guarantee: Guarantee) -> str:
    delta = f", δ = {guarantee.delta:g}" if guarantee.delta else ""
    bound = "no bound on ε" if math.isinf(guarantee.epsilon) else f"ε = {upper(guarantee.epsilon)}"
    return f"{bound}{delta} for {guarantee.unit}, {guarantee.relation}"
