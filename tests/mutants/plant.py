"""A pytest plugin: plants one mutant before anything of choral is imported, and writes down what came of it.

`python -m pytest -p tests.mutants.plant TESTS`, with the mutant's name in the environment, or none for the honest run. What
it writes: each test's outcome, the types of each exception, which modules were changed, and the transcript of the plain run.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pytest

from tests.mutants.mutant import Edit, mutated
from tests.mutants.table import HARMLESS, MUTANTS

NAME, RESULT = "CHORAL_MUTANT", "CHORAL_MUTANT_RESULT"
FOUND: dict[str, Any] = {"planted": [], "outcomes": {}, "failures": [], "plain": {}}


class Changed(SourceFileLoader):
    """Loads a module from its changed source; nothing is cached."""

    edits: Sequence[Edit] = ()

    def get_code(self, fullname: str) -> CodeType:
        source = mutated(self.get_data(self.path).decode(), self.edits)
        FOUND["planted"].append(fullname)
        return compile(source, self.path, "exec", dont_inherit=True)


class Planter(MetaPathFinder):
    """Finds the modules that a mutant changes."""

    def __init__(self, edits: Mapping[str, Sequence[Edit]]) -> None:
        self._edits = edits

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path) if name in self._edits else None
        if spec is not None and spec.origin is not None:
            loader = Changed(name, spec.origin)
            loader.edits = self._edits[name]
            spec.loader = loader
        return spec


def plant(name: str) -> None:
    """Change what is imported from now on."""
    (mutant,) = (one for one in (*MUTANTS, HARMLESS) if one.name == name)
    early = sorted(set(mutant.edits_by_module()) & set(sys.modules))
    if early:
        raise RuntimeError(f"{early} were imported before the mutant was planted")
    sys.meta_path.insert(0, Planter(mutant.edits_by_module()))


if os.environ.get(NAME):
    plant(os.environ[NAME])


def pytest_sessionstart(session: pytest.Session) -> None:
    from tests.mutants import plain

    FOUND["plain"] = plain.run()


def pytest_exception_interact(call: pytest.CallInfo[Any], report: pytest.TestReport) -> None:
    if call.excinfo is not None:
        where = getattr(report, "when", "collect")
        FOUND["failures"].append(
            [report.nodeid, where, [one.__name__ for one in call.excinfo.type.__mro__], str(call.excinfo.value)[:2000]]
        )


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" or report.outcome != "passed":
        FOUND["outcomes"][report.nodeid] = report.outcome


def pytest_sessionfinish(session: pytest.Session) -> None:
    Path(os.environ[RESULT]).write_text(json.dumps(FOUND))
