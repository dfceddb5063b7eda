"""How much work a page would make for a parser: found out in one pass over its bytes, before it is parsed.

Device half: no server, no simulation. Parsing takes the square of the depth and of a tag's attributes, and closed paragraphs
bring back every open <b> as an element of its own: a page of 20 kB could ask for gigabytes. The open elements are followed
as the HTML Standard says (13.2.5, 13.2.6), and where that is hard to say, more of them are counted than a parser would hold.
"""

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from choral.errors import Refused

MOST_DEPTH = 1_000  # elements in one another; browsers stop at about 512
MOST_ATTRIBUTES = 1_000  # of one tag
MOST_STEPS = 300_000  # elements made again, and open ones looked through
ALIKE = 3  # of formatting elements with the same attributes, which are made again
_ATTRIBUTE = (
    rb"[\t\n\f\r /]*+[^\t\n\f\r />][^\t\n\f\r />=]*+"
    rb"(?:[\t\n\f\r ]*+=[\t\n\f\r ]*+(?:\"[^\"]*+\"?+|'[^']*+'?+|[^\t\n\f\r >\"'][^\t\n\f\r >]*+)?+)?+"
)
ATTRIBUTE = re.compile(_ATTRIBUTE)
TAG = re.compile(
    rb"<!--(?:-?+>|.*?(?:--!?>|\Z))|<(?:[!?]|/[^a-z>])[^>]*+"
    rb"|<(/?)([a-z][^\t\n\f\r />]*+)((?:" + _ATTRIBUTE + rb")*+)([\t\n\f\r /]*+)",
    re.DOTALL | re.IGNORECASE,
)
UNUSUAL = re.compile(rb"<(?:select|frameset|svg|math)", re.IGNORECASE)  # in which other rules hold


def _names(text: str) -> frozenset[bytes]:
    return frozenset(text.encode().split())


RAW = {
    name: re.compile(rb"</" + name + rb"(?=[\t\n\f\r />])|\Z", re.IGNORECASE)
    for name in _names("script style title textarea xmp iframe noembed noframes")
}
VOID = _names("area base basefont bgsound br col embed frame hr image img input keygen link meta param source track wbr")
ROOT = _names("html head body")  # one of each, closed at the end only
FORMATTING = _names("a b big code em font i nobr s small strike strong tt u")
ALONE = _names("a nobr")  # one of these ends the one before
CELLS = _names("td th tr tbody thead tfoot caption colgroup")
ISLANDS = _names("foreignobject desc title annotation-xml mi mn mo ms mtext")  # of HTML in SVG or MathML
FOREIGN = _names("svg math")
SKIPPING = _names("select frameset")
MARKERS = _names("applet caption marquee object td template th")  # formatting ends where they end
HEADINGS = _names("h1 h2 h3 h4 h5 h6")
SELECTS = _names("input keygen select textarea")  # each of them ends an open select
# How far an end tag reaches: one that is not taken to reach leaves more open than a parser would.
FAR = _names("template")
TABLE = FAR | _names("table")
SCOPE = TABLE | CELLS | ISLANDS | FOREIGN | MARKERS | _names("button select")
ITEMS = SCOPE | _names("ol ul")
SPECIAL = (
    SCOPE
    | ITEMS
    | HEADINGS
    | _names(
        """address article aside blockquote center dd details dir div dl dt fieldset figcaption figure footer form header hgroup
    li listing main menu nav ol p pre search section summary ul"""
    )
)
CLOSED_BY_NEXT = {
    b"p": _names("p"), b"li": _names("li"), b"dd": _names("dd dt"), b"dt": _names("dd dt"),
    b"td": _names("td th"), b"th": _names("td th"), b"tr": _names("tr caption"),
}  # fmt: skip
_BLOCK = SPECIAL - _names("address div p")
NEXT_REACHES = dict.fromkeys(_names("li dd dt"), _BLOCK) | dict.fromkeys(_names("td th tr"), TABLE)
REACH = {b"li": ITEMS, b"table": FAR, b"template": frozenset[bytes](), **dict.fromkeys(CELLS, TABLE)}
Opened = tuple[bytes, bytes]  # an element's name and, of a formatting one, its attributes


def require_readable(data: bytes) -> None:
    """Refused for a page that would keep this device busy."""
    outline, place = Outline(), 0
    is_flat = data.count(b"<") <= MOST_DEPTH and not UNUSUAL.search(data)
    while found := TAG.search(data, place):
        place = found.end()
        end, name, attributes, after = found.groups()
        if name is None:
            continue
        name = name.lower()
        if len(attributes) > 2 * MOST_ATTRIBUTES and len(ATTRIBUTE.findall(attributes)) > MOST_ATTRIBUTES:
            raise Refused(f"a tag has over {MOST_ATTRIBUTES:,} attributes, which no honest page does; type no password there")
        if name in RAW and not end and not outline.foreign and not outline.skips:
            place = RAW[name].search(data, place).start()  # type: ignore[union-attr]  # the end of the page is a match
        elif not is_flat:
            outline.follow(name, attributes, ends=bool(end), is_closed=after.endswith(b"/"))


