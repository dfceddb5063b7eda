"""How plain runs tell what an act came to."""

from collections.abc import Callable
from typing import Any

from choral.errors import ChoralError


def tried(act: Callable[[], Any]) -> str:
    """What it answers, or what refused it."""
    try:
        return str(act())
    except ChoralError as error:
        return type(error).__name__
