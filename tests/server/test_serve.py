"""`choral serve` as people start it: roles, keys, refusals, hostile sockets, a graceful end."""

import ipaddress
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from choral.cli.http import listen, serve_http
from choral.cli.serve import open_store, require_safe
from choral.errors import StoreError, UsageError
from choral.protocol import Bundle, decode, encode, open_checkout, sign
from choral.server import KeyFolder
from choral.server.keys import SERVER, SHUFFLER
from tests.server.house import make_task, report
from tests.server.processes import port_of, refusal, running, start, stop, wait_until
from tests.server.training import streaming_task, update


def publish(port, folder, **changes):
    """A live task on a running server."""
    keys = KeyFolder(folder / "keys")
    now = int(time.time())
    task = make_task(start=now - 60, expires=now + 86_400, **changes)
    task = replace(task, shuffler_key=keys.public(SHUFFLER), server_key=keys.public(SERVER))
    headers = {"Authorization": f"Bearer {keys.operator_token()}"}
    signed = encode(sign(task, keys.operator_key()))
    answer = httpx.post(f"http://127.0.0.1:{port}/v1/operator/tasks", content=signed, headers=headers)
    assert answer.status_code == 201, answer.text
    return task


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def port(folder):
    with running(folder, log=folder / "log") as found:
        yield found


@pytest.fixture(scope="module")
def task(port, folder):
    return publish(port, folder, goal=10**6)


