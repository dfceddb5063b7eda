"""`choral labels` and the phishing commands of `choral device`, as a person types them."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from choral.apps.phishing.device.features import PUBLIC
from choral.apps.phishing.device.labels import LabelFeed
from choral.cli import labels
from choral.cli.device import commands as device
from choral.errors import ChoralError
from choral.protocol import Release, Signed, decode, encode, sign, verify
from tests.apps.phishing_device import LOGIN, links_task
from tests.device.setting import OPERATOR

PHISH = "http://paypal-login.192-0-2-7.account-verify.tk/wp-admin/login.php?cmd=1"
KEY = OPERATOR.private_bytes_raw().hex()
PUBLIC_KEY = OPERATOR.public_key().public_bytes_raw().hex()


@pytest.fixture
def choral(tmp_path):
    """Both commands over a folder of their own."""
    (tmp_path / "operator.key").write_text(KEY)

    def run(app, *words):
        out = tmp_path / "out.json"
        out.unlink(missing_ok=True)
        result = CliRunner().invoke(app, [*map(str, words)])
        if isinstance(result.exception, ChoralError):
            raise result.exception
        assert result.exit_code == 0, result.output + repr(result.exception)
        return result.output, json.loads(out.read_text()) if out.exists() else None

    def on_device(*words):
        return run(device.app, "--home", tmp_path / "home", "--operator", PUBLIC_KEY, "--json", tmp_path / "out.json", *words)

    def on_labels(*words):
        return run(labels.app, *words, "--json", tmp_path / "out.json")

    return on_device, on_labels


def test_a_feed_is_built_signed_taken_in_and_matched(choral, tmp_path):
    on_device, on_labels = choral
    listed = tmp_path / "list.txt"
    listed.write_text(f"{PHISH}\nhttp://other.example/\n")
    out = tmp_path / "labels.bin"
    text, answer = on_labels("build", "--list", listed, "--operator-key", tmp_path / "operator.key", "--out", out)
    assert answer["entries"] == answer["phishing"] == answer["lines"] == 2
    release = verify(decode(out.read_bytes(), Signed), Release, OPERATOR.public_key().public_bytes_raw())
    assert release.hash.hex() == answer["hash"]
    assert answer["hash"] in text
    assert on_device("labels", out)[1] == {"entries": 2}
    assert on_device("score", "https://gardening.example.com/")[1]["label"] is None
    text, answer = on_device("score", PHISH)
    assert answer["label"] == "phishing"
    assert "known to be phishing" in text
    assert "do not open it" in text
    assert "1 in 100" not in text


def test_nothing_is_written_of_a_feed_that_contradicts_itself(choral, tmp_path):
    _, on_labels = choral
    listed, out = tmp_path / "list.csv", tmp_path / "labels.bin"
    listed.write_text("url,label\nhttp://a.example/,phishing\nhttp://a.example/,legitimate\n")
    words = ("build", "--operator-key", tmp_path / "operator.key", "--out", out)
    for more, why in (
        (("--list", listed), r"list\.csv:3 contradicts list\.csv:2"),
        ((), "at least one file"),
        (("--list", tmp_path / "none.csv"), "cannot be read"),
    ):
        with pytest.raises(ChoralError, match=why):
            on_labels(*words, *more)
    listed.write_text("url,label\n")
    with pytest.raises(ChoralError, match="no file names a link"):
        on_labels(*words, "--list", listed)
    assert not out.exists()


def test_a_link_and_its_page_are_scored_with_the_three_strongest_reasons(choral, tmp_path):
    on_device, _ = choral
    page = tmp_path / "page.html"
    page.write_bytes(LOGIN)
    text, answer = on_device("score", PHISH, "--page", page, "--locale", "en_GB")
    assert set(answer) == {
        "score", "threshold", "warns", "asks_password", "page_seen", "reasons", "model", "label", "noted",
    }  # fmt: skip
    assert 0 < answer["threshold"] < answer["score"] < 1
    assert answer["warns"]
    assert answer["asks_password"]
    assert [one["feature"] in PUBLIC for one in answer["reasons"]] == [True] * 3
    assert "STOP" in text
    assert text.count("for phishing:") == 3
    text, answer = on_device("score", PHISH, "--note")
    assert "WARNING: fewer than 1 in 100" in text
    assert not answer["noted"]


def test_a_reported_link_is_labelled_here_and_can_be_taken_back(choral):
    on_device, _ = choral
    assert on_device("report", "https://somewhere.example/x")[1] == {"label": "phishing"}
    assert on_device("score", "https://somewhere.example/x")[1]["label"] == "phishing"
    on_device("report", "https://somewhere.example/x", "--legitimate")
    assert on_device("score", "https://somewhere.example/x")[1]["label"] == "legitimate"


def test_what_cannot_be_read_is_said(choral, tmp_path):
    on_device, _ = choral
    (tmp_path / "bad.bin").write_bytes(b"no feed")
    (tmp_path / "empty.html").touch()
    (tmp_path / "foreign.bin").write_bytes(encode(sign(LabelFeed.empty().release(), Ed25519PrivateKey.generate())))
    for words, why in (
        (("score", "javascript:alert(1)"), "no address of a page"),
        (("score", PHISH, "--page", tmp_path / "none.html"), "cannot be read"),
        (("score", PHISH, "--locale", "<>"), "no locale"),
        (("report", "data:,x"), "no address of a page"),
        (("score", PHISH, "--page", tmp_path / "empty.html"), "is empty; save the page again"),
        (("watch", "--locale", "<>"), "no locale"),
        (("labels", tmp_path / "bad.bin"), "no signed feed .*; give what `choral labels build` wrote"),
        (("labels", tmp_path / "foreign.bin"), "none of the 1 trusted keys .* trust its operator with --operator"),
        (("labels", tmp_path / "none.bin"), "cannot be read"),
    ):
        with pytest.raises(ChoralError, match=why):
            on_device(*words)


def test_an_answer_that_could_not_be_written_is_refused_before_anything_is_kept(choral, tmp_path):
    on_device, _ = choral
    link = "https://somewhere.example/x"
    command = [*map(str, ("--home", tmp_path / "home", "--json", tmp_path / "none" / "out.json", "report", link))]
    assert "name a file in a folder that exists" in str(CliRunner().invoke(device.app, command).exception)
    assert on_device("score", link)[1]["label"] is None


def test_a_name_like_a_protected_brand_is_said_even_if_the_model_is_calm(choral):
    on_device, _ = choral
    text, answer = on_device("score", "https://www.p\u0430ypal.com/")
    assert not answer["warns"]
    assert "LOOK TWICE: the name is like that of paypal." in text
    on_device("report", "https://www.p\u0430ypal.com/", "--legitimate")
    assert "LOOK TWICE" not in on_device("score", "https://www.p\u0430ypal.com/")[0]


def test_who_may_agree_is_told_what_a_reports_coming_shows():
    loud, quiet = (device.report_in_words(links_task(silent=silent).terms) for silent in (True, False))
    assert quiet == "a report is one update from 20 links on one device"
    assert loud == f"{quiet}; while there is less none is sent, so that its coming shows there was as much"
