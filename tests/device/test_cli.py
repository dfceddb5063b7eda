"""`choral device` against a server of a few lines on loopback, as a person uses it."""

import json
import sys
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from choral.apps.keyboard.tasks import task as emoji_task
from choral.cli import main
from choral.errors import PeerError
from choral.protocol import PROBLEMS

from .setting import OPERATOR, SERVER, SHUFFLER, Desk

OPERATOR_KEY = OPERATOR.public_key().public_bytes_raw().hex()


@pytest.fixture
def desk():
    now = datetime.now(UTC)
    made = Desk(
        emoji_task(
            "ja",
            start=now - timedelta(hours=1),
            expires=now + timedelta(days=30),
            minimum=10,
            goal=100,
            shuffler_key=SHUFFLER.public_key().public_bytes_raw(),
            server_key=SERVER.public_key().public_bytes_raw(),
            delay_seconds=0,
        )
    )
    made.now = now
    return made


@pytest.fixture
def url(desk):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            try:
                self.reply(200, "application/octet-stream", desk.fetch(self.path))
            except PeerError as error:
                self.reply(404, "application/problem+json", PROBLEMS[error.problem].document())

        def do_POST(self):
            desk.send(self.rfile.read(int(self.headers["Content-Length"])))
            self.reply(204, "", b"")

        def reply(self, status, kind, body):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def device(tmp_path, monkeypatch, capsys):
    """Runs a command on the device in tmp_path; answers (exit status, standard output, standard error, JSON)."""

    def run(*words):
        answer = tmp_path / "answer.json"
        answer.unlink(missing_ok=True)
        command = ["choral", "device", "--home", str(tmp_path / "home"), *map(str, words), "--json", str(answer)]
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capsys.readouterr()
        return stop.value.code, out, err, json.loads(answer.read_text()) if answer.exists() else None

    return run


def test_a_person_agrees_records_sends_looks_and_forgets(device, url, desk):
    code, out, _, answer = device("--server", url, "--operator", OPERATOR_KEY, "tasks")
    assert code == 0
    assert "which emoji are typed on Japanese keyboards" in out
    assert "Whatever the server does" in out
    [offer] = answer["tasks"]
    assert (offer["agreed"], offer["signal"], offer["reports_per_day"]) == (False, "keyboard.emoji.ja", 1)

    code, _, err, _ = device("record", "ja", "😂")
    assert (code, err.startswith("error: nobody agreed")) == (2, True)
    assert device("consent", offer["terms"][:12], "--yes")[3]["offers"][0]["agreed"] is True
    assert "randomized" in device("record", "ja", "😂")[1]
    assert [step["kind"] for step in device("tick", "--now")[3]["steps"]] == ["contributed", "sent"]

    code, out, _, answer = device("reports")
    [sent] = answer["sent"]
    assert bytes.fromhex(sent["bytes"]) == desk.received[0]
    assert sent["bytes"] in out
    assert sent["outcome"] == "delivered"
    assert sent["epsilon"] == pytest.approx(4, abs=1e-4)

    answer = device("budget")[3]
    assert answer["accounts"][0]["life_micro"] == pytest.approx(4e6, rel=1e-4)
    assert {limit["span"] for limit in answer["limits"]} == {"day", "year", "life"}
    assert device("status")[3] | {"home": ""} == {
        "home": "", "server": url, "agreed": 1, "offers": 1, "waiting": 0, "sent": 1, "paid": sent["epsilon"],
        "paid_in_sums": 0.0,
    }  # fmt: skip
    assert device("export")[3]["sent"][0]["bytes"] == sent["bytes"]

    assert device("consent", offer["terms"][:12], "--no")[3]["offers"][0]["agreed"] is False
    assert device("forget")[0] == 2
    assert device("forget", "--yes")[0] == 0
    answer = device("export")[3]
    assert (answer["sent"], answer["consents"], answer["tasks"]) == ([], [], [])
    assert answer["ledger"]["accounts"][0]["life"] == sent["epsilon"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--server", "http://example.org", "status"), "use https"),
        (("--operator", "zz", "status"), "64 hexadecimal digits"),
        (("tick", "--now"), "this device knows no server yet"),
        (("consent", "abcd", "--yes"), "names 0 of the Terms"),
        (("consent", "abcd"), "--yes or --no"),
        (("record", "xx", "😂"), "no emoji data for the locale 'xx'"),
        (("--certificates", "/nowhere.pem", "status"), "no file of certificates"),
        (("--certificates", __file__, "--server", "https://127.0.0.1:1", "status"), "holds no certificates"),
    ],
)
def test_a_persons_error_is_one_line_and_exit_status_2(device, words, message):
    code, _, err, _ = device(*words)
    assert code == 2
    assert message in err
    assert err.startswith("error: ")
    assert "Traceback" not in err


def test_a_damaged_store_is_one_line_with_a_remedy(device, tmp_path):
    device("status")
    (tmp_path / "home/store.sqlite").write_bytes(b"garbage" * 1000)
    code, _, err, _ = device("status")
    assert code == 2
    assert "move it away to start anew" in err


def test_options_may_stand_on_either_side_of_the_command(device, url):
    assert device("status", "--server", url)[3]["server"] == url
    assert device(f"--server={url}/", "status")[3]["server"] == url


def test_no_server_at_all_is_said_and_nothing_breaks(device):
    code, out, _, _ = device("--server", "http://127.0.0.1:1", "--operator", OPERATOR_KEY, "tasks")
    assert code == 0
    assert "cannot be reached" in out
    assert "no task is on offer" in out
