"""A moment at which something might have been suggested: what was done, with which chance, and what came of it. Device half."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args

Arm = Literal["none", "random", "best"]
Answer = Literal["", "done", "not now", "never"]
SOONEST, LATEST = 60 * 60, 4 * 60 * 60  # seconds after which a mood still says something about it


@dataclass(frozen=True, slots=True)
class Turn:
    """A moment and a drawn choice.

    at: seconds since 1970; arm: what the draw said; activity: what was suggested, "" for none
    chance: of this very choice; made_chance: of suggesting anything; before: the mood then, said or predicted
    after: the mood that was said one to four hours later, None if none was
    """

    at: int
    arm: Arm
    activity: str
    chance: float
    made_chance: float
    before: int
    answer: Answer = ""
    after: int | None = None

    def __post_init__(self) -> None:
        if not (0 < self.chance <= 1 and 0 < self.made_chance < 1):
            raise ValueError(f"a choice has a chance, and so has its opposite, got {self.chance=}, {self.made_chance=}")
        if self.arm not in get_args(Arm) or self.answer not in get_args(Answer):
            raise ValueError(f"unknown arm or answer, got {self.arm=}, {self.answer=}")

    @property
    def is_made(self) -> bool:
        """Whether something was suggested."""
        return self.arm != "none"

    def to_note(self) -> Mapping[str, Any]:
        """Fit for the diary."""
        return asdict(self)

    @classmethod
    def from_note(cls, note: Mapping[str, Any]) -> "Turn":
        """What `to_note` gave; ValueError or TypeError for anything else."""
        names = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in note.items() if name in names})


def answered(turn: Turn, answer: Answer) -> Turn:
    """The turn with what the person said to it."""
    return replace(turn, answer=answer)


def heard(turns: Sequence[Turn], *, at: int, valence: int, external: bool = False) -> tuple[Turn, ...]:
    """The turns with a mood that was said at `at` as what came after the latest one that it says something about."""
    waiting = [turn for turn in turns if turn.after is None and SOONEST <= at - turn.at <= LATEST]
    if external or not waiting:
        return tuple(turns)
    latest = max(waiting, key=lambda turn: turn.at)
    return tuple(replace(turn, after=valence) if turn == latest else turn for turn in turns)


def from_notes(notes: Any) -> tuple[Turn, ...]:
    """All turns that can be read of a kept list."""
    found = []
    for note in notes if isinstance(notes, list) else []:
        try:
            found.append(Turn.from_note(note))
        except (ValueError, TypeError, AttributeError):  # one broken row must not hide the others
            continue
    return tuple(found)
