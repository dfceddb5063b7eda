"""`choral companion` as a program: a link for one browser, a page on this machine alone, locked when it stops."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

GOOD = "correct horse battery staple"


def run(*arguments, environment=None):
    return subprocess.Popen(
        [sys.executable, "-m", "choral", "companion", "--no-open", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    )


def link_of(process):
    return next(line for line in process.stdout if "http://" in line).rpartition(" ")[2].strip()


def test_it_prints_a_link_serves_one_browser_and_locks_when_it_is_stopped(tmp_path):
    process = run("--folder", str(tmp_path / "mine"), "--zone", "Asia/Tokyo")
    try:
        link = link_of(process)
        origin = link.partition("/enter")[0]
        with httpx.Client(base_url=origin, headers={"Origin": origin}, trust_env=False, timeout=30) as client:
            assert client.get("/").status_code == 401
            assert client.get(link).status_code == 303
            answer = client.post("/begin", data={"passphrase": GOOD, "again": GOOD})
            assert answer.headers["location"] == "/welcome"
            assert "server" not in answer.headers
            client.post("/today/label", data={"day": "a canary", "first": "a canary"})
            assert "empty: Asia/Tokyo" in client.get("/settings").text
        with socket.create_connection(("127.0.0.1", int(origin.rpartition(":")[2]))) as connection:
            assert connection.getsockname()[0] == "127.0.0.1"
    finally:
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "locked and has stopped" in out
    assert err == ""
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "mine").iterdir() if path.is_file()} == {0o600}


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="elsewhere the next start deletes what was left")
def test_killed_in_the_middle_of_an_import_it_leaves_nothing_raw(tmp_path):
    process = run("--folder", str(tmp_path / "mine"))
    try:
        link = link_of(process)
        origin, size = link.partition("/enter")[0], 2**20
        with httpx.Client(base_url=origin, headers={"Origin": origin}, trust_env=False, timeout=30) as client:
            client.get(link)
            client.post("/begin", data={"passphrase": GOOD, "again": GOOD})
            cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        host = origin.removeprefix("http://")
        told = {"Host": host, "Origin": origin, "Cookie": cookies, "X-File-Name": "Timeline.json", "Content-Length": size}
        head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        with socket.create_connection((host.partition(":")[0], int(host.partition(":")[2]))) as connection:
            connection.sendall(f"POST /import HTTP/1.1\r\n{head}\r\n".encode() + b"a canary at 55.9533 " * (size // 40))
            while not (tmp_path / "mine" / "incoming").exists():
                time.sleep(0.01)
            time.sleep(0.2)
            process.kill()
    finally:
        process.kill()
        process.communicate(timeout=30)
    files = [path for path in (tmp_path / "mine").rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"vault.json", "store.sqlite"}
    assert not any(b"canary" in path.read_bytes() for path in files)


def test_what_cannot_be_is_said_in_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        begun = [
            (run("--folder", str(tmp_path / "mine"), "--port", port), "choose another one with --port"),
            (run("--folder", str(tmp_path / "mine"), "--zone", "Mars/Olympus"), "give --zone such as Europe/London"),
        ]
        for process, words in begun:
            _, err = process.communicate(timeout=60)
            assert process.returncode == 2
            assert words in err
            assert err.count("\n") == 1
    assert not (tmp_path / "mine").exists()


def test_a_folder_that_cannot_be_made_is_refused_before_anything_is_served(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    process = run("--folder", str(tmp_path / "file" / "companion"))
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert out == ""
    assert "cannot be made" in err
    assert err.count("\n") == 1
