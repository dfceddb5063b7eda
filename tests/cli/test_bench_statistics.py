from dataclasses import replace

import pytest

from choral.cli.bench.statistics import loads, made_up, measure
from choral.mechanisms import MECHANISMS


@pytest.mark.parametrize("load", loads(), ids=lambda load: load.mechanism.NAME)
def test_made_up_payloads_are_legal(load):
    assert load.mechanism.legal(made_up(load.mechanism, 2000)).all()


def test_every_oracle_is_measured():
    assert {load.mechanism.NAME for load in loads()} == {name for name, kind in MECHANISMS.items() if hasattr(kind, "supports")}


def test_the_figures_of_a_small_load_have_their_names():
    load = next(load for load in loads() if load.mechanism.NAME.startswith("projective"))
    figures = measure(replace(load, reports=5000), 1e10)
    assert list(figures) == ["name", "parameters", "reports_per_second", "bytes_per_report", "read_share", "decode_seconds"]
    assert figures["reports_per_second"] > 0
    assert figures["parameters"]["domain"] == load.mechanism.domain
