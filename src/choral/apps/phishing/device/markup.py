"""What a page says by itself: features of the bytes that this person's client received. Nothing is fetched, nothing runs.

Device half: no server, no simulation. A site that shows crawlers another page is still seen as this person sees it. The 20
columns of Hannousse and Yahiouche (2021) follow their published extractor, odd ones included: a reference is internal if it
names the host, or is relative, or has one dot; absolute internal ones are not counted; `ratio_nullHyperlinks`, `sfh` and
`submit_email` are 0 in their whole table, which that extractor can give nothing else for, and so here: a model that never
saw them would answer with noise. What they were meant to say stands among our own features.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from choral.apps.phishing.device.nesting import require_readable
from choral.apps.phishing.device.urls import Link, read_link
from choral.errors import Refused, UsageError

MOST_BYTES = 512 * 1024
MOST_TITLE = 10_000
NEAR_COPYRIGHT = 50  # characters before and after the sign
COPYRIGHT = re.compile("[©™®]")
RIGHT_CLICK = re.compile(r"event\.button ?== ?2")
STATUS = re.compile(r"onmouseover\s*=\s*[\"']\s*window\.status\s*=", re.IGNORECASE)
ABSOLUTE = re.compile(r"\s*(?:https?:)?[/\\]{2,}([^/\\?#]*)", re.IGNORECASE)
NOWHERE = ("", "#", "about:blank")


@dataclass(frozen=True, slots=True)
class References:
    """All addresses in a page, by what refers to them, as they stand there."""

    anchors: Sequence[str]
    links: Sequence[str]
    scripts: Sequence[str]
    media: Sequence[str]
    forms: Sequence[str]
    styles: Sequence[str]
    icons: Sequence[str]

    @classmethod
    def of(cls, tree: Any) -> Self:
        """Those of a parsed page."""
        links = [(said.get("href") or "", (said.get("rel") or "").lower()) for said in _attributes(tree, "link[href]")]
        return cls(
            anchors=_values(tree, "a", "href"),
            links=[address for address, _ in links],
            scripts=_values(tree, "script", "src"),
            media=[value for tag in ("img", "audio", "embed", "iframe") for value in _values(tree, tag, "src")],
            forms=_values(tree, "form", "action"),
            styles=[address for address, kind in links if kind == "stylesheet"],
            icons=[address for address, kind in links if any(one.endswith("icon") for one in kind.split())],
        )


@dataclass(frozen=True, slots=True)
class Page:
    """What was read of a page: features by name, whether it asks for a password, and its language as it says itself."""

    features: Mapping[str, float]
    asks_password: bool
    language: str


def read_page(data: bytes, link: Link) -> Page:
    """The page that came from `link`: the 20 columns of the data set, then our own.

    Refused for what is no page, is too long, or so deeply nested that reading it would take minutes.
    """
    data = as_utf8(data)
    if len(data) > MOST_BYTES:
        raise Refused(f"the page has more than the {MOST_BYTES:,} bytes that are read; type no password there")
    require_readable(data)
    tree = _parsed(data)
    found = References.of(tree)
    features = {**_columns(found, link), **_said(tree, data.decode("utf-8", "replace"), link), **_own(tree, found, link)}
    tree.strip_tags(["script", "style", "template"])
    features |= _written(tree, link)
    return Page(features, features["password_boxes"] > 0, _language(tree))


def as_utf8(data: bytes) -> bytes:
    """The page in UTF-8, also if it came in UTF-16, in which a password box would be overlooked; Refused for a binary file."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        data = data.decode("utf-16", "replace").encode()
    if b"\0" in data:
        raise Refused("the file holds NUL bytes, as pages do not: it is another kind of file; type no password there")
    return data


def _columns(found: References, link: Link) -> dict[str, float]:
    """The data set's columns about references."""
    anchors, media, forms, styles = (_counted(one, link) for one in (found.anchors, found.media, found.forms, found.styles))
    tags = _counted([*found.links, *found.scripts], link)
    icons = _counted([*found.links, *found.icons], link)
    inside, outside = (sum(one) for one in zip(anchors, tags, media, forms, styles, icons, strict=True))
    total = inside + outside
    unsafe = sum(map(_is_unsafe, (one for one in found.anchors if not one.startswith("http") or _is_ours(one, link))))
    return {
        "nb_hyperlinks": total,
        "ratio_intHyperlinks": inside / total if total else 0.0,
        "ratio_extHyperlinks": outside / total if total else 0.0,
        "ratio_nullHyperlinks": 0.0,
        "nb_extCSS": styles[1],
        "login_form": forms[1] > 0,
        "external_favicon": icons[1] > 0,
        "links_in_tags": _percent(tags[0], sum(tags)),
        "submit_email": 0.0,
        "ratio_intMedia": _percent(media[0], sum(media)),
        "ratio_extMedia": _percent(media[1], sum(media)),
        "sfh": 0.0,
        "safe_anchor": _percent(unsafe, unsafe + anchors[1]),
    }


