import json

import pytest
from typer.testing import CliRunner

from choral.cli.audit import app
from choral.errors import UsageError


def run(*arguments):
    return CliRunner().invoke(app, [str(one) for one in arguments])


def test_one_mechanism_is_audited_and_written(tmp_path):
    path = tmp_path / "audit.json"
    result = run("randomized-response", "--json", path)
    assert result.exit_code == 0
    assert "holds" in result.output
    found = json.loads(path.read_text())["randomized-response/1"]
    assert found["method"] == "enumeration"
    assert found["verdict"] == "holds"
    assert 0.95 * found["claimed"] < found["lower_bound"] <= found["claimed"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--all"),
        (["randomized-response", "--all"], "--all"),
        (["unheard-of"], "no mechanism"),
        (["randomized-response", "--draws", "5"], "draws"),
        (["randomized-response", "--json", "/nowhere/at/all.json"], "cannot write"),
    ],
)
def test_what_cannot_be_done_is_said(arguments, words):
    result = run(*arguments)
    assert isinstance(result.exception, UsageError)
    assert words in str(result.exception)
