"""`choral task`: read a task file, sign it as an operator, hand it to a server."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, cast

import httpx
import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rich.console import Console

from choral.apps import browser, health, keyboard
from choral.cli.outputs import check_outputs, warn, write_json
from choral.cli.task.disclose import drafted_disclosure, fetched, is_hash, read_file, signed_disclosure
from choral.cli.task.file import Draft, compiled
from choral.device.http import checked_url
from choral.errors import PeerError, UsageError
from choral.learning import ALGORITHMS
from choral.mechanisms import MECHANISMS, FrequencyOracle
from choral.mechanisms.advice import advice
from choral.protocol import Release, Signed, Task, decode, encode, sign
from choral.protocol.task import CHANCE_UNIT

DICTIONARIES: Mapping[str, Callable[[], Release]] = {
    "browser.autoplay": lambda: browser.play_release(browser.sites()),
    "browser.domains": lambda: browser.sites().release(),
    "health.types": health.dictionary_release,
    "keyboard.emoji": keyboard.dictionary_release,
}
NAMES = {**MECHANISMS, **ALGORITHMS}
KEY_DIGITS = 64

app = typer.Typer(help="Task files: read one, sign it, publish it.", no_args_is_help=True, rich_markup_mode=None)
File = Annotated[Path, typer.Argument(help="The task file (TOML).")]
OperatorKey = Annotated[Path, typer.Option("--operator-key", help="File with the operator's private key (64 hex digits).")]
Out = Annotated[Path, typer.Option("--out", help="Write the signed bytes here.")]


def draft(file: Path) -> Draft:
    """The task that the file says; UsageError with the line of what is wrong."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read ({error}); give a task file in TOML and UTF-8") from error
    return compiled(text, name=str(file), names=NAMES, dictionaries=DICTIONARIES)


@app.command()
def show(file: File) -> None:
    """What a task file asks, costs and promises, and what would be better."""
    read = draft(file)
    task = read.task(start=datetime.now(UTC), shuffler_key=bytes(32), server_key=bytes(32))
    terms, mechanism = task.terms, read.mechanism
    guarantees = mechanism.guarantees(task.rule.minimum, task.reports_per_device)
    console = Console(highlight=False, soft_wrap=True)
    lines = (
        ("why", terms.purpose),
        ("signal", f"{terms.signal}: {terms.unit}"),
        ("asks", f"{terms.reports_per_day} report(s) a day, at most {terms.reports_for_life} for life"),
        ("price", _price(read)),
        ("by", f"{task.mechanism.name} ({mechanism.bits:,} bits a report), {task.algorithm.name}"),
        (
            "batch",
            f"{task.rule.minimum:,} reports at least, {task.rule.goal:,} at most; kept {terms.retention_days} days at most",
        ),
        *(("promise", one.sentence) for one in guarantees),
        ("counts by", f"the public dictionary {read.dictionary}" if read.dictionary else "no dictionary"),
        ("reviewer", task.reviewer),
        ("terms", f"{terms.hash.hex()} (a consent is bound to this)"),
    )
    for label, text in lines:
        console.print(f"{label:<10}{text}", markup=False)
    _advise(read)


@app.command()
def disclose(
    task: Annotated[str, typer.Argument(help="A task file, what `choral task sign` wrote, or a task's hash (64 hex digits).")],
    server: Annotated[str | None, typer.Option(help="Address of the server that has the task of this hash.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write it there; else it is printed.")] = None,
) -> None:
    """A task's privacy for programs, dp-disclosure.json: the questions of NIST SP 800-226, answered from the task itself."""
    check_outputs(json_file)
    if is_hash(task):
        found = signed_disclosure(fetched(task, server), task, NAMES)
    elif Path(task).suffix == ".toml":
        found = drafted_disclosure(draft(Path(task)))
    else:
        found = signed_disclosure(read_file(Path(task)), task, NAMES)
    write_json(json_file, found)
    if json_file is None:
        Console(highlight=False, soft_wrap=True).print_json(data=found, ensure_ascii=False)


@app.command(name="sign")
def sign_file(
    file: File,
    operator_key: OperatorKey,
    server_key: Annotated[str, typer.Option(help="The server's public key: 64 hex digits, or a file with them.")],
    shuffler_key: Annotated[str, typer.Option(help="The shuffler's public key: 64 hex digits, or a file with them.")],
    out: Out,
    start: Annotated[datetime | None, typer.Option(help="When it begins, in UTC. Without it: now.")] = None,
) -> None:
    """Compile a task file and sign it. A server's folder holds keys/operator.key, server.key.pub and shuffler.key.pub."""
    read = draft(file)
    begin = (start.replace(tzinfo=UTC) if start else datetime.now(UTC)).replace(microsecond=0)
    keys = {"server_key": _public(server_key, "--server-key"), "shuffler_key": _public(shuffler_key, "--shuffler-key")}
    task = read.task(start=begin, **keys)
    write_signed(out, sign(task, private_key(operator_key)))
    console = Console(highlight=False, soft_wrap=True)
    console.print(
        f"task {task.hash.hex()} of {task.terms.signal}, from {begin:%Y-%m-%d %H:%M} UTC, signed in {out}", markup=False
    )
    if read.dictionary:
        console.print(f"its dictionary must be published too: choral task data {read.dictionary} ...", markup=False)
    _advise(read)


