import subprocess
import sys


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
