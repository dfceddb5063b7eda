"""What the people of the companion demo do: live, rate some hours in their diaries, leave the phone on the charger at night.

Real: diary, agent, blend and suggestions of each device, message by message, over HTTP. Modelled: how hours felt.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from choral.apps.companion.device.activities import ACTIVITIES, NUMBERS
from choral.apps.companion.device.blend import blended
from choral.apps.companion.device.diary import SCALE, Diary, Label, Mood
from choral.apps.companion.device.lifts import Shared
from choral.apps.companion.device.record import Record, read
from choral.apps.companion.device.signals import PLAIN, RATED, companion_signals, rated
from choral.apps.companion.device.suggestions import Moment, Suggestion, shown, turn
from choral.apps.companion.device.turns import Arm
from choral.apps.companion.study.generator import Generator
from choral.device import Agent, Budget, Conditions, Event, SharedHttpTransport
from choral.device.checkouts import CheckoutBook
from choral.device.outbox import SentReport
from choral.errors import ChoralError
from choral.learning import ALGORITHMS
from choral.learning.alternating_least_squares import AlternatingLeastSquares
from choral.mechanisms import MECHANISMS
from choral.numerics import SeededEntropy, SystemEntropy
from choral.storage import MemoryDeviceStore

THREADS = 4  # devices that live at once, each waiting for the server most of the time
NIGHTS = 3
FIRST, TODAY = 0, NIGHTS + 1  # of the days: the first is rated and never reported, today is foretold
DAYS, HOURS = NIGHTS + 2, 24
RATED_HOURS = tuple(range(7, 23, 2))  # of a day
EVENING, NIGHT = time(18, tzinfo=UTC), time(23, tzinfo=UTC)
LOW = 20  # what everybody says of one hour on the last evening
LEISURE = Conditions(idle=True, charging=True, unmetered=True)
TRUSTING = Budget.nats(day=8, year=32, life=32, trusts=("nobody", "shuffler", "sum"))  # the last by the person's own word
NAMES: Mapping[str, type[Any]] = {**MECHANISMS, **ALGORITHMS}
NAME = "name"  # the diary's note of what its person is called
Floats = NDArray[np.float64]
R = TypeVar("R")


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """One person with a device. activity, valence: int64[DAYS, HOURS], what each hour was spent on and how it felt"""

    number: int
    name: str
    activity: NDArray[np.int64]
    valence: NDArray[np.int64]
    store: MemoryDeviceStore = field(default_factory=MemoryDeviceStore)

    @property
    def diary(self) -> Diary:
        """The person's own record."""
        return Diary(self.store)

    def agent(self, road: SharedHttpTransport, book: CheckoutBook) -> Agent:
        """The device's agent, as it starts again."""
        return Agent(
            store=self.store,
            signals=companion_signals(),
            names=book.names,
            operators=book.operators,
            book=book,
            transport=road,
            entropy=SystemEntropy(),
            budget=TRUSTING,
        )

    def rate(self, number: int, day: date) -> tuple[Event, ...]:
        """Write into the diary how some hours of a day felt; the same as events for the agent."""
        feelings = {hour: self._mood(number, hour, day) for hour in RATED_HOURS}
        names = {hour: ACTIVITIES[self.activity[number, hour]].name for hour in RATED_HOURS}
        self.diary.label(day, {hour: Label(name, "person") for hour, name in names.items()})
        self.diary.feel(day, feelings)
        found = (rated(names[hour], hour=hour, mood=mood, at=_at(day, hour)) for hour, mood in feelings.items())
        return tuple(event for event in found if event is not None)

    def _mood(self, number: int, hour: int, day: date) -> Mood:
        return Mood(int(self.valence[number, hour]), SCALE // 2, external=False, at=int(_at(day, hour).timestamp()))


@dataclass(frozen=True, slots=True)
class Suggested:
    """What one device made of a low hour. by_others: whether it would suggest something else without the shared model"""

    arm: Arm
    activity: str
    seen: Suggestion | None
    by_others: bool


@dataclass(frozen=True, slots=True)
class People:
    """Everybody, and when: the first of their days, and what nobody can foretell better of the last (mean squared error)."""

    everyone: tuple[Person, ...]
    first: date
    operator: bytes
    noise_floor: float

    @classmethod
    def generated(cls, count: int, seed: int, *, first: date, operator: bytes) -> "People":
        """So many people whose lives follow from the seed; the activity of an hour is what most of it was spent on."""
        lives = Generator(seed).lives(count, DAYS)
        most = (lives.rows[:, :, None] == np.arange(len(ACTIVITIES), dtype=np.uint8)).sum(axis=1).argmax(axis=1)
        activity, valence = (
            array.reshape(count, DAYS, HOURS) for array in (most, np.rint(lives.mood * SCALE).astype(np.int64))
        )
        names = [f"zq{word:016x}" for word in SeededEntropy(seed + 1).words(count, 1)[:, 0].tolist()]
        columns = zip(range(count), names, activity, valence, strict=True)
        return cls(tuple(Person(*one) for one in columns), first, operator, lives.noise_floor)

    def day(self, number: int) -> date:
        """The date of a day."""
        return self.first + timedelta(days=number)

    def begin(self) -> None:
        """The first day: everyone rates hours, for themselves alone."""
        for person in self.everyone:
            person.diary.keep_note(NAME, person.name)
            person.rate(FIRST, self.first)

    def agree(self, url: str) -> None:
        """Everyone looks at what is on offer, allows the trust in a sum, and says yes."""
        now = datetime.combine(self.first, NIGHT)

        def agree(agent: Agent, _: Person) -> None:
            agent.refresh(now)
            for offer in agent.offers():
                agent.agree(offer.terms_hash, now)

        self._each(url, agree)

    def night(self, url: str, number: int) -> None:
        """Everyone has rated hours of that day, and leaves the device on the charger."""
        day = self.day(number)

        def live(agent: Agent, person: Person) -> None:
            for event in person.rate(number, day):
                agent.record(event, event.at)
            agent.tick(datetime.combine(day, NIGHT), LEISURE)

        self._each(url, live)

    def errors(self, url: str, number: int) -> Floats:
        """The mean squared error of each device about all hours of today, float64[people], which nobody told it.

        Each knows the model that it has been given, and the hours that its person rated on the first day.
        """

        def error(agent: Agent, person: Person) -> float:
            agent.refresh(datetime.combine(self.day(number), NIGHT) + timedelta(minutes=1))
            record = read(person.diary, today=self.first, zone=UTC, days=1)
            told = foretold(shared_of(agent), record)[person.activity[TODAY]]
            return float(((told - person.valence[TODAY] / SCALE) ** 2).mean())

        return np.array(self._each(url, error))

    def suggested(self, url: str, seed: int) -> list[Suggested]:
        """What each device suggests after a low hour today."""
        today = self.day(TODAY)
        now = datetime.combine(today, EVENING)

        def suggest(agent: Agent, person: Person) -> Suggested:
            person.diary.feel(today, {now.hour: Mood(LOW, LOW, external=False, at=int(now.timestamp()))})
            record, shared = read(person.diary, today=today, zone=UTC, days=DAYS), shared_of(agent)
            made, alone = (
                turn(record, Moment(now), log=(), refused=(), entropy=SeededEntropy(seed + 2, person.number), shared=known)
                for known in (shared, None)
            )
            if made is None or alone is None:
                raise ChoralError("a device found no occasion for a suggestion, though its person said that the hour is low")
            return Suggested(made.arm, made.activity, shown(made, record, shared), made.activity != alone.activity)

        return self._each(url, suggest)

    def sent(self, url: str) -> list[SentReport]:
        """Every report that left a device, as the devices remember it."""
        found = self._each(url, lambda agent, _: agent.sent())
        return [report for reports in found for report in reports]

    def _each(self, url: str, live: Callable[[Agent, Person], R]) -> list[R]:
        """Some devices at a time, over new connections, so that no check-out of before is kept."""
        with self._road(url) as (road, book), ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(lambda person: live(person.agent(road, book), person), self.everyone))

    @contextmanager
    def _road(self, url: str) -> Iterator[tuple[SharedHttpTransport, CheckoutBook]]:
        with SharedHttpTransport(url, THREADS) as road:
            yield road, CheckoutBook(names=NAMES, operators=frozenset({self.operator}))


