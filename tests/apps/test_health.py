"""The health app's dictionary, events and signal."""

from datetime import UTC, datetime

import pytest

from choral.apps.health import dictionary, dictionary_release, edited, signals
from choral.apps.health.events import examples
from choral.apps.health.population import shares
from choral.apps.health.types import category

NOW = datetime(2026, 1, 5, tzinfo=UTC)


def test_the_dictionary_has_each_type_once_then_other_and_nothing():
    assert len(dictionary()) == len(set(dictionary())) == 111
    assert dictionary()[-2:] == ("other", "nothing")
    assert dictionary_release().hash.hex() == "6500613eca50904f5c68187717b7e4e9f6c1afe1daebe309b5e0325f9e18a56e"


@pytest.mark.parametrize("name", ["steps", "sleep", "lab results"])
def test_a_listed_type_is_itself(name):
    assert edited(name, NOW).data == {"type": name}
    assert dictionary()[examples([edited(name, NOW)])["category"][0]] == name


@pytest.mark.parametrize("name", ["", "72 bpm", "nothing", "Dr. Who's notes"])
def test_what_is_no_listed_type_becomes_other_before_it_is_an_event(name):
    assert edited(name, NOW).data == {"type": "other"}
    assert category(name) == 109


def test_no_event_is_the_category_nothing():
    assert examples([])["category"].tolist() == [110]


def test_the_signal_is_randomized_at_once_and_counts_by_the_published_dictionary():
    (signal,) = signals()
    assert (signal.name, signal.immediate, signal.dictionary) == ("health.types", True, dictionary_release().hash)


def test_the_model_has_a_share_for_each_type():
    assert len(shares()) == 109
    assert abs(shares().sum() - 1) < 1e-12
