"""Runs tests in a process of their own, honestly or with a mutant planted, and says what that showed."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.mutant import Mutant
from tests.mutants.plant import NAME, RESULT

ROOT = Path(__file__).parents[2]
MOST_SECONDS = 600
OPTIONS = ("-q", "--strict-markers", "-p", "tests.mutants.plant", "-p", "no:cacheprovider", "-o", "addopts=", "--no-header")
WANTED = ("AssertionError", "Failed")  # how a test says no: an assertion, or an exception that was due and did not come


@dataclass(frozen=True, slots=True)
class Shown:
    """What a run showed.

    status: pytest's exit status; outcomes: by test; failures: test, phase, types of the exception, its words
    planted: modules that were changed; plain: what each plain run did
    """

    status: int
    outcomes: Mapping[str, str]
    failures: tuple[tuple[str, str, list[str], str], ...]
    planted: frozenset[str]
    plain: Mapping[str, list[str]]
    output: str


def show(tests: Iterable[str], mutant: str = "", *options: str) -> Shown:
    """Run these tests with the mutant of this name planted; without a name, with none."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "CHORAL_ACCEPTANCE"))}
        done = subprocess.run(
            (sys.executable, "-m", "pytest", *OPTIONS, *options, f"--basetemp={folder}/tests", *tests),
            cwd=ROOT,
            env={**environment, NAME: mutant, RESULT: str(result)},
            capture_output=True,
            text=True,
            timeout=MOST_SECONDS,
            check=False,
        )
        output = done.stdout + done.stderr
        if not result.exists():
            return Shown(done.returncode, {}, (), frozenset(), {}, output)
        found = json.loads(result.read_text())
    failures = tuple(tuple(one) for one in found["failures"])
    return Shown(done.returncode, found["outcomes"], failures, frozenset(found["planted"]), found["plain"], output)


def show_honest(mutants: Iterable[Mutant]) -> Shown:
    """Run the tests of these mutants' laws, each once, with nothing planted."""
    return show(dict.fromkeys(test for mutant in mutants for test in mutant.tests))


def why_not_caught(mutant: Mutant, honest: Shown) -> str:
    """Why this mutant does not count as caught; empty if it does."""
    without = [one for one in mutant.tests if not _green(one, honest)]
    if without:
        return f"without the mutant these tests of its law are not green: {', '.join(without)}\n{honest.output[-3000:]}"
    return judge(mutant, honest, show(mutant.tests, mutant.name, "-x"))


def judge(mutant: Mutant, honest: Shown, shown: Shown) -> str:
    """The same, from what a run with the mutant showed."""
    missing = set(mutant.edits_by_module()) - shown.planted
    if missing:
        return f"nothing imported {', '.join(sorted(missing))}, so that it was not planted\n{shown.output[-3000:]}"
    if shown.plain == honest.plain:
        return "it changes nothing on the plain runs: it may be no bug at all"
    if shown.status == 0:
        return f"the tests of its law pass: {mutant.law}"
    return _why_failed_otherwise(mutant, shown)


def _why_failed_otherwise(mutant: Mutant, shown: Shown) -> str:
    wanted = {*WANTED, *mutant.raises}
    for _, when, kinds, words in shown.failures:
        if shown.status == 1 and when == "call" and wanted & set(kinds) and mutant.says in words:
            return ""
    return f"its tests break, and do not say that its law is broken: {shown.failures}\n{shown.output[-3000:]}"


def _green(test: str, honest: Shown) -> bool:
    """Whether all tests of this name passed, and there are some."""
    outcomes = [found for name, found in honest.outcomes.items() if name == test or name.startswith((f"{test}::", f"{test}["))]
    return bool(outcomes) and set(outcomes) == {"passed"}
