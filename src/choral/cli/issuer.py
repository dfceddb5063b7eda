"""`choral issuer`: who gives accounts anonymous tokens, apart from the server that takes them."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from choral.apps import issuer
from choral.cli.http import address, listen, serve_http
from choral.cli.logs import log_as_json
from choral.cli.serve import require_safe
from choral.cli.task.commands import OperatorKey, Out, private_key, write_signed
from choral.errors import UsageError
from choral.numerics import SystemEntropy
from choral.protocol import sign
from choral.protocol.tokens import Issuer, TokenKey
from choral.server import KeyFolder
from choral.server.keys import TOKEN

app = typer.Typer(help="Issue anonymous one-use tokens to accounts.", no_args_is_help=True, rich_markup_mode=None)
Data = Annotated[Path, typer.Option("--data", help="Folder of the issuer's store and keys; made if it is missing.")]
Name = Annotated[str, typer.Option(help="The issuer's host name, as tasks call it.")]


@app.command()
def serve(
    data: Data,
    name: Name = "localhost",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 0,
    tokens: Annotated[int, typer.Option(help="Tokens that an account may have in a period.")] = 16,
    period_hours: Annotated[float, typer.Option(help="Length of a period.")] = 24.0,
    tls_cert: Annotated[Path | None, typer.Option(help="TLS certificate chain (PEM).")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="TLS private key (PEM).")] = None,
) -> None:
    """Answer token requests. Keep it on another machine, with other people, than the server that takes the reports."""
    log_as_json()
    os.umask(0o077)
    require_safe(host, tls_cert, tls_key)
    allowance = issuer.Allowance(tokens, round(period_hours * 3600))
    listener = listen(host, port)
    store, keys = _store(data), KeyFolder(data / "keys")
    face = issuer.application(
        store,
        name=name,
        key=keys.issuer_key(),
        allowance=allowance,
        operator_token=keys.operator_token(),
        clock=lambda: datetime.now(UTC),
        entropy=SystemEntropy,
    )
    try:
        url = f"{'https' if tls_cert else 'http'}://{address(listener)}"
        serve_http(listener, face, lambda: _announce(url, keys), tls_cert=tls_cert, tls_key=tls_key)
    finally:
        store.close()
    print("the issuer has stopped", flush=True)


@app.command()
def account(
    data: Data, out: Annotated[Path, typer.Option("--out", help="Write the account's token here; only its owner can read it.")]
) -> None:
    """Make an account, and write its token to a file that only you can read. The issuer keeps a hash of it."""
    if out.exists() or not out.absolute().parent.is_dir():
        raise UsageError(f"cannot write {out}: name a new file in a folder that exists")
    store = _store(data)
    try:
        with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(store.new_account() + "\n")
    except OSError as error:
        raise UsageError(f"{out} cannot be written ({error.strerror}); choose another file") from error
    finally:
        store.close()
    Console(highlight=False, soft_wrap=True).print(f"an account, its token in {out}", markup=False)


@app.command()
def public(data: Data, operator_key: OperatorKey, out: Out, name: Name = "localhost") -> None:
    """Sign the public data by which a task names this issuer; hand it to the server with `choral task publish`."""
    key = TokenKey(KeyFolder(data / "keys").issuer_key().public_key())
    release = Issuer(name, key).release(datetime.now(UTC))
    write_signed(out, sign(release, private_key(operator_key)))
    Console(highlight=False, soft_wrap=True).print(f"issuer {release.hash.hex()}, signed in {out}", markup=False)


def _store(data: Path) -> issuer.IssuerStore:
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"the folder {data} cannot be made ({error}); name another one with --data") from error
    return issuer.IssuerStore(data / "issuer.sqlite")


def _announce(url: str, keys: KeyFolder) -> None:
    print(f"the issuer listens on {url}", flush=True)
    print(f"operator's token: in {keys.folder / TOKEN}", flush=True)
