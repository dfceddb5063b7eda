import pytest

from choral.pages import Point, series
from choral.pages.series import HEIGHT, MOST_POINTS


def drawn(*points, **more):
    return series(points, identity="x", title="A series", below="version", **more)


def test_the_scale_holds_every_error_bar_and_the_law():
    found = drawn(Point("a", "0", 1.0, 0.5), Point("b", "1", 3.0, 0.1), law=(9.0, "the law"))
    places = [place for dot in found.dots for place in (dot.low, dot.high)] + [found.rule.down]
    assert all(0 <= place <= HEIGHT for place in places)
    assert found.rule.down < found.dots[1].down < found.dots[0].down, "larger is higher"
    assert found.dots[0].low - found.dots[0].down == pytest.approx(found.dots[0].down - found.dots[0].high, abs=0.2)


def test_points_stand_from_left_to_right_and_the_latest_is_labelled():
    found = drawn(*(Point(str(number), str(number), 1.0) for number in range(100)))
    assert len(found.dots) == MOST_POINTS
    assert found.dots[-1].has_label
    assert found.dots[-1].point.label == "99"
    across = [dot.across for dot in found.dots]
    assert across == sorted(across)
    assert 0 < across[0] < across[-1] < 100


def test_long_labels_are_fewer_so_that_none_covers_another():
    found = drawn(*(Point(str(number), str(number), 1.0) for number in range(97_200, 97_209)))
    named = [dot.point.label for dot in found.dots if dot.has_label]
    assert named == ["97200", "97202", "97204", "97206", "97208"]


def test_equal_numbers_are_drawn_in_the_middle():
    (dot,) = drawn(Point("a", "0", 0.0)).dots
    assert dot.down == pytest.approx(HEIGHT / 2)


def test_what_is_drawn_is_also_said():
    text = drawn(Point("version 1", "1", 0.5, 0.01), Point("version 2", "2", 0.6), law=(0.55, "a law")).description
    assert "version 1: 0.500 ± 0.010; version 2: 0.6" in text
    assert "A line at 0.55: a law." in text


def test_nothing_cannot_be_drawn():
    with pytest.raises(ValueError, match="at least one"):
        drawn()
