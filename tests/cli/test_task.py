"""Task files and the commands that read, sign and publish them."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

import choral.apps
from choral.apps import browser, health, keyboard
from choral.apps.keyboard.lexicon import shipped_words
from choral.apps.keyboard.words import word_signals
from choral.cli.local.server import local_server
from choral.cli.task.commands import DICTIONARIES, NAMES, app, draft
from choral.cli.task.file import compiled
from choral.errors import UsageError
from choral.mechanisms import ProjectiveGeometryResponse
from choral.privacy import micro
from choral.protocol import Signed, Task, decode, encode, verify
from choral.server.keys import OPERATOR, SERVER, SHUFFLER, TOKEN

FILES = sorted(Path(choral.apps.__file__).parent.glob("*/tasks/*.toml"))
SIGNALS = {
    signal.name: signal
    for signal in (*browser.signals(), *health.signals(), *keyboard.signals(), *word_signals(shipped_words()))
}
START = datetime(2027, 1, 4, tzinfo=UTC)
HEALTH = next(path for path in FILES if path.name == "types.toml").read_text()


def built(text):
    return compiled(text, name="file.toml", names=NAMES, dictionaries=DICTIONARIES)


def run(*arguments):
    return CliRunner().invoke(app, [str(one) for one in arguments])


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parts[-3]}-{file.stem}")
def test_every_task_file_is_a_task_that_its_apps_device_lets_in(file):
    read = draft(file)
    task = read.task(start=START, shuffler_key=bytes(32), server_key=bytes(32))
    signal = SIGNALS[task.terms.signal]
    assert task.algorithm.parameters.get("dictionary", b"") == signal.dictionary
    assert task.terms.price_micro == micro(read.mechanism.epsilon)
    assert decode(encode(task), Task) == task
    nothing = task.algorithm.build(NAMES)
    params = nothing.check_out(nothing.init(None), None)
    assert len(nothing.contribute(params, signal.examples(()))) == 1


@pytest.mark.parametrize(
    ("file", "name", "wanted"),
    [
        ("memory-apple", "hadamard-count-mean-sketch/1", {"width": 32_768, "rows": 1_024}),
        ("energy-apple", "hadamard-count-mean-sketch/1", {"width": 32_768, "rows": 1_024}),
        ("autoplay-apple", "hadamard-count-mean-sketch/1", {"width": 32_768, "rows": 1_024}),
        ("types-apple", "count-mean-sketch/1", {"width": 256, "rows": 65_536}),
        ("emoji-apple", "count-mean-sketch/1", {"width": 1_024, "rows": 65_536}),
        ("words-apple", "fragment-puzzle/1", {"width": 1_024, "rows": 2_048, "length": 10}),
    ],
)
def test_the_files_named_apple_have_apples_parameters(file, name, wanted):
    mechanism = draft(next(path for path in FILES if path.stem == file)).mechanism
    assert name == mechanism.NAME
    assert {field: getattr(mechanism, field) for field in wanted} == wanted


def test_a_mechanism_can_be_given_by_its_own_parameters():
    wanted = ProjectiveGeometryResponse.for_epsilon(2.0, 111)
    own = f"order = {wanted.order}\ndimension = {wanted.dimension}\nkeep = {wanted.keep}"
    assert built(HEALTH.replace("epsilon = 2.0", own)).mechanism == wanted


def test_a_price_may_be_above_the_cost_and_never_below():
    priced = HEALTH.replace("[limits]", "[limits]\nprice = {}")
    assert built(priced.replace("{}", "2.5")).terms.price_micro == 2_500_000
    with pytest.raises(UsageError, match=r"\[limits\] price: a report costs epsilon 2; raise the price"):
        built(priced.replace("{}", "1.5"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("purpose =", "purpose ", r"file.toml: this is not TOML: .*line 3"),
        ('trust = "nobody"', 'trust = "us"', r"file.toml:6: trust: 'us' does not do; give one of nobody, shuffler, sum"),
        (
            "reports_per_day = 1",
            "reports_per_day = 0",
            r"file.toml:10: \[limits\] reports_per_day: 0 does not do; give a whole",
        ),
        ("reports_per_day = 1", "reports_per_day = true", r"file.toml:10: \[limits\] reports_per_day: True does not do"),
        ("reports_per_day = 1", "reports_a_day = 1", r"file.toml:10: \[limits\] reports_a_day: there is no such field; choose"),
        ("reports_per_day = 1\n", "", r"file.toml:9: \[limits\] reports_per_day: this field is missing; give a whole number"),
        ("reports_for_life = 28", "reports_for_life = 0.5", r"file.toml:11: \[limits\] reports_for_life: 0.5 does not do"),
        ("reports_per_day = 1", "reports_per_day = 99", r"reports_per_day <= reports_for_life.*change \[limits\]"),
        ("projective-geometry-response/1", "magic/1", r"file.toml:16: \[mechanism\] name: 'magic/1' is not known here; choose"),
        ("projective-geometry-response/1", "count/1", r"\[mechanism\] name: 'count/1' is not known here"),
        ("epsilon = 2.0", "epsilon = -1.0", r"file.toml:17: \[mechanism\] epsilon: not legal parameters: need"),
        ("epsilon = 2.0", "epsilon = inf", r"file.toml:17: \[mechanism\] epsilon: not legal parameters"),
        ("epsilon = 2.0", 'epsilon = "two"', r"file.toml:17: \[mechanism\] epsilon: not legal parameters"),
        ("epsilon = 2.0", "", r"file.toml:16: \[mechanism\] name: not legal parameters: .*missing"),
        ("epsilon = 2.0", "epsilon = 2.0\nwidth = 8", r"file.toml:18: \[mechanism\] width: .* has no such parameter"),
        ("epsilon = 2.0", "epsilon = 2.0\ndomain = 7", r"file.toml:18: \[mechanism\] domain: the dictionary has 111; leave"),
        (
            '"health.types"\nthreshold',
            '"health.all"\nthreshold',
            r"\[algorithm\] dictionary: 'health.all' is not known; choose",
        ),
        ("goal = 1_000_000", "goal = 5", r"file.toml: need goal >= minimum.*change \[limits\], \[batch\]"),
        ("rounds_open = 2", "rounds_open = 1", r"file.toml: rounds_open does not cover the delay"),
        ("[schedule]", "[plan]", r"file.toml:.*: \[plan\]: there is no such section; choose one of limits"),
        ("chance = 1.0", "chance = 1.5", r"\[schedule\] chance: 1.5 does not do; give of taking part"),
    ],
)
def test_what_is_wrong_is_named_with_its_line_and_a_remedy(old, new, message):
    assert old in HEALTH
    with pytest.raises(UsageError, match=message):
        built(HEALTH.replace(old, new, 1))


def test_both_halves_must_speak_of_the_same_values():
    text = next(path for path in FILES if path.stem == "words-apple").read_text()
    with pytest.raises(UsageError, match=r"\[mechanism\] length: the algorithm's length is 8, the mechanism's 10"):
        built(text.replace("length = 10   ", "length = 8   ").replace("length = 10                   #", "length = 8 #"))


def test_show_says_what_it_asks_costs_and_promises_and_warns_of_a_bad_choice():
    shown = run("show", next(path for path in FILES if path.stem == "memory-apple"))
    assert shown.exit_code == 0
    for text in (
        "epsilon 4 a report, 8 a day, 224 for life",
        "at most 56 for life",
        "nothing anyone concludes",
        "consent is bound",
    ):
        assert text in shown.output
    assert "14.5 times the optimal variance" in shown.output
    assert "projective-geometry-response/1" in shown.output


def test_a_file_that_is_missing_or_no_text_is_refused(tmp_path):
    for file in (tmp_path / "missing.toml", tmp_path):
        with pytest.raises(UsageError, match="cannot be read"):
            draft(file)
    (tmp_path / "latin.toml").write_bytes(b"purpose = '\xe9'")
    with pytest.raises(UsageError, match="UTF-8"):
        draft(tmp_path / "latin.toml")


def test_a_file_is_signed_published_and_on_offer(tmp_path):
    file = next(path for path in FILES if path.stem == "types")
    signed, data = tmp_path / "task.bin", tmp_path / "data.bin"
    with local_server(tmp_path / "server") as server:
        keys = server.keys.folder
        publics = ("--server-key", keys / f"{SERVER}.pub", "--shuffler-key", server.keys.public(SHUFFLER).hex())
        made = run("sign", file, "--operator-key", keys / OPERATOR, *publics, "--out", signed)
        assert made.exit_code == 0, made.exception
        assert "choral task data health.types" in made.output
        assert run("data", "health.types", "--operator-key", keys / OPERATOR, "--out", data).exit_code == 0
        for one in (data, signed):
            answer = run("publish", one, "--server", server.url, "--token-file", keys / TOKEN)
            assert re.fullmatch(r"published [0-9a-f]{64}\n", answer.output), answer.exception
        (task,) = server.json("/v1/tasks")
        assert (task["signal"], task["epsilon"], task["minimum"]) == ("health.types", 2.0, 10_000)
        disclosed = run("disclose", task["hash"], "--server", server.url)
        assert json.loads(disclosed.output) == server.json(f"/v1/tasks/{task['hash']}/dp-disclosure.json")
        token = tmp_path / "token"
        token.write_text("wrong")
        refused = run("publish", signed, "--server", server.url, "--token-file", token)
        assert isinstance(refused.exception, UsageError)
        assert "the server refused it" in str(refused.exception)


def test_what_sign_wrote_is_the_files_task_under_the_operators_signature(tmp_path):
    key, out = Ed25519PrivateKey.generate(), tmp_path / "task.bin"
    (tmp_path / "key").write_text(key.private_bytes_raw().hex() + "\n")
    file, digits = next(path for path in FILES if path.stem == "types"), "ab" * 32
    options = ("--operator-key", tmp_path / "key", "--server-key", digits, "--shuffler-key", digits, "--out", out)
    assert run("sign", file, *options, "--start", "2027-01-04").exit_code == 0
    task = verify(decode(out.read_bytes(), Signed), Task, key.public_key().public_bytes_raw())
    assert task == draft(file).task(start=START, shuffler_key=bytes.fromhex(digits), server_key=bytes.fromhex(digits))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sign", "FILE", "--operator-key", "BAD", "--server-key", "AA", "--shuffler-key", "AA", "--out", "OUT"), "is no key"),
        (
            ("sign", "FILE", "--operator-key", "NO", "--server-key", "AA", "--shuffler-key", "AA", "--out", "OUT"),
            "cannot be read",
        ),
        (("data", "everything", "--operator-key", "BAD", "--out", "OUT"), "choose one of browser.autoplay"),
        (("publish", "BAD", "--server", "http://127.0.0.1:1", "--token-file", "BAD"), "no signed message"),
        (("publish", "NO", "--server", "http://127.0.0.1:1", "--token-file", "BAD"), "no signed message"),
    ],
)
def test_wrong_keys_and_files_are_refused_before_anything_is_written(tmp_path, arguments, message):
    (tmp_path / "bad").write_text("not a key")
    words = {"FILE": FILES[0], "BAD": tmp_path / "bad", "NO": tmp_path / "no", "OUT": tmp_path / "out", "AA": "aa" * 32}
    answer = run(*(words.get(one, one) for one in arguments))
    assert isinstance(answer.exception, UsageError)
    assert message in str(answer.exception)
    assert not (tmp_path / "out").exists()


def test_a_token_is_never_sent_in_the_clear_off_this_machine(tmp_path):
    key, out = tmp_path / "key", tmp_path / "data.bin"
    key.write_text("11" * 32)
    assert run("data", "health.types", "--operator-key", key, "--out", out).exit_code == 0
    answer = run("publish", out, "--server", "http://choral.example", "--token-file", key)
    assert isinstance(answer.exception, UsageError)
    assert "in the clear" in str(answer.exception)


def test_disclose_says_the_same_of_a_task_file_and_of_its_signed_bytes(tmp_path):
    key, signed, out = tmp_path / "key", tmp_path / "task.bin", tmp_path / "said.json"
    key.write_text(Ed25519PrivateKey.generate().private_bytes_raw().hex())
    file, digits = next(path for path in FILES if path.stem == "types"), "ab" * 32
    made = run("sign", file, "--operator-key", key, "--server-key", digits, "--shuffler-key", digits, "--out", signed)
    assert made.exit_code == 0, made.exception
    assert run("disclose", file, "--json", out).exit_code == 0
    drafted, said = json.loads(out.read_text()), json.loads(run("disclose", signed).output)
    assert (drafted["task"]["hash"], len(said["task"]["hash"])) == (None, 64)
    for one in (drafted, said):
        one["task"] = {name: one["task"][name] for name in ("terms", "purpose", "signal", "reviewer")}
    assert drafted == said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("0" * 64,), "say with --server which server has it"),
        (("0" * 64, "--server", "http://127.0.0.1:1"), "cannot be reached"),
        (("/no/such/file",), "name a task file, signed bytes, or a task's hash"),
        ((FILES[0].parent / "__init__.py",), "cannot be read"),
        ((__file__,), "is no task that is known here"),
        ((FILES[0], "--json", "/no/such/folder/x.json"), "name a file in a folder that exists"),
    ],
)
def test_disclose_refuses_what_is_no_task(arguments, message):
    refused = run("disclose", *arguments)
    assert isinstance(refused.exception, UsageError)
    assert message in str(refused.exception)


def test_disclose_believes_no_server_that_gives_another_task(tmp_path, monkeypatch):
    key, signed = tmp_path / "key", tmp_path / "task.bin"
    key.write_text(Ed25519PrivateKey.generate().private_bytes_raw().hex())
    run("sign", FILES[0], "--operator-key", key, "--server-key", "ab" * 32, "--shuffler-key", "ab" * 32, "--out", signed)
    request = httpx.Request("GET", "http://127.0.0.1")
    monkeypatch.setattr(httpx, "get", lambda *_, **__: httpx.Response(200, content=signed.read_bytes(), request=request))
    refused = run("disclose", "0" * 64, "--server", "http://127.0.0.1")
    assert "gave another task" in str(refused.exception)
