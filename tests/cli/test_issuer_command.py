"""`choral issuer` and its clients over real HTTP: a device with an account reports, one without does not."""

import json
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from choral.cli.local.server import local_server
from choral.device import Agent, Budget, Conditions, Event, HttpTransport
from choral.device.home import Home
from choral.device.http import HttpIssuer
from choral.learning import ALGORITHMS
from choral.mechanisms import MECHANISMS
from choral.numerics import SystemEntropy
from choral.protocol import Release, Signed, decode
from choral.server.keys import OPERATOR, SERVER, SHUFFLER
from choral.storage import MemoryDeviceStore
from tests.device.setting import signal, task

READY = Conditions(idle=True, charging=True, unmetered=True)


def choral(*arguments):
    return subprocess.run([sys.executable, "-m", "choral", *map(str, arguments)], capture_output=True, text=True, check=False)


@contextmanager
def running_issuer(data):
    command = [
        sys.executable,
        "-m",
        "choral",
        "issuer",
        "serve",
        "--data",
        str(data),
        "--name",
        "issuer.example",
        "--tokens",
        "3",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield process.stdout.readline().strip().rsplit(" ", 1)[1]
        finally:
            process.terminate()


def device(url, server, issuer):
    return Agent(
        store=MemoryDeviceStore(), signals=(signal(),), names={**MECHANISMS, **ALGORITHMS},
        operators=frozenset({server.keys.public(OPERATOR)}), transport=HttpTransport(url), entropy=SystemEntropy(),
        budget=Budget.nats(day=9, year=99, life=99), issuer=issuer,
    )  # fmt: skip


def test_a_device_with_an_account_reports_and_one_without_does_not(tmp_path):
    now = datetime.now(UTC)
    with local_server() as server, running_issuer(tmp_path / "issuer") as url:
        made = choral("issuer", "account", "--data", tmp_path / "issuer", "--out", tmp_path / "account.token")
        assert made.returncode == 0, made.stderr
        operator_key = server.data / "keys" / "operator.key"
        server.keys.operator_key()
        signed = choral(
            "issuer", "public", "--data", tmp_path / "issuer", "--name", "issuer.example",
            "--operator-key", operator_key, "--out", tmp_path / "issuer.bin",
        )  # fmt: skip
        assert signed.returncode == 0, signed.stderr
        release = decode(decode((tmp_path / "issuer.bin").read_bytes(), Signed).body, Release)
        assert release.hash.hex() in signed.stdout
        published = choral(
            "task",
            "publish",
            tmp_path / "issuer.bin",
            "--server",
            server.url,
            "--token-file",
            server.data / "keys" / "operator.token",
        )
        assert published.returncode == 0, published.stderr
        question = task(
            start=int(now.timestamp()) - 3600, expires=int(now.timestamp()) + 86_400 * 20, delay_seconds=0, issuer=release.hash,
            server_key=server.keys.public(SERVER), shuffler_key=server.keys.public(SHUFFLER),
        )  # fmt: skip
        server.publish(question)
        account = (tmp_path / "account.token").read_text().strip()
        for issuer, sent in ((HttpIssuer(url, account), 1), (HttpIssuer(url, "nobody"), 0), (None, 0)):
            one = device(server.url, server, issuer)
            one.refresh(now)
            one.agree(one.offers()[0].terms_hash, now)
            one.record(Event("words.typed", now, {"word": "hello"}), now)
            for hour in range(2):
                one.tick(now + timedelta(minutes=hour), READY)
            assert len(one.sent()) == sent
        assert server.json(f"/v1/tasks/{question.hash.hex()}")["reports"] == 1
        assert httpx.get(f"{url}/v1/issuer").json()["tokens"] == 3


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("serve", "--data", "x", "--tokens", "0"), "tokens"),
        (("serve", "--data", "x", "--host", "0.0.0.0"), "loopback"),
        (("account", "--data", "x", "--out", "/nowhere/at/all"), "cannot write"),
    ],
)
def test_bad_input_is_refused_in_one_line(tmp_path, arguments, says):
    done = choral("issuer", *(tmp_path / one if one == "x" else one for one in arguments))
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_the_device_command_remembers_its_issuer(tmp_path):
    (tmp_path / "token").write_text("secret")
    done = choral("device", "--home", tmp_path / "home", "issuer", "https://issuer.example", "--account", tmp_path / "token")
    assert done.returncode == 0, done.stderr
    settings = Home(tmp_path / "home").settings()
    assert (settings.issuer, settings.account) == ("https://issuer.example", str(tmp_path / "token"))
    assert "secret" not in json.dumps(vars(settings) if hasattr(settings, "__dict__") else settings.account)
    refused = choral("device", "--home", tmp_path / "home", "issuer", "http://issuer.example", "--account", tmp_path / "token")
    assert refused.returncode == 2
    assert "in the clear" in refused.stderr
