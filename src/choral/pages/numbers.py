"""Numbers, sizes and times as people read them; a number that was estimated never comes without its error.

Knows digits. Leaves to others what is counted.
"""

import math
from datetime import UTC, datetime

from markupsafe import Markup

SPAN_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def with_error(value: float, stderr: float) -> str:
    """Value and standard error, the error to two digits and the value to the same place.

    >>> with_error(1234.56, 78.9), with_error(0.1234, 0.0171), with_error(98_765, 1_234)
    ('1,235 ± 79', '0.123 ± 0.017', '98,800 ± 1,200')
    """
    digits = error_digits(stderr)
    return f"{rounded(value, digits)} ± {rounded(stderr, digits)}"


def error_digits(stderr: float) -> int:
    """The decimal place of the error's second digit, as `round` counts places; 0 for an exact number."""
    if not math.isfinite(stderr) or stderr < 0:
        raise ValueError(f"a standard error is finite and at least 0, got {stderr=}")
    if stderr == 0:
        return 0
    digits = 1 - math.floor(math.log10(stderr))
    return digits - 1 if round(stderr, digits) >= 10.0 ** (2 - digits) else digits


def rounded(value: float, digits: int) -> str:
    """The value to `digits` decimal places (below zero: tens, hundreds ...), with separators and a true minus sign.

    >>> rounded(-1234.5, -1), rounded(0.0625, 3)
    ('−1,230', '0.062')
    """
    kept = round(value, digits) + 0.0  # + 0.0 makes minus zero plain
    return f"{kept:,.{max(digits, 0)}f}".replace("-", "−")


def count(number: int) -> str:
    """An exact number with separators.

    >>> count(28000)
    '28,000'
    """
    return f"{number:,}"


def upper(bound: float) -> str:
    """An upper bound, rounded up: two places below 10, one below 1,000, then none; it never promises too much.

    >>> upper(0.04931), upper(3.9999999), upper(54.598), upper(2980.9)
    ('0.05', '4', '54.6', '2,981')
    """
    digits = 2 if bound < 10 else 1 if bound < 1_000 else 0
    raised = math.ceil(bound * 10**digits) / 10**digits
    return f"{raised:,.{digits}f}".rstrip("0").rstrip(".") if digits else f"{raised:,.0f}"


def span(seconds: int) -> str:
    """A length of time in its largest whole unit.

    >>> span(604_800), span(3_600), span(5_400), span(0)
    ('7 days', '1 hour', '90 minutes', '0 seconds')
    """
    name, unit = next(((name, unit) for name, unit in SPAN_UNITS if seconds and seconds % unit == 0), SPAN_UNITS[-1])
    return plural(seconds // unit, name)


def plural(number: int, noun: str) -> str:
    """A number with its noun.

    >>> plural(1, "report"), plural(2000, "report")
    ('1 report', '2,000 reports')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def when(seconds: int) -> Markup:
    """A moment as a <time> element, in words and UTC.

    >>> print(when(1_800_000_000))
    <time datetime="2027-01-15T08:00:00Z">15 January 2027, 08:00 UTC</time>
    """
    moment = datetime.fromtimestamp(seconds, UTC)
    words = f"{moment.day} {moment:%B %Y, %H:%M} UTC"
    return Markup('<time datetime="{}">{}</time>').format(f"{moment:%Y-%m-%dT%H:%M:%SZ}", words)
