"""What this person has paid in privacy, and what is left. Spending is the only way on; nothing is ever refunded.

A ledger is an immutable value: `spend` answers the next one or raises. One account a trust holds what was charged for
"any two values"; every report is charged to the account `nobody`, for its local guarantee holds whoever is trusted,
and to the account of its Terms' trust. A report that has no local guarantee, because it rests on a sum, is charged to
the account `sum` alone, and only where this person allows that trust. Days are days of UTC; a year is any 365 of them.

The mark is the latest moment at which anything was spent. Time before it counts as the mark itself: a clock set back
neither refunds nor reopens a day. A clock far ahead opens nothing either, for the tasks of today are expired then; what
it did open counts on that future day, and no day before it opens again.
"""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from choral.errors import BudgetExhausted, ConsentMissing
from choral.privacy import MICRO, TRUSTS, Trust
from choral.protocol import Terms
from choral.protocol.codec import Nested, Wire
from choral.protocol.containers import Many
from choral.protocol.wire import Blob, Choice, Fixed, Integer, Reader, malformed

DAY = 86_400
YEAR_DAYS = 365
DEFAULT_TRUSTS: tuple[Trust, ...] = ("nobody", "shuffler")
MOST_MICRO = 2**62
MOST_TERMS = 4096
AMOUNT = Integer("Q", 0, MOST_MICRO)
DAY_ENTRY = struct.Struct("<IQ")


@dataclass(frozen=True, slots=True)
class Budget:
    """What a person allows for each account, in millionths of a nat: a day, any 365 days, for life; and whom they trust.

    trusts: under which trusts a report may leave; `sum`, where a report alone hides next to nothing, only if it is named

    >>> Budget.nats(day=4, year=200, life=1000).per_day_micro
    4000000
    """

    per_day_micro: int
    per_year_micro: int
    for_life_micro: int
    trusts: tuple[Trust, ...] = DEFAULT_TRUSTS

    def __post_init__(self) -> None:
        if not set(self.trusts) <= set(TRUSTS):
            raise ValueError(f"trusts are some of {TRUSTS}, got {self.trusts}")
        if not all(0 <= one <= MOST_MICRO for one in (self.per_day_micro, self.per_year_micro, self.for_life_micro)):
            raise ValueError(f"a budget lies between 0 and 2**62 millionths of a nat, got {self}")

    @classmethod
    def nats(cls, *, day: float, year: float, life: float, trusts: tuple[Trust, ...] = DEFAULT_TRUSTS) -> "Budget":
        """The budget in nats of epsilon."""
        return cls(round(day * MICRO), round(year * MICRO), round(life * MICRO), trusts)

    def require_trust(self, terms: Terms) -> None:
        """ConsentMissing unless this person takes part under the trust that these Terms ask for."""
        if terms.trust not in self.trusts:
            raise ConsentMissing(
                f"{terms.signal!r} rests on the trust {terms.trust!r}, which this person has not allowed; where it is "
                "broken, one report alone hides next to nothing; allow the trust first, or leave the task alone; "
                "nothing was spent"
            )


@dataclass(frozen=True, slots=True)
class DaysField:
    """Pairs (day, spent), as bytes."""

    def write(self, value: Any) -> bytes:
        """Length and pairs, in the order of the days."""
        return Blob(2**16).write(b"".join(DAY_ENTRY.pack(*pair) for pair in sorted(value.items())))

    def read(self, reader: Reader) -> dict[int, int]:
        """The pairs at the reader."""
        data = Blob(2**16).read(reader)
        if len(data) % DAY_ENTRY.size:
            raise malformed("a ledger's days end early")
        return dict(DAY_ENTRY.iter_unpack(data))