@app.command()
def data(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(sorted(DICTIONARIES))}.")], operator_key: OperatorKey, out: Out
) -> None:
    """Sign a public dictionary, by which tasks count."""
    if name not in DICTIONARIES:
        raise UsageError(f"there is no dictionary {name!r}; choose one of {', '.join(sorted(DICTIONARIES))}")
    release = DICTIONARIES[name]()
    write_signed(out, sign(release, private_key(operator_key)))
    Console(highlight=False, soft_wrap=True).print(f"dictionary {release.hash.hex()}, signed in {out}", markup=False)


@app.command()
def publish(
    file: Annotated[Path, typer.Argument(help="What `choral task sign` or `choral task data` wrote.")],
    server: Annotated[str, typer.Option(help="Address of the server.")],
    token_file: Annotated[Path, typer.Option(help="File with the operator's token.")],
) -> None:
    """Hand a signed task or dictionary to a server."""
    body, path = _signed(file)
    headers = {"Authorization": f"Bearer {_text(token_file)}"}
    try:
        answer = httpx.post(checked_url(server) + path, content=body, headers=headers, trust_env=False, timeout=30)
    except httpx.HTTPError as error:
        raise UsageError(f"{server} cannot be reached ({error}); check the address and the connection") from error
    Console(highlight=False, soft_wrap=True).print(f"published {_accepted(answer)}", markup=False)


def _accepted(answer: httpx.Response) -> str:
    """The hash that the server answers with; UsageError with its own words if it refused."""
    try:
        members = answer.json()
    except json.JSONDecodeError:
        members = {}
    if answer.status_code != httpx.codes.CREATED or "hash" not in members:
        words = " ".join(filter(None, (members.get("detail"), members.get("remedy"))))
        raise UsageError(f"the server refused it: {words or f'status {answer.status_code}'}")
    return str(members["hash"])


def _run(read: Draft, task: Task) -> str:
    days, hours = read.lasts_seconds / 86_400, task.delay_seconds / 3600
    return (
        f"for {days:g} days; a round has {task.rule.round_seconds / 86_400:g} days and ends by {task.rule.advance}; a device "
        f"takes part with chance {task.chance / CHANCE_UNIT:.4g} and sends up to {hours:g} hours later"
    )


def _price(read: Draft) -> str:
    terms = read.terms
    per_day, for_life = terms.epsilon * terms.reports_per_day, terms.epsilon * terms.reports_for_life
    return f"epsilon {terms.epsilon:.6g} a report, {per_day:.6g} a day, {for_life:.6g} for life"


def _advise(read: Draft) -> None:
    if hasattr(read.mechanism, "manipulation"):  # an oracle, about which something can be said
        warn(list(advice(cast(FrequencyOracle, read.mechanism))))


def _signed(file: Path) -> tuple[bytes, str]:
    """The bytes of a signed message and the path that takes it."""
    try:
        body = file.read_bytes()
        kind = decode(body, Signed).body[1]
    except (OSError, PeerError, IndexError) as error:
        raise UsageError(f"{file} is no signed message ({error}); make one with `choral task sign`") from error
    paths = {Task.KIND: "/v1/operator/tasks", Release.KIND: "/v1/operator/releases"}
    if kind not in paths:
        raise UsageError(f"{file} holds neither a task nor public data; make one with `choral task sign`")
    return body, paths[kind]


def private_key(file: Path) -> Ed25519PrivateKey:
    """The operator's private key in the file."""
    return Ed25519PrivateKey.from_private_bytes(_key(_text(file), str(file)))


def _public(given: str, option: str) -> bytes:
    return _key(given if len(given) == KEY_DIGITS else _text(Path(given)), option)


def _key(text: str, what: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) * 2 != KEY_DIGITS:
        raise UsageError(f"{what} is no key; give 64 hexadecimal digits, or a file with them")
    return key


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read ({type(error).__name__}); name a file with the key or the token") from error


def write_signed(file: Path, signed: Signed) -> None:
    """The signed message's bytes into the file."""
    try:
        file.write_bytes(encode(signed))
    except OSError as error:
        raise UsageError(f"{file} cannot be written ({error.strerror}); choose another file") from error
