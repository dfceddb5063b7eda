"""`choral catalogue`: the commands of the catalogue service, over a team's own stickers."""

import json
import os
import stat

import pytest
from typer.testing import CliRunner

from choral.cli.catalogue import app
from choral.errors import UsageError
from tests.apps.test_stickers_service import CATALOGUE, themed_logs


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "catalogue"
    folder.mkdir()
    rows = (
        f"{one.id},{one.symbol},{one.name},{'|'.join(one.keywords_en)},{'|'.join(one.keywords_ja)}"
        for one in CATALOGUE.stickers
    )
    (folder / "stickers.csv").write_text("id,symbol,name,keywords_en,keywords_ja\n" + "\n".join(rows) + "\n")
    (folder / "packages.csv").write_text("package,sticker\nbears,100\nbears,104\n")
    return folder


def run(*arguments):
    umask = os.umask(0o022)
    try:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    finally:
        os.umask(umask)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def test_logs_are_loaded_learnt_from_and_accounts_opened(tmp_path, data):
    logs = tmp_path / "logs.csv"
    logs.write_text(themed_logs(60))
    assert run("load", logs, "--data", data).startswith("360 downloads read, 360 of them new")
    packages = tmp_path / "packages.jsonl"
    packages.write_text('{"account": "u1", "package": "bears", "kind": "premium", "day": "2027-01-15"}\n')
    assert run("load", packages, "--data", data).startswith("2 downloads read, 2 of them new")
    assert "3 numbers for each of 60 people from 362 downloads" in run("learn", "--data", data, "--numbers", 3)
    first, second = (json.loads(line) for line in run("account", "u1", "u2", "--data", data).splitlines())
    assert (first["account"], second["account"]) == ("u1", "u2")
    assert len(first["token"]) == 43


def test_files_and_keys_are_for_their_owner_only(data):
    run("account", "u1", "--data", data)
    private = [data / "catalogue.sqlite", data / "keys" / "server.key", data / "keys" / "operator.token"]
    run("account", "u2", "--data", data)
    assert not [path for path in private if stat.S_IMODE(path.stat().st_mode) & 0o077]


def test_what_cannot_be_done_is_said_in_one_line(tmp_path, data):
    with pytest.raises(UsageError, match="cannot be read"):
        run("load", tmp_path / "missing.csv", "--data", data)
    with pytest.raises(UsageError, match="logs of 0 people"):
        run("learn", "--data", data)
    with pytest.raises(UsageError, match="not a loopback address"):
        run("serve", "--data", data, "--host", "0.0.0.0")
    with pytest.raises(UsageError, match="40 stickers have no 50 directions"):
        run("serve", "--data", data, "--features", 50)
    (data / "packages.csv").write_text("package,sticker\nbears,1\n")
    with pytest.raises(UsageError, match="line 2: the column 'sticker' names none"):
        run("learn", "--data", data)
