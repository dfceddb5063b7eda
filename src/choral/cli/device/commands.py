"""`choral device`: what one person sees, allows, takes back and forgets."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

import typer
from rich.console import Console

from choral.cli.device import room
from choral.cli.device.room import AnyOrder, Asked
from choral.cli.lazy import Lazy
from choral.cli.outputs import check_outputs
from choral.device.export import moment, outgoing
from choral.errors import UsageError
from choral.privacy import MICRO
from choral.protocol import Terms


class DeviceGroup(AnyOrder):
    """The commands below, and those about links."""

    table: ClassVar[Mapping[str, Lazy]] = {
        name: Lazy("device.phishing", name, "phishing") for name in ("score", "report", "labels", "watch")
    }


app = typer.Typer(
    cls=DeviceGroup,
    help="One person's device. Its options may stand before or after a command.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.callback()
def device(
    context: typer.Context,
    home: Annotated[Path | None, typer.Option(help="The device's folder. Without it: the usual place of this system.")] = None,
    server: Annotated[str | None, typer.Option(help="Address of the server; kept for later.")] = None,
    operator: Annotated[str | None, typer.Option(help="Trusted operator's public key (64 hex digits); kept.")] = None,
    certificates: Annotated[Path | None, typer.Option(help="PEM file to believe instead of the system's; kept.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the answer there as JSON.")] = None,
) -> None:
    """One person's device. Its options may stand before or after a command."""
    check_outputs(json)
    context.obj = Asked(home or room.default_home(), server, operator, certificates, json)


@app.command()
def status(context: typer.Context) -> None:
    """What this device is, in five lines."""
    asked: Asked = context.obj
    with room.opened(asked) as agent:
        offers, waiting, sent, ledger = agent.offers(), agent.waiting(), agent.sent(), agent.ledger()
        server, in_sums = room.server(asked), ledger.account("sum").life_micro / MICRO
        answer = {
            "home": str(asked.home),
            "server": server,
            "agreed": sum(offer.agreed for offer in offers),
            "offers": len(offers),
            "waiting": len(waiting),
            "sent": len(sent),
            "paid": ledger.account("nobody").life_micro / MICRO,
            "paid_in_sums": in_sums,
        }
    room.write_json(asked, answer)
    console = _console()
    console.print(f"folder   {answer['home']}")
    console.print(f"server   {server or 'none yet; give --server and --operator'}")
    console.print(f"agreed   to {answer['agreed']} of {answer['offers']} offers known here")
    console.print(f"reports  {answer['sent']} sent, {answer['waiting']} waiting")
    console.print(f"paid     {answer['paid']:g} nats for life, whoever is trusted")
    if in_sums:
        console.print(f"         and {in_sums:g} nats that hold only while nobody sees less than a sum")


@app.command()
def issuer(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="Address of the issuer; another host than the server's.")],
    account: Annotated[Path, typer.Option(help="File with the token of this device's account there.")],
) -> None:
    """Get anonymous tokens there, for tasks whose reports need one. The issuer learns neither task nor report."""
    room.use_issuer(context.obj, url, account)
    _console().print(f"tokens come from {url} from now on")


@app.command()
def tasks(context: typer.Context) -> None:
    """Ask the server which tasks there are, and say what each wants, costs and promises."""
    asked: Asked = context.obj
    with room.opened(asked) as agent:
        steps, offers = agent.refresh(room.now()), agent.offers()
    room.write_json(asked, {"tasks": [room.offer_as_json(one) for one in offers], "steps": [*map(room.step_as_json, steps)]})
    console = _console()
    for offer in offers:
        console.print(f"\n{offer.terms.signal}  {'agreed' if offer.agreed else 'not agreed'}")
        console.print(f"  why      {offer.terms.purpose}")
        console.print(f"  what     {report_in_words(offer.terms)}")
        console.print(f"  who      reviewed by {offer.task.reviewer}; until {moment(min(offer.task.expires, 2**37))}")
        for guarantee in offer.guarantees:
            console.print(f"  promise  {guarantee.sentence}")
        console.print(f"  terms    {offer.terms_hash.hex()[:16]}")
    for step in steps:
        console.print(step.text)
    if not offers:
        console.print("no task is on offer")


@app.command()
def consent(
    context: typer.Context,
    terms: Annotated[str, typer.Argument(help="The first digits of the Terms' name.")] = "",
    yes: Annotated[bool | None, typer.Option("--yes/--no", help="Agree, or take it back at once.")] = None,
) -> None:
    """List what can be agreed to; with the name of Terms and --yes or --no, agree or withdraw."""
    asked: Asked = context.obj
    if bool(terms) != (yes is not None):
        raise UsageError("give the name of the Terms and --yes or --no, or neither to list them")
    with room.opened(asked) as agent:
        if terms and yes:
            agent.agree(room.chosen(agent, terms), room.now())
        elif terms:
            agent.withdraw(room.chosen(agent, terms))
        offers = agent.offers()
    room.write_json(asked, {"offers": [room.offer_as_json(one) for one in offers]})
    console = _console()
    for offer in offers:
        row = offer.terms
        console.print(f"\n{row.signal}  {'agreed' if offer.agreed else 'not agreed'}")
        console.print(f"  why    {row.purpose}")
        console.print(f"  what   {report_in_words(row)}")
        console.print(f"  price  {row.epsilon:g} nats a report, {row.reports_per_day} a day, {row.reports_for_life} for life")
        name = offer.terms_hash.hex()[:16]
        console.print(f"  say    choral device consent {name} --yes, or --no")
    if not offers:
        console.print("nothing is on offer yet; run: choral device tasks")


