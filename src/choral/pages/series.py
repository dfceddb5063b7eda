"""Numbers that follow each other, as dots with error bars on a scale of their own, drawn on the server as SVG.

Computes where dots stand: across in per cent of the drawing's width, down in pixels. The drawing is templates/series.html.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from choral.pages.charts import SMALLEST, WHISKER, Scale, Tick
from choral.pages.numbers import with_error

HEIGHT = 200  # pixels between the lowest and the highest place
MARGIN = 0.06  # of the scale, above and below what is drawn
MOST_LABELS = 10
MOST_LETTERS = 36  # of all labels, with a space after each, as many as a phone has room for
MOST_POINTS = 60  # the latest ones; more cannot be told apart on a phone


@dataclass(frozen=True, slots=True)
class Point:
    """One number with its standard error; `name` says what it is of, `label` stands below it, `kind` is a style class."""

    name: str
    label: str
    value: float
    stderr: float = 0.0
    kind: str = "published"

    @property
    def text(self) -> str:
        """Name and number, for whoever points at the dot or hears the page."""
        return f"{self.name}: {with_error(self.value, self.stderr) if self.stderr else f'{self.value:.4g}'}"


@dataclass(frozen=True, slots=True)
class Dot:
    """A point's place: per cent across; pixels down of the dot and of its error bar's ends."""

    point: Point
    across: float
    down: float
    low: float
    high: float
    has_label: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across the whole drawing, such as what a law predicts."""

    down: float
    text: str


@dataclass(frozen=True, slots=True)
class Series:
    """A drawing of dots ready to be drawn; `identity` makes its element ids unique within a page."""

    identity: str
    title: str
    description: str
    dots: tuple[Dot, ...]
    ticks: tuple[Tick, ...]
    rule: Rule | None
    below: str


def series(points: Sequence[Point], *, identity: str, title: str, below: str, law: tuple[float, str] | None = None) -> Series:
    """The latest points from left to right, on one scale that holds every error bar and the law.

    below: what the labels count; law: a number that is drawn across, and what it is
    """
    if not points:
        raise ValueError("a series needs at least one point")
    shown = points[-MOST_POINTS:]
    ends = [point.value + side * WHISKER * point.stderr for point in shown for side in (-1, 1)]
    ends += [law[0]] if law else []
    span = max(max(ends) - min(ends), SMALLEST, 0.02 * abs(max(ends, key=abs)))
    middle = (max(ends) + min(ends)) / 2
    scale = Scale(middle - (0.5 + MARGIN) * span, middle + (0.5 + MARGIN) * span)
    letters = sum(len(point.label) + 1 for point in shown)
    step = max(-(-len(shown) // MOST_LABELS), -(-letters // MOST_LETTERS))
    dots = tuple(_dot(point, index, len(shown), scale, step) for index, point in enumerate(shown))
    rule = Rule(_down(scale, law[0]), law[1]) if law else None
    ticks = tuple(Tick(_pixels(tick.place), tick.text) for tick in scale.ticks())
    return Series(identity, title, _described(shown, law), dots, ticks, rule, below)


def _dot(point: Point, index: int, n: int, scale: Scale, step: int) -> Dot:
    low, high = (_down(scale, point.value + side * WHISKER * point.stderr) for side in (-1, 1))
    across = round(100 * (index + 0.5) / n, 3)
    return Dot(point, across, _down(scale, point.value), low, high, (n - 1 - index) % step == 0)


def _down(scale: Scale, value: float) -> float:
    return _pixels(scale.place(value))


def _pixels(place: float) -> float:
    return round(HEIGHT * (1 - place / 100), 1)


def _described(points: Sequence[Point], law: tuple[float, str] | None) -> str:
    listed = "; ".join(point.text for point in points)
    rule = f" A line at {law[0]:.4g}: {law[1]}." if law else ""
    return f"Dots with error bars of {WHISKER} standard errors to either side.{rule} With one standard error: {listed}."
