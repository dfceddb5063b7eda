"""The errors of choral: one root, named for who must act.

A message names the thing, its value (never a raw private value) and the remedy. Errors are raised before the
first side effect. `ValueError` and `TypeError` remain what they are in Python: a programmer's mistake.
"""


class ChoralError(Exception):
    """Anything choral itself refuses or finds broken; its text is fit to be shown to a person."""


class Refused(ChoralError):  # noqa: N818  # named for who must act: nobody, a guard said no
    """Our own guard said no: nothing was spent, nothing was stored. code: of the reason, for programs, or empty"""

    def __init__(self, detail: str, *, code: str = "") -> None:
        super().__init__(detail)
        self.code = code


class ConsentMissing(Refused):
    """This person has not agreed to these Terms."""


class BudgetExhausted(Refused):
    """What this person allows is used up."""


class TaskRefused(Refused):
    """The task is unsigned, expired, unlisted, changed or too expensive."""


class PeerError(ChoralError):
    """The other side sent something illegal; `problem` names the RFC 9457 problem type."""

    def __init__(self, problem: str, detail: str) -> None:
        super().__init__(detail)
        self.problem = problem
        self.detail = detail


class StoreError(ChoralError):
    """A store cannot be read or written: damaged, foreign, newer than this program, or the disk is full."""


class UsageError(ChoralError):
    """A command was asked for something that it cannot do; the message says what would work."""