def shared_of(agent: Agent) -> Shared:
    """The public model that the device holds."""
    offer = agent.offers()[0]
    assert isinstance(offer.algorithm, AlternatingLeastSquares)  # the only kind that this demo's operator publishes
    return Shared(offer.algorithm, offer.checkout.params)


def foretold(shared: Shared, record: Record) -> Floats:
    """How an hour of each activity will feel to the person of this record, float64[activities], from 0 to 1."""
    known = [(NUMBERS[one.activity], one.valence / SCALE) for one in record.felt() if one.activity]
    examples = {
        "item": np.array([PLAIN.of_activity[number] for number, _ in known], np.int64),
        "rating": np.array([valence for _, valence in known], np.float64),
        "weight": np.ones(len(known)),
    }
    told = blended(shared.algorithm, shared.params, examples, person=np.zeros(len(known), np.int64), people=1)
    return np.asarray(told.blend[0, list(PLAIN.of_activity)])


def secrets(everyone: Iterable[Person], sent: Iterable[bytes]) -> dict[str, list[str]]:
    """What must not be found anywhere outside the devices, by kind; `sent`: what was sealed into reports."""
    moods = [series for person in everyone for series in person.valence.tolist()]
    return {
        "a person's name": [person.name for person in everyone],
        "what an hour was spent on": [activity.name for activity in ACTIVITIES],
        "what an hour was rated as": [RATED],
        "a series of moods": [form for series in moods for form in _forms(series)],
        "what a report held": [payload[:32].hex() for payload in sent],
    }


def _forms(series: Sequence[int]) -> tuple[str, ...]:
    """A day's moods, and the rated ones, as text and as bytes."""
    some = [series[hour] for hour in RATED_HOURS]
    return tuple(form for one in (series, some) for form in (", ".join(map(str, one)), bytes(one).hex()))


def _at(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour, tzinfo=UTC))