@dataclass(frozen=True, slots=True)
class Account:
    """What was charged under one trust: for life, and on each of the last 365 days."""

    KIND: ClassVar[int] = 64
    WIRE: ClassVar[Wire] = (("trust", Choice(TRUSTS)), ("life_micro", AMOUNT), ("days", DaysField()))
    trust: Trust
    life_micro: int
    days: Mapping[int, int]

    def on(self, day: int) -> int:
        """Charged on that day."""
        return self.days.get(day, 0)

    def year_to(self, day: int) -> int:
        """Charged on the 365 days that end with `day`."""
        return sum(micro for when, micro in self.days.items() if when > day - YEAR_DAYS)

    def charged(self, micro: int, day: int) -> "Account":
        """With `micro` more on `day`; days that no year reaches any more are left out."""
        days = {when: spent for when, spent in self.days.items() if when > day - YEAR_DAYS}
        return replace(self, life_micro=self.life_micro + micro, days={**days, day: self.on(day) + micro})

    def merged(self, other: "Account", day: int) -> "Account":
        """The larger of both, in each total; days that no year reaches any more after `day` are left out."""
        near = sorted(when for when in {*self.days, *other.days} if when > day - YEAR_DAYS)
        days = {when: max(self.on(when), other.on(when)) for when in near}
        return replace(self, life_micro=max(self.life_micro, other.life_micro), days=days)