@dataclass(slots=True)
class Outline:
    """The elements that are open, at least as many as a parser would hold.

    foreign: how many of them are SVG or MathML; skips: how many pass over tags in them, such as choices; steps: work so far
    lost: formatting that ended with what it stood in, and begins again with the next tag
    """

    stack: list[Opened] = field(default_factory=list)
    lost: list[Opened] = field(default_factory=list)
    foreign: int = 0
    skips: int = 0
    steps: int = 0

    def follow(self, name: bytes, attributes: bytes, *, ends: bool, is_closed: bool) -> None:
        """A tag; Refused once they are too many or too tangled."""
        if ends:
            self.close(name)
        else:
            self.open(name, attributes, is_closed=is_closed)
        if len(self.stack) > MOST_DEPTH:
            raise Refused(f"the page nests over {MOST_DEPTH:,} elements, which no honest page does; type no password there")
        if self.steps > MOST_STEPS:
            raise Refused("the page's tags are so tangled that reading it would take minutes; type no password there")

    def open(self, name: bytes, attributes: bytes, *, is_closed: bool) -> None:
        """A start tag. is_closed: it ends with a slash, which means something in SVG and MathML alone"""
        if self.foreign:
            self._bring_back()
            if not is_closed or self._find(ISLANDS, FOREIGN) is not None:
                self._push(name, b"")
        elif name not in ROOT and not (name in CELLS and self._find({b"table"}, SCOPE - CELLS - MARKERS) is None):
            self._make_room(name)
            self._begin(name, attributes)

    def _make_room(self, name: bytes) -> None:
        """End what cannot hold such an element."""
        if name in SELECTS:
            self._cut(self._find({b"select"}, FAR))
        if name in CLOSED_BY_NEXT:
            self._cut(self._find(CLOSED_BY_NEXT[name], NEXT_REACHES.get(name, SCOPE)))
        if name == b"option" and self.stack[-1:] == [(name, b"")]:
            self._cut(len(self.stack) - 1)
        if name in ALONE:
            self._remove(name)

    def _begin(self, name: bytes, attributes: bytes) -> None:
        """Formatting begins again within a block, and around all else."""
        if name in SPECIAL:
            self._push(name, b"")
        self._bring_back()
        if name not in SPECIAL and name not in VOID:
            self._push(name, attributes if name in FORMATTING else b"")

    def close(self, name: bytes) -> None:
        """An end tag."""
        self.steps += len(self.lost)
        if name in FORMATTING:
            self._remove(name)
        elif name == b"form":  # ends alone, whatever stands in it
            place = self._find({name}, SCOPE)
            if place is not None:
                del self.stack[place]
        else:
            near = SCOPE if name in SPECIAL else SPECIAL
            self._cut(self._find(HEADINGS if name in HEADINGS else {name}, REACH.get(name, near)))

    def _bring_back(self) -> None:
        self.stack += self.lost
        self.steps += len(self.lost)
        self.lost = []

    def _push(self, name: bytes, attributes: bytes) -> None:
        self.stack.append((name, attributes))
        self.foreign += name in FOREIGN
        self.skips += name in SKIPPING

    def _find(self, names: Collection[bytes], stops: Collection[bytes]) -> int | None:
        """Where the innermost open element of one of these names is, if nothing that stops the search lies in it."""
        for place in range(len(self.stack) - 1, -1, -1):
            self.steps += 1
            name = self.stack[place][0]
            if name in names:
                return place
            if name in stops:
                break
        return None

    def _remove(self, name: bytes) -> None:
        """End a formatting element, and not what stands in it."""
        for place in range(len(self.lost) - 1, -1, -1):
            if self.lost[place][0] == name:
                del self.lost[place]
                return
        place_open = self._find({name}, SCOPE)
        if place_open is not None:
            del self.stack[place_open]

    def _cut(self, place: int | None) -> None:
        """End the element at `place` and all that stand in it; the formatting among these is lost."""
        if place is None:
            return
        ended = self.stack[place:]
        del self.stack[place:]
        self.foreign -= sum(name in FOREIGN for name, _ in ended)
        self.skips -= sum(name == b"select" for name, _ in ended)  # a frameset does so even after its end
        marked = max((at for at, (name, _) in enumerate(ended) if name in MARKERS), default=len(ended))
        alike: Counter[Opened] = Counter()
        kept: list[Opened] = []
        for one in reversed([one for one in ended[:marked] if one[0] in FORMATTING]):
            alike[one] += 1
            kept += [one] if alike[one] <= ALIKE else []
        self.lost += reversed(kept)
