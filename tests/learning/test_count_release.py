import numpy as np

from choral.learning import Count
from choral.mechanisms import Estimate
from choral.numerics import ScriptedEntropy


def test_a_release_says_of_each_item_which_value_is_which():
    update = Estimate(np.array([50.0, 9.0, 400.0, -20.0]), np.full(4, 100.0), 439)
    state = Count(threshold_milli=3000).fold({}, update, ScriptedEntropy([]))
    shown = Count().publish(state)
    assert shown["item"].tolist() == [2, 0]
    assert shown["estimate"].tolist() == [400.0, 50.0]
    assert shown["norm_sub"].sum() <= 439 + 1e-9
    assert shown["base_cut"].tolist() == [400.0, 50.0]
    assert shown["significant"].all()
    assert state["released"].tolist() == [True, False, True, False]
    assert not state["significant"][3]
