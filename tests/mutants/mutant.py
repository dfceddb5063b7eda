"""A mutant: a known bug as a change of the source, the law that it breaks, and that law's tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path


class NoLongerThereError(Exception):
    """The text that a mutant changes is not in the source, or there more than once: the mutant must be written anew."""


@dataclass(frozen=True, slots=True)
class Edit:
    """In the module of this name, `old` becomes `new`; `old` stands there exactly once."""

    module: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """One planted bug.

    name: what it does wrong; law: the sentence that it makes untrue, no other mutant's
    tests: files or tests of that law, as pytest names them; it counts as caught if one of them fails, and by nothing else
    raises: exceptions, beside failed assertions, by which these tests are meant to fail
    says: what a failure must say, where one test holds several laws
    """

    name: str
    law: str
    tests: tuple[str, ...]
    edits: tuple[Edit, ...]
    raises: tuple[str, ...] = ()
    says: str = ""

    def edits_by_module(self) -> Mapping[str, Sequence[Edit]]:
        """Its edits, by the module that they change."""
        return {one.module: [other for other in self.edits if other.module == one.module] for one in self.edits}


def mutated(source: str, edits: Sequence[Edit]) -> str:
    """The source with each edit made; NoLongerThereError unless each finds its text exactly once."""
    for edit in edits:
        found = source.count(edit.old)
        if found != 1:
            raise NoLongerThereError(f"{edit.module} holds {found} times what a mutant changes, once was due:\n{edit.old}")
        source = source.replace(edit.old, edit.new)
    return source


def source_of(module: str) -> Path:
    """The file of a module, found without importing the module itself."""
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise NoLongerThereError(f"there is no module {module}")
    return Path(spec.origin)