def _said(tree: Any, markup: str, link: Link) -> dict[str, float]:
    """The data set's columns about title, frames and scripts."""
    title = title_of(tree)
    return {
        "iframe": any(_is_invisible(frame) for frame in tree.css("iframe")),
        "popup_window": "prompt(" in markup.lower(),
        "onmouseover": bool(STATUS.search(markup)),
        "right_clic": bool(RIGHT_CLICK.search(markup)),
        "empty_title": not title,
        "domain_in_title": link.label.lower() not in title.lower(),
    }


def _written(tree: Any, link: Link) -> dict[str, float]:
    """About the text that a person reads, once scripts are gone."""
    text = _text(tree)
    sign = COPYRIGHT.search(text)
    near = text[max(sign.start() - NEAR_COPYRIGHT, 0) : sign.start() + NEAR_COPYRIGHT].lower() if sign else ""
    return {
        "domain_with_copyright": sign is not None and link.label.lower() not in near,
        "words_on_page": len(text.split()),
    }


def _own(tree: Any, found: References, link: Link) -> dict[str, float]:
    """What the data set has no column for."""
    actions = [(said.get("action") or "").strip().lower() for said in _attributes(tree, "form")]
    away = _away(found.anchors, link)
    return {
        "password_boxes": len(tree.css("input[type=password i]")),
        "forms": len(actions),
        "forms_elsewhere": _away(found.forms, link),
        "forms_by_mail": sum(one.startswith("mailto:") for one in actions),
        "forms_nowhere": sum(one in NOWHERE or one.startswith("javascript:") for one in actions),
        "forms_unencrypted": sum(one.startswith("http:") for one in actions),
        "iframes": len(tree.css("iframe")),
        "paragraphs": len(tree.css("p")),
        "hyperlinks": len(found.anchors),
        "hyperlinks_out": away / len(found.anchors) if found.anchors else 0.0,
        "hidden_inputs": len(tree.css("input[type=hidden i]")),
    }


def _language(tree: Any) -> str:
    root = tree.css_first("html[lang]")
    said = (root.attributes.get("lang") or "") if root is not None else ""
    return said.split("-")[0].strip().lower()[:8]


def title_of(tree: Any) -> str:
    """The page's title."""
    found = tree.css_first("title")
    return str(found.text() or "")[:MOST_TITLE] if found is not None else ""


def _parsed(data: bytes) -> Any:
    try:
        from selectolax.lexbor import LexborHTMLParser
    except ImportError as error:
        raise UsageError("reading pages needs the extra 'phishing': pip install 'choral[phishing]'") from error
    return LexborHTMLParser(data or b"<html></html>")


def _text(tree: Any) -> str:
    body = tree.body
    return str(body.text(deep=True, separator=" ") or "") if body is not None else ""


def _attributes(tree: Any, selector: str) -> list[Mapping[str, str | None]]:
    return [element.attributes for element in tree.css(selector)]


def _values(tree: Any, tag: str, name: str) -> list[str]:
    """The attribute `name` of all elements `tag` that have it."""
    return [said.get(name) or "" for said in _attributes(tree, f"{tag}[{name}]")]


def _counted(references: Iterable[str], link: Link) -> tuple[int, int]:
    """How many of the references lead inside, and how many outside."""
    inside = outside = 0
    for one in references:
        if not one.startswith("http"):
            inside += 1
        elif not _is_ours(one, link):
            outside += 1
    return inside, outside


def _is_ours(reference: str, link: Link) -> bool:
    return link.host in reference or link.registered in reference or reference.count(".") == 1


def _is_unsafe(reference: str) -> bool:
    text = reference.lower()
    return "#" in text or "javascript" in text or "mailto" in text


def _is_invisible(frame: Any) -> bool:
    said = frame.attributes
    if said.get("width") != "0" or said.get("height") != "0":
        return False
    return "0" in (said.get("frameborder"), said.get("border")) or said.get("style") == "border:none;"


def _away(references: Iterable[str], link: Link) -> int:
    """How many of the references lead to another registered domain; one that cannot be read does."""
    hosts = Counter(found[1].lower() for one in references if (found := ABSOLUTE.match(one)))
    return sum(count for host, count in hosts.items() if host != link.host and _is_elsewhere(host, link))


def _is_elsewhere(host: str, link: Link) -> bool:
    try:
        return read_link(f"https://{host}/").registered != link.registered
    except Refused:
        return True


def _percent(part: int, whole: int) -> float:
    return 100.0 * part / whole if whole else 0.0