@app.command()
def trust(
    context: typer.Context,
    sums: Annotated[
        bool | None, typer.Option("--sum/--no-sum", help="Allow it, or take it back with what rests on it.")
    ] = None,
) -> None:
    """Say whether reports may leave that hide only in a sum of many. Off unless you say so."""
    asked: Asked = context.obj
    trusts = room.budget(asked).trusts if sums is None else room.trust_sums(asked, allowed=sums)
    room.write_json(asked, {"trusts": list(trusts)})
    told = (
        "may leave, where you agree to their Terms" if "sum" in trusts else "never leave; choral device trust --sum allows it"
    )
    _console().print(f"Reports of which one alone hides next to nothing, and only a sum of many hides each: they {told}.")


@app.command()
def budget(context: typer.Context) -> None:
    """What was paid and what is left, account by account."""
    asked: Asked = context.obj
    with room.opened(asked) as agent:
        ledger, offers = agent.ledger(), [offer for offer in agent.offers() if offer.agreed]
    allowed, moment_now = room.budget(asked), room.now()
    limits = [(offer.terms.signal, limit) for offer in offers for limit in ledger.limits(offer.terms, allowed, moment_now)]
    answer: dict[str, Any] = {
        "allowed": {"day": allowed.per_day_micro, "year": allowed.per_year_micro, "life": allowed.for_life_micro},
        "accounts": [{"trust": one.trust, "life_micro": one.life_micro} for one in ledger.accounts],
        "limits": [
            {"signal": signal, "account": limit.account, "span": limit.span, "allowed": limit.allowed, "left": limit.left}
            for signal, limit in limits
        ],
    }
    room.write_json(asked, answer)
    console = _console()
    for trust in ("nobody", "shuffler", "sum"):
        account = ledger.account(trust)
        console.print(
            f"account {trust!r}: {account.life_micro / MICRO:g} of {allowed.for_life_micro / MICRO:g} nats paid for life"
        )
    for signal, limit in limits:
        console.print(f"{signal}: {limit.words}")


@app.command()
def reports(context: typer.Context) -> None:
    """The exact bytes that left or wait, what they mean, what they cost, and when."""
    asked: Asked = context.obj
    with room.opened(asked) as agent:
        sent, waiting = agent.sent(), agent.waiting()
    answer = {
        "sent": [{**outgoing(one.outgoing), "sent": moment(one.sent), "outcome": one.outcome} for one in sent],
        "waiting": [{**outgoing(one), "due": moment(one.due)} for one in waiting],
    }
    room.write_json(asked, answer)
    console = _console()
    for row in (*answer["sent"], *answer["waiting"]):
        when = f"sent {row['sent']}, {row['outcome']}" if "sent" in row else f"goes {row['due']}"
        console.print(f"\n{when}; {row['epsilon']:g} nats; id {row['id']}")
        console.print(row["meaning"])
        console.print(f"sealed payload: {row['sealed_payload']}")
        console.print(f"bytes: {row['bytes']}")
    if not sent and not waiting:
        console.print("nothing was sent, nothing waits")


@app.command()
def export(context: typer.Context) -> None:
    """Everything this device keeps about its person, as JSON."""
    asked: Asked = context.obj
    with room.opened(asked) as agent:
        answer = agent.export()
    room.write_json(asked, answer)
    if asked.json is None:
        _console().print_json(data=answer, ensure_ascii=False)


@app.command()
def forget(
    context: typer.Context, yes: Annotated[bool, typer.Option("--yes", help="Do it; there is no way back.")] = False
) -> None:
    """Delete everything and destroy its key. What was paid stays written down, so that forgetting never refunds."""
    asked: Asked = context.obj
    if not yes:
        raise UsageError("this deletes everything on this device for good; run it again with --yes to do so")
    with room.opened(asked) as agent:
        agent.forget()
    _console().print("forgotten: consents, records, journal, waiting and sent reports; what was paid stays paid")


@app.command()
def record(context: typer.Context, locale: str, emoji: str) -> None:
    """Tell the device that an emoji was typed; it is randomized at once and not kept as it is."""
    from choral.apps.keyboard.events import typed

    moment_now = room.now()
    with room.opened(context.obj) as agent:
        taken = agent.record(typed(locale, emoji, moment_now), moment_now)
    _console().print(f"taken by {taken} task(s), randomized" if taken else "no task wants it now; nothing was kept")


@app.command()
def tick(
    context: typer.Context,
    whatever: Annotated[bool, typer.Option("--now", help="Do not wait until the device is idle, charging, unmetered.")] = False,
) -> None:
    """One turn: download, contribute, send what is due. Run it from a timer, hourly."""
    asked: Asked = context.obj
    moment_now = room.now()
    with room.opened(asked) as agent:
        steps = agent.tick(moment_now, room.conditions(moment_now, whatever=whatever))
    room.write_json(asked, {"steps": [room.step_as_json(step) for step in steps]})
    for step in steps:
        _console().print(step.text)


def report_in_words(terms: Terms) -> str:
    """What one report is, and what can be told from its coming alone."""
    shows = "; while there is less none is sent, so that its coming shows there was as much" if terms.sending_is_visible else ""
    return f"a report is {terms.unit}{shows}"


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True, markup=False)
