import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markupsafe import escape

from choral.pages import Bar, chart, environment

BARS = [Bar("😂", 400.0, 20.0), Bar("❤️", 200.0, 20.0), Bar("<b>", 100.0, 10.0)]


def drawn(bars):
    macros = environment("choral.pages").get_template("chart.html").module
    return str(macros.draw(chart(bars, identity="c", title="Commonest")))


def test_lengths_are_proportional_to_the_estimates():
    widths = [one.width for one in chart(BARS, identity="c", title="t").bars]
    assert widths == pytest.approx([widths[0], widths[0] / 2, widths[0] / 4], rel=1e-5)


def test_an_error_bar_reaches_two_standard_errors_to_either_side():
    found = chart(BARS, identity="c", title="t")
    scale = found.bars[0].width / 400
    assert [one.high - one.low for one in found.bars] == pytest.approx([80 * scale, 80 * scale, 40 * scale], rel=1e-4)
    assert found.bars[0].high == 100


bars = st.builds(Bar, st.just("x"), st.floats(-1e9, 1e9), st.floats(0, 1e8))


@given(st.lists(bars, min_size=1, max_size=20))
@example([Bar("x", 5e-324, 0.0)])
@example([Bar("x", -1e-9, 5e-324)])
def test_everything_lies_within_the_drawing(some):
    found = chart(some, identity="c", title="t")
    places = [p for one in found.bars for p in (one.start, one.start + one.width, one.low, one.high)]
    places += [tick.place for tick in found.ticks] + [found.zero]
    assert all(-0.001 <= place <= 100.001 for place in places)
    assert 1 <= len(found.ticks) <= 6


def test_the_drawing_has_a_title_and_a_description_with_every_number():
    svg = drawn(BARS)
    assert 'role="img" aria-labelledby="c-title c-desc"' in svg
    assert '<title id="c-title">Commonest</title>' in svg
    assert "face with tears of joy 400 ± 20; heart 200 ± 20" in svg


def test_labels_are_escaped():
    assert str(escape("<b>")) in drawn(BARS)
    assert "<b>" not in drawn(BARS)


def test_nothing_in_the_drawing_needs_an_inline_style_or_a_script():
    assert "style" not in drawn(BARS)
    assert "<script" not in drawn(BARS)


def test_no_bars_are_no_chart():
    with pytest.raises(ValueError, match="at least one bar"):
        chart([], identity="c", title="t")
