"""The small things that may be suggested: how long they take, and between which hours they are possible. Device half."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Small:
    """A small thing. minutes: at least; first, last: hours of the clock, the last one excluded

    only_known: suggested only to who has done it before: not everybody has a dog, a team or a garden
    """

    activity: str
    title: str
    minutes: int
    first: int = 7
    last: int = 22
    only_known: bool = False


SMALL = (
    Small("a walk", "Go for a short walk", 15, 7, 21),
    Small("a phone call", "Call somebody you like", 10, 9, 21),
    Small("listening to music", "Listen to a few songs you love", 10, 7, 23),
    Small("reading a book", "Read a chapter", 20, 7, 23),
    Small("resting", "Put everything down for a quarter of an hour", 15, 8, 22),
    Small("cooking", "Cook something simple", 30, 10, 20),
    Small("tidying", "Tidy one corner", 15, 8, 21),
    Small("running", "Go for a run", 30, 6, 21, only_known=True),
    Small("cycling", "Take the bicycle out", 30, 8, 20, only_known=True),
    Small("the gym", "Go to the gym", 60, 7, 21, only_known=True),
    Small("a team sport", "Play with your team", 60, 9, 21, only_known=True),
    Small("walking the dog", "Take the dog out", 20, 6, 23, only_known=True),
    Small("caring for a pet", "Spend some time with your pet", 10, 7, 22, only_known=True),
    Small("gardening", "See to a plant or two", 20, 8, 20, only_known=True),
    Small("playing with a child", "Play with a child", 20, 8, 20, only_known=True),
    Small("time with family", "Sit down with your family", 30, 8, 22, only_known=True),
    Small("time with friends", "Ask a friend for an hour", 60, 10, 22),
    Small("making music", "Play some music yourself", 20, 9, 20, only_known=True),
    Small("art or craft", "Make something with your hands", 30, 8, 22),
    Small("learning for oneself", "Learn a little of what interests you", 30, 8, 22),
    Small("hobby computing", "Tinker with something of your own", 30, 8, 23, only_known=True),
    Small("board games", "Play a game at a table", 45, 13, 22, only_known=True),
    Small("computer games", "Play something short", 30, 12, 22, only_known=True),
    Small("a film at home", "Watch a film you have been meaning to see", 100, 14, 21),
    Small("a museum", "Visit a museum", 120, 10, 16),
    Small("cinema", "Go to the cinema", 150, 13, 20),
    Small("helping a neighbour", "Do somebody a small favour", 30, 9, 20, only_known=True),
    Small("worship", "Go where you worship", 45, 7, 21, only_known=True),
)
