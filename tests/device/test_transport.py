"""Transports: what goes over the wire, byte for byte, and what comes back."""

import socket
import ssl
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from choral.device import HttpTransport, InProcessTransport, SharedHttpTransport, Unreachable
from choral.errors import PeerError, UsageError
from choral.protocol import PROBLEMS
from choral.protocol.coding import CODING, compress

REPORT = bytes(range(256))
DAY = timedelta(days=1)
EMPTY = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"


def ok(body, *headers):
    head = b"".join(line + b"\r\n" for line in (b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *headers))
    return head + b"\r\n" + body


def problem(name, *, kind=b"application/problem+json"):
    body = PROBLEMS[name].document("the detail")
    head = f"HTTP/1.1 {PROBLEMS[name].status} X\r\nContent-Length: {len(body)}\r\n".encode()
    return head + b"Content-Type: " + kind + b"\r\n\r\n" + body


@contextmanager
def listener(*answers, keep_alive=False, tls=None):
    """A socket that gives these answers, one a connection (or one after another), and keeps what it was asked."""
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(5)
    asked, connections = [], []

    def serve():
        left = list(answers)
        while left:
            try:
                connection = server.accept()[0]
            except OSError:
                return
            connection.settimeout(5)
            with connection:
                converse(connection, left)

    def converse(connection, left):
        try:
            talk = connection if tls is None else tls.wrap_socket(connection, server_side=True)
        except OSError:
            return  # the other side did not believe us
        connections.append(talk)
        with talk:
            while left and (data := read_request(talk)):
                asked.append(data)
                talk.sendall(left.pop(0))
                if not keep_alive:
                    return

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}", asked, connections
    finally:
        server.close()
        thread.join()


def read_request(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
    while lengths and len(body) < lengths[0]:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def test_a_report_is_sent_with_these_bytes_on_every_device_and_day(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    cookie = b"HTTP/1.1 204 No Content\r\nSet-Cookie: mark=you\r\nConnection: close\r\n\r\n"
    with listener(cookie, EMPTY, EMPTY) as (url, asked, connections):
        transport = HttpTransport(url)
        transport.send(REPORT)
        transport.send(REPORT)
        HttpTransport(url + "/").send(REPORT)
    host = url.removeprefix("http://").encode()
    assert set(asked) == {
        b"POST /v1/reports HTTP/1.1\r\nHost: " + host + b"\r\nUser-Agent: choral\r\n"
        b"Accept-Encoding: choral-2\r\nConnection: close\r\nContent-Type: application/octet-stream\r\n"
        b"Content-Length: 256\r\n\r\n" + REPORT
    }
    assert len(connections) == 3  # one report a connection


def test_a_check_out_is_fetched_with_these_bytes():
    with listener(ok(b"body")) as (url, asked, _):
        assert HttpTransport(url).fetch("/v1/checkouts/keyboard.emoji.ja") == b"body"
    host = url.removeprefix("http://").encode()
    assert asked == [
        b"GET /v1/checkouts/keyboard.emoji.ja HTTP/1.1\r\nHost: " + host + b"\r\nUser-Agent: choral\r\n"
        b"Accept-Encoding: choral-2\r\nConnection: close\r\n\r\n"
    ]


def coded(body, name=CODING):
    return ok(body, b"Content-Encoding: " + name.encode())


def test_a_check_out_may_come_in_its_own_content_coding():
    packed = compress(b"body" * 100)
    with listener(coded(packed), keep_alive=True) as (url, _, _), SharedHttpTransport(url, 1) as shared:
        assert shared.fetch("/x") == b"body" * 100
    with listener(coded(packed)) as (url, _, _):
        assert HttpTransport(url).fetch("/x") == b"body" * 100


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (coded(compress(b"body")[:-1]), "cut"),
        (coded(compress(b"body") + b"x"), "follows"),
        (coded(b"<html>"), "not in the content coding"),
        (coded(compress(b"body"), "br"), "'br', which was not asked for"),
        (coded(compress(bytes(2**20))), "longer than 65536 bytes"),
        (ok(bytes(2**20)), "longer than 65536 bytes"),
    ],
)
def test_an_answer_that_cannot_be_read_or_does_not_end_is_tried_again_later(answer, told):
    with listener(answer) as (url, _, _), pytest.raises(Unreachable, match=told):
        HttpTransport(url, most_bytes=2**16).fetch("/x")


@pytest.mark.parametrize(
    "url", ["http://example.org", "http://10.0.0.1:80", "http://127.0.0.1.example.org", "http://localhost.example.org"]
)
def test_plain_http_is_refused_off_this_machine(url):
    with pytest.raises(UsageError, match="use https"):
        HttpTransport(url)
    with pytest.raises(UsageError, match="use https"):
        SharedHttpTransport(url, 2)


