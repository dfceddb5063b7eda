"""What a person can be doing: our own short list of labels on the two-digit groups of the UK time-use surveys.

The group numbers are facts of that classification; the labels are ours.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Activity:
    """One thing a person can be doing. group: two-digit time-use group; is_leisure: chosen rather than due."""

    name: str
    group: int
    is_leisure: bool = False


ACTIVITIES = (
    Activity("sleeping", 1),
    Activity("ill in bed", 1),
    Activity("eating", 2),
    Activity("washing and dressing", 3),
    Activity("working", 11),
    Activity("a meeting", 11),
    Activity("a break at work", 11),
    Activity("a second job", 12),
    Activity("lunch at work", 13),
    Activity("a class", 21),
    Activity("homework", 21),
    Activity("learning for oneself", 22, is_leisure=True),
    Activity("cooking", 31),
    Activity("washing up", 31),
    Activity("cleaning", 32),
    Activity("tidying", 32),
    Activity("laundry", 33),
    Activity("gardening", 34, is_leisure=True),
    Activity("caring for a pet", 34),
    Activity("walking the dog", 34, is_leisure=True),
    Activity("repairs at home", 35),
    Activity("buying food", 36),
    Activity("shopping for clothes", 36, is_leisure=True),
    Activity("errands", 36),
    Activity("bills and letters", 37),
    Activity("looking after a child", 38),
    Activity("playing with a child", 38),
    Activity("helping an adult at home", 39),
    Activity("volunteering", 41, is_leisure=True),
    Activity("helping a neighbour", 42),
    Activity("worship", 43, is_leisure=True),
    Activity("time with family", 51),
    Activity("time with friends", 51, is_leisure=True),
    Activity("a phone call", 51, is_leisure=True),
    Activity("cinema", 52, is_leisure=True),
    Activity("a concert", 52, is_leisure=True),
    Activity("a museum", 52, is_leisure=True),
    Activity("resting", 53, is_leisure=True),
    Activity("a walk", 61, is_leisure=True),
    Activity("running", 61, is_leisure=True),
    Activity("cycling", 61, is_leisure=True),
    Activity("a team sport", 61, is_leisure=True),
    Activity("the gym", 61, is_leisure=True),
    Activity("art or craft", 71, is_leisure=True),
    Activity("making music", 71, is_leisure=True),
    Activity("hobby computing", 72, is_leisure=True),
    Activity("social media", 72, is_leisure=True),
    Activity("board games", 73, is_leisure=True),
    Activity("computer games", 73, is_leisure=True),
    Activity("reading a book", 81, is_leisure=True),
    Activity("the news", 81, is_leisure=True),
    Activity("television", 82, is_leisure=True),
    Activity("a film at home", 82, is_leisure=True),
    Activity("listening to music", 83, is_leisure=True),
    Activity("commuting", 91),
    Activity("travelling for pleasure", 98, is_leisure=True),
)
NUMBERS = {activity.name: number for number, activity in enumerate(ACTIVITIES)}
LEISURE = tuple(number for number, activity in enumerate(ACTIVITIES) if activity.is_leisure)


def groups() -> NDArray[np.uint8]:
    """The time-use group of each activity, uint8[activities]."""
    return np.array([activity.group for activity in ACTIVITIES], np.uint8)