def exchange(port, request, *, pause=0.0, end=True):
    """Everything that the server answers to these bytes, sent in pieces."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        for piece in request if isinstance(request, list) else [request]:
            connection.sendall(piece)
            time.sleep(pause)
        if end:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := connection.recv(65_536):
            answer += chunk
        return answer


def upload(body, *more):
    head = [b"POST /v1/reports HTTP/1.1", b"Host: choral", b"Content-Length: %d" % len(body), *more]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def stored(port, task):
    return httpx.get(f"http://127.0.0.1:{port}/v1/tasks/{task.hash.hex()}").json()["accepted_total"]


def test_all_roles_in_one_process_make_a_release_and_stop_in_peace(tmp_path):
    process, line = start(tmp_path)
    port = port_of(line)
    task = publish(port, tmp_path, goal=20)
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(lambda n: httpx.post(f"http://127.0.0.1:{port}/v1/reports", content=report(task, n)), range(20))
        assert {answer.status_code for answer in answers} == {204}
    wait_until(lambda: httpx.get(f"http://127.0.0.1:{port}/v1/releases").json())
    (release,) = httpx.get(f"http://127.0.0.1:{port}/v1/releases").json()
    assert release["reports"] == 20
    status, said = stop(process)
    assert (status, "choral has stopped" in said) == (0, True)
    events = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert [event["event"] for event in events] == ["shuffled", "released"]
    assert "127.0.0.1" not in said


def test_a_running_server_folds_the_reports_of_a_stream_as_they_come(port, folder):
    keys, now = KeyFolder(folder / "keys"), int(time.time())
    task, _ = streaming_task(round_seconds=86_400, retention_days=30)
    keyed = {"shuffler_key": keys.public(SHUFFLER), "server_key": keys.public(SERVER)}
    task = replace(task, start=now - 60, expires=now + 86_400, **keyed)
    headers, at = {"Authorization": f"Bearer {keys.operator_token()}"}, f"http://127.0.0.1:{port}"
    signed = encode(sign(task, keys.operator_key()))
    assert httpx.post(f"{at}/v1/operator/tasks", content=signed, headers=headers).status_code == 201
    trusted = {keys.operator_key().public_key().public_bytes_raw()}
    for number in range(5):
        bundle = decode(httpx.get(f"{at}/v1/checkouts/links").content, Bundle)
        body = update(task, open_checkout(bundle.items[0], trusted)[1], number)
        assert httpx.post(f"{at}/v1/reports", content=body).status_code == 204
    wait_until(lambda: httpx.get(f"{at}/v1/tasks/{task.hash.hex()}/rounds").json()[0]["folded"] == 5)
    (round_,) = httpx.get(f"{at}/v1/tasks/{task.hash.hex()}/rounds").json()
    assert (round_["life"], round_["reports"], round_["dropped"]) == ("open", 5, 0)


def test_the_ingesting_role_never_holds_the_shuffler_key(tmp_path):
    with running(tmp_path):
        pass
    (tmp_path / "keys" / SHUFFLER).unlink()
    (tmp_path / "keys" / SHUFFLER).mkdir()  # whoever opens it fails
    with running(tmp_path, "--role", "ingest") as port:
        task = publish(port, tmp_path)
        assert httpx.post(f"http://127.0.0.1:{port}/v1/reports", content=report(task, 1)).status_code == 204
    status, said = refusal(tmp_path, "--role", "shuffle")
    assert status == 2
    assert "shuffler.key" in said


def test_the_roles_work_apart_on_one_folder(tmp_path):
    others = [start(tmp_path, "--role", role)[0] for role in ("shuffle", "release")]
    try:
        with running(tmp_path, "--role", "ingest") as port:
            task = publish(port, tmp_path, goal=5)
            for number in range(5):
                assert httpx.post(f"http://127.0.0.1:{port}/v1/reports", content=report(task, number)).status_code == 204
            wait_until(lambda: httpx.get(f"http://127.0.0.1:{port}/v1/releases").json())
    finally:
        assert [stop(process)[0] for process in others] == [0, 0]


def test_a_fresh_ingesting_role_makes_no_shuffler_key(tmp_path):
    with running(tmp_path, "--role", "ingest"):
        pass
    assert not (tmp_path / "keys" / SHUFFLER).exists()


def test_a_busy_port_ends_the_command_with_one_line_that_says_what_to_do(port, tmp_path):
    status, said = refusal(tmp_path, "--port", str(port))
    assert status == 2
    assert "--port" in said
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == [], "nothing is made before the address is ours"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_an_address_off_loopback_needs_tls(host):
    with pytest.raises(UsageError, match="--tls-cert"):
        require_safe(host, None, None)
    require_safe(host, Path("cert.pem"), Path("key.pem"))


def test_tls_needs_a_certificate_and_its_key(tmp_path):
    for host in ("127.0.0.1", "::1", "localhost"):
        require_safe(host, None, None)
    with pytest.raises(UsageError, match="--tls-key"):
        require_safe("127.0.0.1", Path("cert.pem"), None)
    bad = tmp_path / "bad.pem"
    bad.write_text("no certificate")
    with listen("127.0.0.1", 0) as listener, pytest.raises(UsageError, match="certificate"):
        serve_http(listener, None, lambda: None, tls_cert=bad, tls_key=bad)


def test_a_folder_that_cannot_be_a_store_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="--data"):
        open_store(tmp_path / "file")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "store.sqlite").write_bytes(b"x" * 4_096)
    with pytest.raises(StoreError, match="damaged"):
        open_store(tmp_path / "damaged")


def test_oversized_truncated_and_compressed_bodies_get_a_clear_answer_and_leave_nothing(port, task):
    body = report(task, 500)
    before = stored(port, task)
    assert exchange(port, upload(body[:-1])).startswith(b"HTTP/1.1 400 ")
    assert exchange(port, upload(bytes(70_000))).startswith(b"HTTP/1.1 413 ")
    assert exchange(port, upload(body, b"Content-Encoding: gzip")).startswith(b"HTTP/1.1 400 ")
    assert exchange(port, upload(body)[:-5]) == b"", "a truncated body gets no acknowledgement"
    assert exchange(port, b"nonsense\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    huge = b"POST /v1/reports HTTP/1.1\r\nHost: c\r\nContent-Length: 99999999999\r\n\r\n"
    assert exchange(port, huge, end=False).startswith(b"HTTP/1.1 413 "), "refused before a byte of the body came"
    assert stored(port, task) == before


def test_a_chunked_body_is_bounded(port, task):
    head = b"POST /v1/reports HTTP/1.1\r\nHost: c\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    body = report(task, 501)
    good = [head, *(b"80\r\n" + body[at : at + 128] + b"\r\n" for at in (0, 128)), b"0\r\n\r\n"]
    assert exchange(port, good, pause=0.01, end=False).startswith(b"HTTP/1.1 204 ")
    endless = [head, *[b"4000\r\n" + bytes(0x4000) + b"\r\n"] * 5]
    assert exchange(port, endless, pause=0.01, end=False).startswith(b"HTTP/1.1 413 ")


def test_no_address_header_or_report_is_written_to_any_file(port, task, folder):
    body = report(task, 900)
    headers = (b"User-Agent: canary-agent", b"X-Forwarded-For: 198.51.100.9", b"Connection: close")
    assert exchange(port, upload(body, *headers), end=False).startswith(b"HTTP/1.1 204 ")
    assert exchange(port, upload(body[:-1], *headers), end=False).startswith(b"HTTP/1.1 400 ")
    assert exchange(port, b"canary-agent / HTTP/9.9\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    for path in folder.rglob("*"):
        if path.is_file():
            written = path.read_bytes()
            assert b"canary" not in written
            assert b"198.51.100.9" not in written
            assert b"127.0.0.1" not in written
    assert body[40:].hex() not in (folder / "log").read_text()


def test_an_answer_to_what_is_not_http_is_a_problem_document(port):
    head, _, body = exchange(port, b"nonsense\r\n\r\n").partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    assert json.loads(body)["type"] == "urn:choral:problem:malformed-message"


FULL_DISK = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, resource.RLIM_INFINITY))
sys.argv = ["choral", "serve", "--data", {data!r}]
from choral.cli import main
main()
"""


