"""Where and when a link was received: locale, country, time of day. It stays on this device, as all features do.

Device half: no server, no simulation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from choral.apps.phishing.device.urls import Link
from choral.errors import UsageError

NIGHT = range(6)  # hours
WEEKEND = 5  # Saturday
MOST_TAG = 16


@dataclass(frozen=True, slots=True)
class Context:
    """language: of this person's device, such as "ja"; country: such as "JP"; at: local time, with its time zone."""

    language: str
    country: str
    at: datetime

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError("a context's time needs a time zone, such as datetime.now().astimezone()")

    @classmethod
    def of(cls, locale: str, at: datetime) -> "Context":
        """From a locale such as "ja_JP.UTF-8" or "en-GB"; UsageError if it is none.

        >>> from datetime import UTC
        >>> Context.of("ja_JP.UTF-8", datetime(2026, 1, 1, tzinfo=UTC)).country
        'JP'
        """
        language, _, country = locale.split(".")[0].split("@")[0].replace("-", "_").partition("_")
        if len(locale) > MOST_TAG or not (language.isalpha() and (country.isalnum() or not country)):
            raise UsageError(f"{locale[:MOST_TAG]!r} is no locale; give one such as en_GB or ja_JP")
        return cls(language.lower(), country.upper(), at)


def context_features(context: Context, link: Link, language: str = "") -> Mapping[str, float]:
    """Features by name. language: the page's, as it says itself; empty if it does not say or was not seen."""
    suffix = link.suffix.rpartition(".")[2]
    of_a_country = len(suffix) == 2 and suffix.isalpha()
    return {
        "at_night": float(context.at.hour in NIGHT),
        "at_weekend": float(context.at.weekday() >= WEEKEND),
        "foreign_suffix": float(of_a_country and bool(context.country) and suffix.upper() != _suffix_country(context.country)),
        "foreign_language": float(bool(language) and language != context.language),
    }


def _suffix_country(country: str) -> str:
    return "UK" if country == "GB" else country
