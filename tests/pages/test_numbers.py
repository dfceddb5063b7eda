import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choral.pages.numbers import error_digits, plural, span, upper, when, with_error


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e6))
def test_a_shown_number_is_off_by_far_less_than_its_error(value, stderr):
    shown, _, error = with_error(value, stderr).partition(" ± ")
    assert abs(float(shown.replace(",", "").replace("−", "-")) - value) <= 0.051 * stderr + 1e-9 * abs(value)
    assert float(error.replace(",", "")) == pytest.approx(stderr, rel=0.051)


@pytest.mark.parametrize(
    ("value", "stderr", "shown"),
    [
        (0.0, 1.0, "0.0 ± 1.0"),
        (-12.34, 5.0, "−12.3 ± 5.0"),
        (1e6, 9.96, "1,000,000 ± 10"),
        (1234, 996, "1,200 ± 1,000"),
        (7, 0, "7 ± 0"),
        (-0.001, 2.0, "0.0 ± 2.0"),
    ],
)
def test_value_and_error_end_at_the_same_place(value, stderr, shown):
    assert with_error(value, stderr) == shown


@pytest.mark.parametrize("stderr", [-1.0, math.inf, math.nan])
def test_an_error_that_is_none_is_refused(stderr):
    with pytest.raises(ValueError, match="standard error"):
        error_digits(stderr)


@given(st.floats(0, 1e6))
def test_a_bound_is_never_shown_smaller_than_it_is(bound):
    assert float(upper(bound).replace(",", "")) >= bound


def test_lengths_and_nouns_agree():
    assert [span(seconds) for seconds in (1, 60, 86_400, 172_800)] == ["1 second", "1 minute", "1 day", "2 days"]
    assert plural(0, "report") == "0 reports"


def test_a_moment_is_machine_readable():
    assert 'datetime="1970-01-01T00:00:00Z"' in when(0)
