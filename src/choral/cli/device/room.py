"""What all `choral device` commands share: the person's folder opened, the agent composed, answers printed or written."""

import json
import math
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from choral.cli.lazy import LazyGroup
from choral.device import Agent, Budget, HttpTransport, LinuxConditions, Offer, Step
from choral.device.conditions import Conditions
from choral.device.home import Home, Settings
from choral.device.http import HttpIssuer
from choral.errors import UsageError
from choral.learning import ALGORITHMS
from choral.mechanisms import MECHANISMS
from choral.numerics import SystemEntropy
from choral.protocol import disclosure
from choral.storage.device import DeviceStore


@dataclass(frozen=True, slots=True)
class Asked:
    """The options that stand before the command."""

    home: Path
    server: str | None
    operator: str | None
    certificates: Path | None
    json: Path | None


class AnyOrder(LazyGroup):
    """Lets the group's options stand after the command as well as before it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The arguments parsed, those of the group first."""
        names = {name for parameter in self.params if parameter.param_type_name == "option" for name in parameter.opts}
        first, rest, queue = list[str](), list[str](), list(args)
        while queue:
            word = queue.pop(0)
            is_ours = word.split("=", 1)[0] in names and word != "--help"
            (first if is_ours else rest).append(word)
            if is_ours and "=" not in word and queue:
                first.append(queue.pop(0))
        parsed: list[str] = super().parse_args(ctx, [*first, *rest])
        return parsed


class NoServer:
    """The road of a device that was not told where its server is."""

    def fetch(self, path: str) -> bytes:
        """Refused."""
        raise UsageError("this device knows no server yet; run: choral device --server URL --operator KEY status")

    def send(self, report: bytes, token: bytes = b"") -> None:
        """Refused."""
        self.fetch("")


@contextmanager
def opened(asked: Asked) -> Iterator[Agent]:
    """The agent of the device in the folder asked for; what was given of server and operator is written down."""
    home = Home(asked.home)
    before = home.settings()
    settings = before.changed(server=asked.server, operator=asked.operator, certificates=asked.certificates)
    if settings != before:
        home.keep(settings)
    vault = home.vault()
    store = home.store(vault)
    try:
        yield Agent(
            store=store,
            signals=_signals(store),
            names={**MECHANISMS, **ALGORITHMS},
            operators=settings.trusted,
            transport=_transport(settings),
            entropy=SystemEntropy(),
            budget=settings.budget,
            witness=vault,
            issuer=_issuer(settings),
        )
    finally:
        store.close()


def use_issuer(asked: Asked, url: str, account: Path) -> None:
    """Write down who issues tokens for this device."""
    home = Home(asked.home)
    home.keep(home.settings().with_issuer(url, account))


def _issuer(settings: Settings) -> HttpIssuer | None:
    if not settings.issuer:
        return None
    try:
        token = Path(settings.account).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the account's token in {settings.account} cannot be read ({type(error).__name__})") from error
    return HttpIssuer(settings.issuer, token)


def server(asked: Asked) -> str:
    """The server's address, empty if none was given yet."""
    return Home(asked.home).settings().server


def budget(asked: Asked) -> Budget:
    """What this person allows."""
    return Home(asked.home).settings().budget


def trust_sums(asked: Asked, *, allowed: bool) -> tuple[str, ...]:
    """Allow the trust `sum` or take it back, and with it every yes that rests on it; the trusts allowed from now on."""
    home = Home(asked.home)
    settings = home.settings().trusting_sums(allowed)
    home.keep(settings)
    if not allowed:
        with opened(asked) as agent:
            for row in agent.export()["consents"]:
                if row["trust"] == "sum":
                    agent.withdraw(bytes.fromhex(row["terms"]))
    return settings.trusts


def default_home() -> Path:
    """Where this operating system keeps a person's application data."""
    system = platform.system()
    if system == "Darwin":
        return Path.home() / "Library/Application Support/choral"
    if system == "Windows":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData/Local")) / "choral"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "choral"


def now() -> datetime:
    """The time of day; only commands ask for it."""
    return datetime.now(UTC)


def conditions(moment: datetime, *, whatever: bool) -> Conditions:
    """What Linux says of this machine; elsewhere, or `whatever` it says, running the command is the person's word."""
    if not whatever and platform.system() == "Linux":
        return LinuxConditions().read(moment)
    return Conditions(idle=True, charging=True, unmetered=True)


def chosen(agent: Agent, terms: str) -> bytes:
    """The hash of the Terms on offer, or agreed to, that begins with these hexadecimal digits; UsageError otherwise."""
    known = {offer.terms_hash.hex() for offer in agent.offers()} | {row["terms"] for row in agent.export()["consents"]}
    found = [name for name in known if name.startswith(terms.lower())]
    if len(found) != 1 or len(terms) < 4:
        raise UsageError(f"{terms!r} names {len(found)} of the Terms known here; see `choral device consent` for their names")
    return bytes.fromhex(found[0])


def offer_as_json(offer: Offer) -> dict[str, Any]:
    """An offer for programs."""
    from choral.device.export import moment, terms

    return {
        **terms(offer.terms),
        "agreed": offer.agreed,
        "task": offer.task_hash.hex(),
        "mechanism": offer.task.mechanism.name,
        "algorithm": offer.task.algorithm.name,
        "round": offer.checkout.round,
        "expires": moment(min(offer.task.expires, 2**37)),
        "reviewer": offer.task.reviewer,
        "guarantees": [
            {
                "epsilon": one.epsilon if math.isfinite(one.epsilon) else None,  # null: no bound at all
                "delta": one.delta,
                "trust": one.trust,
                "sentence": one.sentence,
            }
            for one in offer.guarantees
        ],
        "disclosure": disclosure(offer.task, offer.mechanism),
    }


def step_as_json(step: Step) -> dict[str, Any]:
    """A step for programs."""
    return {"kind": step.kind, "text": step.text, "signal": step.signal, "task": step.task.hex()}


def write_json(asked: Asked, answer: Any) -> None:
    """Write the answer where --json says, if it says so."""
    if asked.json is not None:
        try:
            asked.json.write_text(json.dumps(answer, ensure_ascii=False, indent=2) + "\n", "utf-8")
        except OSError as error:
            raise UsageError(f"{asked.json} cannot be written ({error.strerror}); choose another file") from error


def _signals(store: DeviceStore) -> tuple[Any, ...]:
    """What the apps of this device declare; phishing's needs what is labelled here, and its own extra."""
    from choral.apps import browser, health, keyboard
    from choral.apps.keyboard.lexicon import shipped_words
    from choral.apps.keyboard.words import word_signals

    always = (*keyboard.signals(), *word_signals(shipped_words()), *browser.signals(), *health.signals())
    try:
        from choral.apps.phishing.device import records
        from choral.apps.phishing.device.book import LabelBook
    except ModuleNotFoundError as error:
        if (error.name or "choral").startswith("choral"):
            raise
        return always
    return (*always, *records.signals(LabelBook.opened(store).label))


def _transport(settings: Settings) -> Any:
    if not settings.server:
        return NoServer()
    if not settings.certificates:
        return HttpTransport(settings.server)
    import ssl

    try:
        trust = ssl.create_default_context(cafile=settings.certificates)
    except OSError as error:
        raise UsageError(f"{settings.certificates} holds no certificates ({error}); give a PEM file") from error
    return HttpTransport(settings.server, trust=trust)
