"""`choral catalogue`: the service that knows a person's downloads, apart from the server that takes reports."""

import json
import os
import socket
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from choral.apps.stickers import Catalogue, shipped
from choral.apps.stickers.service import CatalogueStore, Secrets, Stock, application, learn_once, open_accounts
from choral.apps.stickers.service import load as load_logs
from choral.apps.stickers.service.download_logs import read_packages
from choral.apps.stickers.service.stock import MOST
from choral.cli.http import address, listen, serve_http
from choral.cli.logs import log_as_json
from choral.cli.serve import require_safe
from choral.errors import UsageError
from choral.server import KeyFolder
from choral.server.keys import TOKEN

STORE, STICKERS, PACKAGES = "catalogue.sqlite", "stickers.csv", "packages.csv"  # in the service's folder
FEATURES = 14
DATA = typer.Option(
    "--data", help="Folder of the service: store, keys, and stickers.csv and packages.csv where a team has own."
)
DataFolder = Annotated[Path, DATA]
MostOption = Annotated[int, typer.Option("--most", min=1, max=20_000, help="Candidates a person, at most.")]
app = typer.Typer(
    rich_markup_mode=None, no_args_is_help=True, help="The catalogue service: downloads, preference information, candidates."
)


@app.command()
def serve(
    data: DataFolder,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 0,
    features: Annotated[int, typer.Option(min=1, max=64, help="Numbers a sticker.")] = FEATURES,
    most: MostOption = MOST,
    tls_cert: Annotated[Path | None, typer.Option(help="TLS certificate chain (PEM).")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="TLS private key (PEM).")] = None,
) -> None:
    """Give devices their own downloads, over a store of its own. Stops at an interrupt or SIGTERM."""
    log_as_json()
    os.umask(0o077)
    require_safe(host, tls_cert, tls_key)
    stock = _stock(data, features=features, most=most)
    listener, store = listen(host, port), _store(data)
    face = application(store, stock, secrets=_secrets(data), clock=lambda: datetime.now(UTC))
    try:
        announce = partial(_announce, listener, data, tls=tls_cert is not None)
        serve_http(listener, face, announce, tls_cert=tls_cert, tls_key=tls_key)
    finally:
        store.close()
    print("choral's catalogue has stopped", flush=True)


@app.command()
def load(
    file: Annotated[Path, typer.Argument(help="CSV or JSON lines: account, sticker (or package), kind, day.")],
    data: DataFolder,
) -> None:
    """Take in a team's download logs: all of the file, or nothing of it."""
    os.umask(0o077)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read ({type(error).__name__}); give CSV or JSON lines in UTF-8") from error
    stock = _stock(data, features=0, most=MOST)
    store = _store(data)
    try:
        rows, new = load_logs(store, stock, text, name=file.name)
    finally:
        store.close()
    print(f"{rows:,} downloads read, {new:,} of them new; run `choral catalogue learn` to learn from them")


@app.command()
def learn(
    data: DataFolder,
    numbers: Annotated[int, typer.Option(min=1, max=64, help="Numbers of preference information a person.")] = FEATURES,
    most: MostOption = MOST,
) -> None:
    """Learn preference information and popularity from all downloads anew."""
    os.umask(0o077)
    stock, store = _stock(data, features=0, most=most), _store(data)
    try:
        summary = learn_once(store, stock, numbers=numbers)
    finally:
        store.close()
    print(f"{numbers} numbers for each of {summary.people:,} people from {summary.downloads:,} downloads")
    if summary.unseen:
        print(f"{summary.unseen:,} stickers were downloaded by nobody")


@app.command()
def account(
    names: Annotated[list[str], typer.Argument(help="The team's own names of the accounts.")],
    data: DataFolder,
    renew: Annotated[bool, typer.Option("--renew", help="Also where there is a token: the old one ends.")] = False,
) -> None:
    """Open accounts and print their tokens, one JSON object a line. A token is shown once and never kept."""
    os.umask(0o077)
    store = _store(data)
    try:
        tokens = open_accounts(store, _secrets(data), names, renew=renew)
    finally:
        store.close()
    for name, token in tokens.items():
        print(json.dumps({"account": name, "token": token}, ensure_ascii=False))


def _store(data: Path) -> CatalogueStore:
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"the folder {data} cannot be made ({error}); name another one with --data") from error
    return CatalogueStore(data / STORE)


def _stock(data: Path, *, features: int, most: int) -> Stock:
    """The team's own stickers if the folder has them, else the shipped ones."""
    catalogue = Catalogue.read(data / STICKERS) if (data / STICKERS).exists() else shipped()
    if features > len(catalogue):
        raise UsageError(f"{len(catalogue)} stickers have no {features} directions; ask for fewer with --features")
    packages = None
    if (data / PACKAGES).exists():
        packages = read_packages((data / PACKAGES).read_text(encoding="utf-8-sig"), catalogue, name=PACKAGES)
    return Stock.of(catalogue, features=features, most=most, packages=packages)


def _secrets(data: Path) -> Secrets:
    """The keys beside the store: the service's own, never those of a server that takes reports."""
    keys = KeyFolder(data / "keys")
    root = keys.server_key().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    return Secrets.of(root, keys.operator_token())


def _announce(listener: socket.socket, data: Path, *, tls: bool) -> None:
    print(f"choral's catalogue serves on {'https' if tls else 'http'}://{address(listener)}", flush=True)
    print(f"operator's token: in {data / 'keys' / TOKEN}", flush=True)