def test_a_disk_without_room_is_answered_clearly_and_recovered_from_without_a_restart(tmp_path):
    """A limit on the size of files stands for the full disk; it is lifted from outside while the server runs."""
    code = FULL_DISK.format(size=400_000, data=str(tmp_path))
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        port = port_of(process.stdout.readline().strip())
        task = publish(port, tmp_path, goal=10**6)
        bodies = [report(task, number) for number in range(150)]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            answers = [client.post("/v1/reports", content=body).status_code for body in bodies]
            assert set(answers) <= {204, 503, 507}
            assert answers.count(204) < 150
            assert client.get("/health").status_code == 200
            subprocess.run(["prlimit", "--pid", str(process.pid), "--fsize=unlimited"], check=True)
            again = [client.post("/v1/reports", content=body).status_code for body in bodies]
        assert set(again) == {204}
        assert stored(port, task) == 150
    finally:
        process.kill()
        process.communicate()


def test_tls_is_spoken_where_a_certificate_is_given(tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "choral")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, unencrypted = serialization.Encoding.PEM, serialization.NoEncryption()
    (tmp_path / "cert.pem").write_bytes(certificate.public_bytes(pem))
    (tmp_path / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, unencrypted))
    options = ["--role", "ingest", "--tls-cert", str(tmp_path / "cert.pem"), "--tls-key", str(tmp_path / "key.pem")]
    with running(tmp_path / "data", *options) as port:
        trusted = ssl.create_default_context(cafile=tmp_path / "cert.pem")
        answer = httpx.get(f"https://127.0.0.1:{port}/health", verify=trusted)
        assert answer.status_code == 200
        assert "max-age" in answer.headers["strict-transport-security"]
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{port}/health")


def test_an_interrupt_ends_a_server_as_sigterm_does(tmp_path):
    process, _ = start(tmp_path, "--role", "release")
    os.kill(process.pid, signal.SIGINT)
    assert process.communicate(timeout=20)[0].strip().endswith("choral has stopped")
    assert process.returncode == 0
    assert {path.stat().st_mode & 0o077 for path in Path(tmp_path).rglob("*")} == {0}
