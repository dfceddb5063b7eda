"""The features of a link in the order in which models expect them, and on which scale.

Device half: no server, no simulation. `PUBLIC` are the 52 columns that public data have; models that are warm-started or
judged on public data use them. `WIDE` adds what only a device knows. The constants of all scales are public and ship.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from choral.apps.phishing.device.columns import HANNOUSSE_PAGE, HANNOUSSE_URL
from choral.apps.phishing.device.context import Context, context_features
from choral.apps.phishing.device.lookalike import Brands, likeness_features, shipped_brands
from choral.apps.phishing.device.markup import Page, read_page
from choral.apps.phishing.device.scaling import Scaling
from choral.apps.phishing.device.urls import Link, read_link, url_features
from choral.errors import UsageError

Floats = NDArray[np.float64]
_MORE_URL = "parameters path_depth user_in_link beyond_ascii brand_distance brand_named mixed_scripts"
_MORE_PAGE = """
    password_boxes forms forms_elsewhere forms_by_mail forms_nowhere forms_unencrypted iframes paragraphs hyperlinks
    hyperlinks_out hidden_inputs words_on_page
"""
_CONTEXT = "at_night at_weekend foreign_suffix foreign_language"
PUBLIC = HANNOUSSE_URL + HANNOUSSE_PAGE
MORE = tuple((_MORE_URL + _MORE_PAGE + " " + _CONTEXT).split())
WIDE = PUBLIC + MORE
DIGITS = 6
AGAIN = "install choral again"
OF_PAGE = frozenset((*HANNOUSSE_PAGE, *_MORE_PAGE.split(), "foreign_language"))  # unknown while no page was seen


@dataclass(frozen=True, slots=True)
class Seen:
    """A link that was received, with its features by name. page_seen: whether its page was, too.

    brand: the protected brand that its host looks like, empty for none
    """

    link: Link
    features: Mapping[str, float]
    page_seen: bool
    asks_password: bool
    brand: str


def look(text: str, page: bytes | None, context: Context, brands: Brands | None = None) -> Seen:
    """Everything about a link and the bytes of its page, if this person's client received any; Refused if unreadable."""
    link = read_link(text)
    seen = Page({}, asks_password=False, language="") if page is None else read_page(page, link)
    likeness = (brands or shipped_brands()).likeness(link)
    found = {
        **url_features(link),
        **likeness_features(likeness),
        **seen.features,
        **context_features(context, link, seen.language),
    }
    features = {name: float(found[name]) for name in WIDE if name in found}
    return Seen(link, features, page is not None, seen.asks_password, likeness.brand)


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Which features a model reads, in order, and on which scale. unknown: what stands for one that was not seen."""

    names: tuple[str, ...]
    scaling: Scaling
    unknown: Floats

    def rows(self, features: Sequence[Mapping[str, float]]) -> Floats:
        """float64[n, f], scaled; ValueError for a feature that is not finite."""
        raw = np.array([[one.get(name, np.nan) for name in self.names] for one in features], np.float64)
        raw = raw.reshape(len(features), len(self.names))
        is_known = ~np.isnan(raw)
        if np.isinf(raw).any():
            raise ValueError("a feature is not finite")
        return np.where(is_known, self.scaling(np.where(is_known, raw, 0.0)), self.unknown)

    def as_read_by(self, other: Self, rows: Floats) -> Floats:
        """Rows of this layout on the scale of another, whose names are all in this one; what was cut stays cut."""
        places = [self.names.index(name) for name in other.names]
        return other.scaling.of_logs(self.scaling.logs(rows)[:, places])


@dataclass(frozen=True, slots=True, eq=False)
class Constants:
    """Scales of the 52 columns, from public rows: mean 0 and variance 1, and within [0, 1]."""

    standard: Scaling
    unit: Scaling

    @property
    def public(self) -> Layout:
        """Standardized; what is unknown counts as the public mean, 0."""
        return Layout(PUBLIC, self.standard, np.zeros(len(PUBLIC)))

    @property
    def in_unit(self) -> Layout:
        """Within [0, 1], as draw and discard asks; what is unknown counts as the public mean."""
        mean = np.expm1(self.standard.shift)
        return Layout(PUBLIC, self.unit, self.unit(mean[None])[0])

    @property
    def wide(self) -> Layout:
        """All features; those beyond the public ones by their logarithm alone, as no public rows tell their scale."""
        base, more = self.standard, len(MORE)
        scaling = Scaling(np.append(base.shift, np.zeros(more)), np.append(base.width, np.ones(more)), base.low, base.high)
        return Layout(WIDE, scaling, np.zeros(len(WIDE)))

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """From the document that ships; UsageError if it is not about the 52 columns."""
        try:
            found = cls(_scaling(document["standard"]), _scaling(document["unit"]))
            names = tuple(document["names"])
        except (ValueError, LookupError, TypeError) as error:
            raise UsageError(f"the public constants cannot be read ({type(error).__name__}); {AGAIN}") from error
        if names != PUBLIC or not (_is_sound(found.standard) and _is_sound(found.unit)):
            raise UsageError(f"the public constants are not those of the 52 columns; {AGAIN}")
        return found

    def document(self) -> dict[str, Any]:
        """What `of` reads."""
        return {"names": PUBLIC, "standard": _written(self.standard), "unit": _written(self.unit)}


@lru_cache(maxsize=1)
def shipped_document() -> Mapping[str, Any]:
    """Constants and the public model, as they ship."""
    document: Mapping[str, Any] = json.loads(files("choral.apps.phishing").joinpath("data/public.json").read_text("utf-8"))
    return document


@lru_cache(maxsize=1)
def constants() -> Constants:
    """The constants that ship."""
    return Constants.of(shipped_document())


def _scaling(values: Mapping[str, Any]) -> Scaling:
    shift, width = (np.array(values[name], np.float64) for name in ("shift", "width"))
    return Scaling(shift, width, float(values["low"]), float(values["high"]))


def _is_sound(one: Scaling) -> bool:
    fits = one.shift.shape == one.width.shape == (len(PUBLIC),) and one.low < one.high
    return fits and bool(np.isfinite(one.shift).all() and np.isfinite(one.width).all() and (one.width > 0).all())


def _written(one: Scaling) -> dict[str, Any]:
    shift, width = ([round(float(value), DIGITS) for value in values] for values in (one.shift, one.width))
    return {"shift": shift, "width": width, "low": one.low, "high": one.high}
