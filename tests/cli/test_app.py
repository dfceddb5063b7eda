import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def run_without(module, *arguments):
    """The command line in a process where `module` cannot be imported."""
    argv = ["choral", *arguments]
    code = f"import sys; sys.modules[{module!r}] = None; sys.argv = {argv!r}; from choral.cli import main; main()"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)


def test_a_command_whose_extra_is_missing_says_how_to_install_it():
    for module, command in (("starlette", ("serve", "--data", "x")), ("starlette", ("demo",)), ("scipy", ("audit", "--all"))):
        answer = run_without(module, *command)
        assert answer.returncode == 2
        assert answer.stderr.strip().startswith("error: this command needs the module")
        assert "pip install 'choral[server]'" in answer.stderr


def test_a_bare_device_lists_all_commands():
    answer = run_without("starlette", "--help")
    assert answer.returncode == 0
    assert "(not installed: needs pip install 'choral[server]')" in answer.stdout


def test_an_unknown_command_is_one_line():
    answer = run_without("nothing_of_that_name", "sing")
    assert answer.returncode == 2
    assert "Traceback" not in answer.stderr


def running_in(folder):
    """Processes whose command line names the folder."""
    lines = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(entry.read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue  # it has just ended
    return [line for line in lines if str(folder) in line]


def test_a_demo_that_is_told_to_stop_leaves_no_server_and_no_folder(tmp_path):
    command = [sys.executable, "-m", "choral", "demo", "--agents", "100", "--once"]
    with subprocess.Popen(command, env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=subprocess.DEVNULL) as demo:
        until = time.monotonic() + 60
        while not running_in(tmp_path) and demo.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        assert running_in(tmp_path), "its server runs on a temporary folder"
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(60) == 128 + signal.SIGTERM
    assert running_in(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