@pytest.mark.parametrize(
    "url", ["", "example.org", "ftp://example.org", "https://", "https://me:secret@example.org", "http://[::1", "https://a:b"]
)
def test_what_is_no_address_is_refused(url):
    with pytest.raises(UsageError, match="not the address of a server"):
        HttpTransport(url)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000", "http://localhost", "http://[::1]:8000", "https://choral.example/at/"]
)
def test_https_and_this_machine_are_allowed(url):
    HttpTransport(url)


def test_a_problem_document_becomes_a_peer_error():
    with listener(problem("round-closed"), problem("unknown-task")) as (url, _, _):
        with pytest.raises(PeerError, match="the detail") as caught:
            HttpTransport(url).send(REPORT)
        assert caught.value.problem == "round-closed"
        with pytest.raises(PeerError) as caught:
            HttpTransport(url).fetch("/v1/checkouts/x")
        assert caught.value.problem == "unknown-task"


@pytest.mark.parametrize(
    "answer",
    [
        ok(b"<html>Please log in</html>"),
        b"HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
        problem("round-closed", kind=b"text/html"),
        b"HTTP/1.1 400 X\r\nContent-Type: application/problem+json\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 400 X\r\nContent-Type: application/problem+json\r\nContent-Length: 1\r\n\r\n{",
        b"HTTP/1.1 204 No Content\r\nContent-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nContent-Encoding: choral-2\r\n\r\n",
        ok(b"<html>" + bytes(2**15)),
        b"not http at all\r\n\r\n",
        b"",
    ],
)
def test_an_answer_that_is_not_the_servers_never_makes_a_device_delete_a_report(answer):
    with listener(answer) as (url, _, _), pytest.raises(Unreachable):
        HttpTransport(url).send(REPORT)


def test_a_server_that_is_not_there_is_unreachable():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(Unreachable, match="check the address and the connection"):
        HttpTransport(f"http://127.0.0.1:{port}").fetch("/")


def test_the_tls_context_is_made_once():
    with listener(*[EMPTY] * 6) as (url, _, _):
        transport = HttpTransport(url)
        transport.send(REPORT)
        start = time.process_time()
        for _ in range(5):
            transport.send(REPORT)
        assert (time.process_time() - start) / 5 < 0.02


def test_the_shared_transport_keeps_its_connection_and_its_check_outs():
    answers = [ok(b"body", b"Cache-Control: public, max-age=60"), EMPTY.replace(b"close", b"keep-alive")] * 1 + [
        EMPTY.replace(b"close", b"keep-alive")
    ]
    with listener(*answers, keep_alive=True) as (url, asked, connections), SharedHttpTransport(url, 1) as transport:
        for _ in range(3):
            assert transport.fetch("/v1/checkouts/x") == b"body"
        transport.send(REPORT)
        transport.send(REPORT)
    assert [line.split(b" ")[0] for line in asked] == [b"GET", b"POST", b"POST"]
    assert len(connections) == 1


def test_the_shared_transport_asks_again_without_a_max_age():
    with listener(ok(b"1"), ok(b"2"), keep_alive=True) as (url, _, _), SharedHttpTransport(url, 1) as transport:
        assert [transport.fetch("/x"), transport.fetch("/x")] == [b"1", b"2"]


async def application(scope, receive, send):
    message = await receive()
    status, kind, body = 204, b"", b""
    if scope["method"] == "GET":
        status, body = 200, repr((scope["path"], sorted(scope["headers"]))).encode()
    elif message["body"] != REPORT:
        status, kind, body = 409, b"application/problem+json; charset=utf-8", PROBLEMS["round-closed"].document()
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind)]})
    await send({"type": "http.response.body", "body": body[:5], "more_body": True})
    await send({"type": "http.response.body", "body": body[5:]})


def test_the_transport_within_a_process_calls_the_application():
    with InProcessTransport(application) as transport:
        transport.send(REPORT)
        answer = transport.fetch("/v1/checkouts/with%20space").decode()
        assert "'/v1/checkouts/with space'" in answer
        assert "b'choral'" in answer
        with pytest.raises(PeerError) as caught:
            transport.send(b"other")
        assert caught.value.problem == "round-closed"


def test_the_transport_within_a_process_can_be_used_after_it_was_closed():
    transport = InProcessTransport(application)
    transport.send(REPORT)
    transport.close()
    transport.send(REPORT)
    transport.close()
    transport.close()


def certificate(folder):
    """A key and a certificate for 127.0.0.1 that nobody has signed but itself."""
    now = datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - DAY, now + DAY)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / "key.pem").write_bytes(pem)
    (folder / "certificate.pem").write_bytes(built.public_bytes(serialization.Encoding.PEM))


def test_tls_believes_only_whom_it_was_told_to(tmp_path):
    certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
    with listener(EMPTY, tls=context) as (url, asked, _):
        address = url.replace("http://", "https://")
        with pytest.raises(Unreachable, match="certificate verify failed"):
            HttpTransport(address).send(REPORT)
        HttpTransport(address, trust=ssl.create_default_context(cafile=str(tmp_path / "certificate.pem"))).send(REPORT)
    assert asked[0].endswith(REPORT)
