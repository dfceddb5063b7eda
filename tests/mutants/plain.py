"""Plain runs: a device's life and a server's rounds, each as a list of what happened. A mutant must change one of them.

What is random by nature (seals, times of processes) is left out, so that two honest runs say the same.
"""

from collections.abc import Callable, Iterator

from tests.mutants.plain_asked import judging, silence
from tests.mutants.plain_device import clocks, consent, lost_answers, older_store, week
from tests.mutants.plain_server import draws, files, road, rounds, sealing


def run() -> dict[str, list[str]]:
    """Each plain run by its name; an exception ends one, and is its last word."""
    told = {}
    for story in (consent, week, judging, silence, lost_answers, clocks, older_store, draws, files, sealing, rounds, road):
        told[story.__name__] = list(_until_it_breaks(story))
    return told


def _until_it_breaks(story: Callable[[], Iterator[str]]) -> Iterator[str]:
    try:
        yield from story()
    except Exception as error:  # noqa: BLE001  # whatever a mutant breaks
        yield f"{type(error).__name__}: {error}"