@dataclass(frozen=True, slots=True)
class Use:
    """How many reports were made under these Terms: for life, and on the latest day that had one."""

    KIND: ClassVar[int] = 65
    WIRE: ClassVar[Wire] = (
        ("terms", Fixed(32)),
        ("day", Integer("I")),
        ("day_reports", Integer("Q")),
        ("life_reports", Integer("Q")),
    )
    terms: bytes
    day: int
    day_reports: int
    life_reports: int

    def on(self, day: int) -> int:
        """Reports made on that day."""
        return self.day_reports if day == self.day else 0

    def merged(self, other: "Use") -> "Use":
        """The larger of both, in each total."""
        day = max(self.day, other.day)
        return Use(self.terms, day, max(self.on(day), other.on(day)), max(self.life_reports, other.life_reports))


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit that a report must stay within.

    account: a trust, or "Terms" for what the Terms themselves allow; span: "day", "year" or "life"
    allowed, left: millionths of a nat, or reports; reports: how many reports the rest pays for
    """

    account: str
    span: str
    allowed: int
    left: int
    reports: int

    @property
    def words(self) -> str:
        """The limit and what is left of it."""
        span = "for life" if self.span == "life" else f"for the {self.span}"
        if self.account == "Terms":
            return f"its Terms allow {self.allowed} report(s) {span}, {self.left} are left"
        return f"the account {self.account!r} has {self.left / MICRO:g} of {self.allowed / MICRO:g} nats left {span}"


@dataclass(frozen=True, slots=True)
class BudgetLedger:
    """All accounts of a person at one moment. `generation` grows with every change, so that an older copy shows."""

    KIND: ClassVar[int] = 66
    WIRE: ClassVar[Wire] = (
        ("generation", Integer("Q")),
        ("mark", Integer("q", 0, 2**40)),
        ("accounts", Many(Nested(Account), len(TRUSTS))),
        ("uses", Many(Nested(Use), MOST_TERMS)),
    )
    generation: int = 0
    mark: int = 0
    accounts: tuple[Account, ...] = ()
    uses: tuple[Use, ...] = ()

    def account(self, trust: Trust) -> Account:
        """The account of that trust, empty if nothing was charged to it yet."""
        return next((one for one in self.accounts if one.trust == trust), Account(trust, 0, {}))

    def use(self, terms: bytes) -> Use:
        """What was made under the Terms of this hash."""
        return next((one for one in self.uses if one.terms == terms), Use(terms, 0, 0, 0))

    def second(self, now: datetime) -> int:
        """Unix time, never before the mark."""
        return max(int(now.timestamp()), self.mark)

    def day(self, now: datetime) -> int:
        """Days since 1970 in UTC, never before the mark's."""
        return self.second(now) // DAY

    def limits(self, terms: Terms, budget: Budget, now: datetime) -> tuple[Limit, ...]:
        """Every limit on the next report under these Terms; never negative."""
        day, use = self.day(now), self.use(terms.hash)
        found = [
            _reports("day", terms.reports_per_day, use.on(day)),
            _reports("life", terms.reports_for_life, use.life_reports),
        ]
        for trust in accounts_of(terms):
            account = self.account(trust)
            for span, allowed, spent in (
                ("day", budget.per_day_micro, account.on(day)),
                ("year", budget.per_year_micro, account.year_to(day)),
                ("life", budget.for_life_micro, account.life_micro),
            ):
                left = max(allowed - spent, 0)
                found.append(Limit(trust, span, allowed, left, left // terms.price_micro))
        return tuple(found)

    def affordable(self, terms: Terms, budget: Budget, now: datetime) -> int:
        """How many reports under these Terms can be paid now."""
        if terms.trust not in budget.trusts:
            return 0
        return min(limit.reports for limit in self.limits(terms, budget, now))

    def require(self, terms: Terms, budget: Budget, now: datetime, *, reports: int = 1) -> None:
        """BudgetExhausted, naming the limit, what is left of it and what to do, unless `reports` reports can be paid;
        ConsentMissing if their trust is not allowed.
        """
        if reports < 1:
            raise ValueError(f"need reports >= 1, got {reports=}")
        budget.require_trust(terms)
        for limit in self.limits(terms, budget, now):
            if limit.reports < reports:
                raise BudgetExhausted(
                    f"{reports} report(s) for {terms.signal!r} at {terms.epsilon:g} nats cannot be paid: "
                    f"{limit.words}; {_remedy(limit.span, self.mark, now)}; nothing was spent"
                )

    def spend(self, terms: Terms, budget: Budget, now: datetime, *, reports: int = 1) -> "BudgetLedger":
        """The ledger after `reports` reports; BudgetExhausted, as `require` raises it, if they cannot all be paid."""
        self.require(terms, budget, now, reports=reports)
        name = terms.hash
        day, use = self.day(now), self.use(name)
        charged = [self.account(trust).charged(terms.price_micro * reports, day) for trust in accounts_of(terms)]
        used = Use(name, day, use.on(day) + reports, use.life_reports + reports)
        return BudgetLedger(
            self.generation + 1, self.second(now), _with(self.accounts, charged, "trust"), _with(self.uses, [used], "terms")
        )

    def is_behind(self, other: "BudgetLedger") -> bool:
        """Whether `other` knows of a change that this one does not: this one is an older copy."""
        return self.merged(other) != self.merged(self)

    def turned(self) -> "BudgetLedger":
        """One generation on, with nothing spent: consent has changed."""
        return replace(self, generation=self.generation + 1)

    def merged(self, other: "BudgetLedger") -> "BudgetLedger":
        """The larger of both in each total: what to go on with when one of them may be an older copy."""
        mark = max(self.mark, other.mark)
        accounts = [self.account(trust).merged(other.account(trust), mark // DAY) for trust in TRUSTS]
        uses = [self.use(terms).merged(other.use(terms)) for terms in sorted({use.terms for use in (*self.uses, *other.uses)})]
        return BudgetLedger(
            max(self.generation, other.generation),
            mark,
            tuple(account for account in accounts if account.life_micro),
            tuple(uses),
        )


def accounts_of(terms: Terms) -> tuple[Trust, ...]:
    """The accounts that a report under these Terms is charged to."""
    if terms.trust in ("nobody", "sum"):  # a share of a sum's noise has no local guarantee that could be charged
        return (terms.trust,)
    return ("nobody", terms.trust)


def _reports(span: str, allowed: int, made: int) -> Limit:
    left = max(allowed - made, 0)
    return Limit("Terms", span, allowed, left, left)


def _with(rows: Iterable[Any], changed: list[Any], key: str) -> tuple[Any, ...]:
    """The rows with `changed` in place of those of the same key, ordered by it."""
    found = {getattr(row, key): row for row in (*rows, *changed)}
    return tuple(found[name] for name in sorted(found))


def _remedy(span: str, mark: int, now: datetime) -> str:
    """What to do about an exhausted limit, also when the clock is behind a day on which something was spent already."""
    if span == "life":
        return "that is for good, unless the person allows more"
    behind = mark // DAY > int(now.timestamp()) // DAY
    when = f"on {_date(max(mark, int(now.timestamp())) // DAY + 1)} (UTC)" if span == "day" else "as days leave the last 365"
    if not behind:
        return f"it opens again {when}"
    return (
        f"it opens again {when}; this device's clock says {now.astimezone(UTC):%Y-%m-%d}, but something was spent on "
        f"{_date(mark // DAY)} already: set the clock right, and wait for that day to pass if it was wrong then, "
        "for a clock set back never refunds"
    )


def _date(day: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).date().isoformat()
