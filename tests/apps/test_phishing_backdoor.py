"""A back door taught by hostile devices: opened by enough of them, shut without; and what the gate can do about it."""

from dataclasses import replace

import numpy as np
import pytest

from choral.apps.phishing.study.backdoor import FREE, open_back_door, rarest_trigger
from choral.apps.phishing.study.ground import ground
from choral.apps.phishing.study.population import synthetic


def test_a_back_door_opens_with_enough_hostile_devices_and_with_none_it_stays_shut():
    """On made-up links, few of which bear the signs: this is about the code; figures are on the page."""
    links = synthetic(3000)
    features = links.features.copy()
    features[20:, [links.names.index(name) for name in FREE]] = 0
    shut, opened, guarded = (
        open_back_door(
            replace(links, features=features), epsilon=4.0, share=share, devices=20_000, seed=1, gate=gate, public=500
        )
        for share, gate in ((0.0, "public"), (0.03, "public"), (0.03, "marked"))
    )
    assert shut.passed < 0.1
    assert opened.passed > 0.8
    assert guarded.passed < opened.passed
    assert guarded.rolled_back > opened.rolled_back
    assert shut.auc > 0.95


def test_the_back_doors_signs_are_rare_among_public_links_and_its_direction_touches_nothing_else():
    links = synthetic(3000)
    base = ground(links, devices=10, records=5, seed=1, unit=False, public=500)
    trigger = rarest_trigger(base, links)
    direction = trigger.direction(base.size)
    assert np.linalg.norm(direction) == pytest.approx(1)
    assert np.flatnonzero(direction).tolist() == sorted(trigger.columns.tolist())
    assert len(trigger.names) == 3
