"""The harness itself: every mutant can be planted, breaks a law of its own, and is counted only for a good reason."""

from dataclasses import replace

import pytest

from tests.mutants.mutant import Edit, NoLongerThereError, mutated, source_of
from tests.mutants.running import ROOT, Shown, judge, show_honest, why_not_caught
from tests.mutants.table import HARMLESS, MUTANTS

LEAST = 20
QUICK = next(one for one in MUTANTS if one.name == "price-unchecked")
HONEST = Shown(0, {QUICK.tests[0]: "passed"}, (), frozenset(), {"week": ["paid 2"]}, "")
CAUGHT = Shown(
    1,
    {QUICK.tests[0]: "failed"},
    ((QUICK.tests[0], "call", ["AssertionError", "Exception"], "assert 1 == 2"),),
    frozenset(QUICK.edits_by_module()),
    {"week": ["paid 1"]},
    "",
)


@pytest.mark.parametrize("mutant", MUTANTS, ids=[one.name for one in MUTANTS])
def test_what_a_mutant_changes_is_still_there_and_its_tests_are_too(mutant):
    for module, edits in mutant.edits_by_module().items():
        compile(mutated(source_of(module).read_text("utf-8"), edits), module, "exec")
    for test in mutant.tests:
        path, _, name = test.partition("::")
        assert not name or f"def {name.partition('[')[0]}(" in (ROOT / path).read_text("utf-8")
        assert (ROOT / path).is_file()


def test_no_two_mutants_break_the_same_law_or_change_the_same():
    assert len(MUTANTS) >= LEAST
    for values in ([one.name for one in MUTANTS], [one.law for one in MUTANTS], [one.edits for one in MUTANTS]):
        assert len(set(values)) == len(MUTANTS)


@pytest.mark.parametrize("source", ["", "two = 1\n", "one = 1\none = 1\n"])
def test_a_mutant_whose_text_is_gone_or_ambiguous_is_an_error(source):
    with pytest.raises(NoLongerThereError):
        mutated(source, [Edit("some.module", "one = 1", "one = 2")])


NOT_COUNTED = {
    "its tests pass": replace(CAUGHT, status=0, failures=()),
    "it was not planted": replace(CAUGHT, planted=frozenset()),
    "it changes no plain run": replace(CAUGHT, plain=HONEST.plain),
    "it breaks the import": replace(CAUGHT, status=2, failures=(("tests", "collect", ["ImportError", "Exception"], ""),)),
    "it breaks the tests": replace(CAUGHT, failures=((QUICK.tests[0], "call", ["NameError", "Exception"], "name 'x'"),)),
    "it breaks a fixture": replace(CAUGHT, failures=((QUICK.tests[0], "setup", ["AssertionError", "Exception"], ""),)),
}


@pytest.mark.parametrize("shown", NOT_COUNTED.values(), ids=list(NOT_COUNTED))
def test_what_is_no_catch_does_not_count(shown):
    assert judge(QUICK, HONEST, CAUGHT) == ""
    assert judge(QUICK, HONEST, shown) != ""


def test_a_failure_that_tells_of_another_law_does_not_count():
    assert "do not say" in judge(replace(QUICK, says="another promise"), HONEST, CAUGHT)


def test_a_bug_is_caught_and_a_harmless_change_is_not():
    honest = show_honest([QUICK])
    assert why_not_caught(QUICK, honest) == ""
    assert "changes nothing" in why_not_caught(HARMLESS, honest)
    assert "not green" in why_not_caught(replace(QUICK, tests=("tests/laws/test_price.py",)), honest)
