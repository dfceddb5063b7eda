"""Bar charts with error bars, drawn on the server as SVG that needs no script.

Computes where things stand, as percentages of the drawing's width, so that text keeps its size on every screen.
The drawing itself is templates/chart.html.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from choral.pages.numbers import rounded, with_error
from choral.pages.words import spoken

WHISKER = 2  # an error bar spans this many standard errors to either side
MOST_TICKS = 4
SMALLEST = 1e-9  # span of a scale; below it all numbers are equal
NICE = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar to draw: what it is called, how long it is, and its standard error."""

    label: str
    value: float
    stderr: float

    @property
    def name(self) -> str:
        """The label in words."""
        return spoken(self.label)

    @property
    def text(self) -> str:
        """The number beside the bar."""
        return with_error(self.value, self.stderr)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A bar's place: `start`, `width` and the error bar from `low` to `high`, per cent of the drawing's width."""

    bar: Bar
    start: float
    width: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A grid line at `place` per cent, with its label."""

    place: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart ready to be drawn; `identity` makes its element ids unique within a page."""

    identity: str
    title: str
    description: str
    bars: tuple[Drawn, ...]
    ticks: tuple[Tick, ...]
    zero: float

    @property
    def has_words(self) -> bool:
        """Whether labels are words, which need more room than signs."""
        return any(not drawn.bar.name for drawn in self.bars)


def chart(bars: Sequence[Bar], *, identity: str, title: str) -> Chart:
    """Bars from the top, in the given order, on one scale that holds every error bar and zero."""
    if not bars:
        raise ValueError("a chart needs at least one bar")
    low = min(0.0, *(bar.value - WHISKER * bar.stderr for bar in bars))
    high = max(0.0, *(bar.value + WHISKER * bar.stderr for bar in bars))
    scale = Scale(low, high if high - low > SMALLEST else low + 1)
    return Chart(identity, title, _described(bars), tuple(map(scale.drawn, bars)), scale.ticks(), scale.place(0))


@dataclass(frozen=True, slots=True)
class Scale:
    """A stretch of numbers, and where each stands on it."""

    low: float
    high: float

    def place(self, value: float) -> float:
        """Per cent of the way from `low` to `high`."""
        return round(100 * (value - self.low) / (self.high - self.low), 4)

    def drawn(self, bar: Bar) -> Drawn:
        """A bar's place."""
        zero, end = self.place(0), self.place(bar.value)
        low, high = (self.place(bar.value + side * WHISKER * bar.stderr) for side in (-1, 1))
        return Drawn(bar, min(zero, end), round(abs(end - zero), 4), low, high)

    def ticks(self) -> tuple[Tick, ...]:
        """Grid lines at round numbers."""
        rough = (self.high - self.low) / MOST_TICKS
        magnitude: float = 10.0 ** math.floor(math.log10(rough))
        step = next(nice * magnitude for nice in NICE if nice * magnitude >= rough)
        digits = max(0, 1 - math.floor(math.log10(step))) if step < 10 else 0
        numbers = range(math.ceil(self.low / step), math.floor(self.high / step) + 1)
        return tuple(Tick(self.place(number * step), _short(number * step, digits)) for number in numbers)


def _short(value: float, digits: int) -> str:
    text = rounded(value, digits)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _described(bars: Sequence[Bar]) -> str:
    listed = "; ".join(f"{bar.name or bar.label} {bar.text}" for bar in bars)
    return f"Bars with error bars of {WHISKER} standard errors to either side. Estimates with one standard error: {listed}."
