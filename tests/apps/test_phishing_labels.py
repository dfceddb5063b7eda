"""Labels: one spelling for every link, a feed that contradicts nothing, matched on the device without asking anyone."""

from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from urllib.parse import unquote_to_bytes

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from choral.apps.phishing.device import labels
from choral.apps.phishing.device.book import KEPT, OWN, Kept, LabelBook
from choral.apps.phishing.device.canonical import canonical, expressions, mark, marks, unescaped
from choral.apps.phishing.device.labels import KIND, LabelFeed, read_source
from choral.errors import ChoralError, PeerError, Refused, StoreError, UsageError
from choral.protocol import decode, encode, sign
from choral.protocol.messages import Release, Signed
from choral.storage import MemoryDeviceStore
from tests.apps.phishing_device import feed
from tests.device.setting import NOW, OPERATOR, OPERATORS, SERVER

DAY = date(2027, 1, 4)


@pytest.mark.parametrize(
    ("given", "expected"),
    [  # of developers.google.com/safe-browsing/v4/urls-hashing, but for those with raw bytes that no text has
        ("http://host/%25%32%35", "http://host/%25"),
        ("http://host/%25%32%35%25%32%35", "http://host/%25%25"),
        ("http://host/%2525252525252525", "http://host/%25"),
        ("http://host/asdf%25%32%35asd", "http://host/asdf%25asd"),
        ("http://host/%%%25%32%35asd%%", "http://host/%25%25%25asd%25%25"),
        ("http://www.google.com/", "http://www.google.com/"),
        (
            "http://%31%36%38%2e%31%38%38%2e%39%39%2e%32%36/%2E%73%65%63%75%72%65/%77%77%77%2E%65%62%61%79%2E%63%6F%6D/",
            "http://168.188.99.26/.secure/www.ebay.com/",
        ),
        (
            "http://host%23.com/%257Ea%2521b%2540c%2523d%2524e%25f%255E00%252611%252A22%252833%252944_55%252B",
            "http://host%23.com/~a!b@c%23d$e%25f^00&11*22(33)44_55+",
        ),
        ("http://3279880203/blah", "http://195.127.0.11/blah"),
        ("http://0xC3.0x7F.0/b", "http://195.127.0.0/b"),
        ("http://www.google.com/blah/..", "http://www.google.com/"),
        ("www.google.com", "http://www.google.com/"),
        ("http://www.evil.com/blah#frag", "http://www.evil.com/blah"),
        ("http://www.GOOgle.com...", "http://www.google.com/"),
        ("http://www.google.com/foo\tbar\rbaz\n2", "http://www.google.com/foobarbaz2"),
        ("http://www.google.com/q?r?s", "http://www.google.com/q?r?s"),
        ("http://evil.com/foo#bar#baz", "http://evil.com/foo"),
        ("http://evil.com/foo?bar;", "http://evil.com/foo?bar;"),
        ("http://www.gotaport.com:1234/", "http://www.gotaport.com/"),
        ("  http://www.google.com/  ", "http://www.google.com/"),
        ("http:// leadingspace.com/", "http://%20leadingspace.com/"),
        ("https://www.securesite.com/", "https://www.securesite.com/"),
        ("http://host.com/ab%23cd", "http://host.com/ab%23cd"),
        ("http://host.com//twoslashes?more//slashes", "http://host.com/twoslashes?more//slashes"),
        ("http://user:password@a.com/", "http://a.com/"),
        ("http://b%C3%BCcher.de/", "http://b%C3%BCcher.de/"),
        ("http://bücher.de/ü", "http://xn--bcher-kva.de/%C3%BC"),
        ("http://[2001:DB8::0:1]:80/", "http://[2001:db8::1]/"),
    ],
)
def test_all_spellings_of_a_link_become_one(given, expected):
    assert canonical(given) == expected
    assert canonical(expected) == expected


@settings(max_examples=300, deadline=None)
@given(st.text("%2543165AZ", max_size=40))
def test_one_pass_from_the_end_unescapes_as_often_as_anything_changes(text):
    whole = text.encode()
    while (less := unquote_to_bytes(whole)) != whole:
        whole = less
    assert unescaped(text.encode()) == whole


def test_a_link_has_up_to_thirty_expressions_the_most_exact_first():
    assert expressions("http://a.b.com/1/2.html?param=1") == (
        "a.b.com/1/2.html?param=1", "a.b.com/1/2.html", "a.b.com/1/", "a.b.com/",
        "b.com/1/2.html?param=1", "b.com/1/2.html", "b.com/1/", "b.com/",
    )  # fmt: skip
    hosts = [one.partition("/")[0] for one in expressions("http://a.b.c.d.e.f.com/1.html")[::2]]
    assert hosts == ["a.b.c.d.e.f.com", "c.d.e.f.com", "d.e.f.com", "e.f.com", "f.com"]
    assert expressions("http://1.2.3.4/1/") == ("1.2.3.4/1/", "1.2.3.4/")
    assert len(expressions("http://a.b.c.d.e.f.g.com/1/2/3/4/5/6.html?x")) == 30


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=80), st.text(st.sampled_from("ht:/.%25a#?[]@0x\\ü"), max_size=50).map("http://".__add__)))
def test_any_text_has_one_canonical_spelling(text):
    once = canonical(text)
    assert all(32 < ord(sign) < 127 for sign in once)
    assert 1 <= len(marks(text)) <= 30


def test_the_most_exact_entry_about_a_link_counts():
    found = feed(("https://shared.example/", False), ("https://shared.example/evil/", True), ("http://bad.example", True))
    assert found.label(marks("https://shared.example/evil/login.php?x=1")) is True
    assert found.label(marks("https://shared.example/garden")) is False
    assert found.label(marks("https://deep.sub.bad.example/x")) is True
    assert found.label(marks("https://elsewhere.example/")) is None
    assert LabelFeed.empty().label(marks("https://elsewhere.example/")) is None
    assert found.label(()) is None


def test_a_feed_travels_as_public_data_and_names_no_link():
    found = feed(("https://a.example/secret", True), ("https://b.example/", False))
    release = found.release()
    again = LabelFeed.of(decode(encode(release), Release))
    assert (again.marks == found.marks).all()
    assert (again.phishing == found.phishing).all()
    assert len(again) == 2
    assert release.kind == KIND
    assert b"secret" not in encode(release)
    assert b"example" not in encode(release)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "dictionary"},
        {"task": b"\1" * 32},
        {"reports": 5},
        {"arrays": {}},
        {"arrays": {"marks": np.zeros(2, np.uint64), "phishing": np.zeros(2, np.uint8), "days": np.zeros(2, np.int32)}},
        {"arrays": {"marks": np.array([2, 1], np.uint64), "phishing": np.zeros(2, np.uint8), "days": np.zeros(2, np.int32)}},
        {"arrays": {"marks": np.array([1], np.uint64), "phishing": np.array([2], np.uint8), "days": np.zeros(1, np.int32)}},
        {"arrays": {"marks": np.array([1.0]), "phishing": np.array([1], np.uint8), "days": np.zeros(1, np.int32)}},
        {"arrays": {"marks": np.array([1], np.uint64), "phishing": np.ones((1, 1), np.uint8), "days": np.zeros(1, np.int32)}},
    ],
)
def test_public_data_that_is_no_feed_or_contradicts_itself_is_refused(change):
    release = replace(feed(("https://a.example/", True)).release(), **change)
    with pytest.raises(PeerError, match="label feed"):
        LabelFeed.of(release)


def book(found=None):
    made = LabelBook.opened(MemoryDeviceStore())
    if found is not None:
        made.take(sign(found.release(), OPERATOR), OPERATORS)
    return made


def test_a_feed_is_taken_from_a_trusted_operator_only_and_never_an_older_one():
    later, earlier = feed(("https://a.example/", True), now=NOW), feed(("https://b.example/", True), now=NOW - timedelta(1))
    held = book(later)
    signed = sign(earlier.release(), OPERATOR)
    for wrong, error in (
        (sign(later.release(), SERVER), PeerError),
        (Signed(signed.body, bytes(64)), PeerError),
        (Signed(signed.body[:-1], signed.signature), PeerError),
        (signed, Refused),
    ):
        with pytest.raises(error):
            held.take(wrong, OPERATORS)
    assert held.label(marks("https://a.example/x")) is True
    assert held.label(marks("https://b.example/x")) is None
    assert held.take(sign(later.release(), OPERATOR), OPERATORS) == 1


def test_what_the_person_says_decides_over_the_feed_and_is_remembered():
    held = book(feed(("https://a.example/", True)))
    held.report("https://a.example/", phishing=False, now=NOW)
    held.report("https://c.example/login?x=1", phishing=True, now=NOW)
    again = LabelBook.opened(held.store)
    assert again.label(marks("https://a.example/other")) is False
    assert again.label(marks("https://c.example/login?x=1#top")) is True
    assert again.label(marks("https://c.example/")) is None
    again.forget()
    assert LabelBook.opened(held.store).label(marks("https://a.example/other")) is True


def test_labels_that_are_damaged_on_the_device_are_said():
    held = book()
    with held.store.transaction() as tx:
        KEPT.put(tx, OWN, Kept(b"[[1"))
    with pytest.raises(StoreError, match="cannot be read"):
        LabelBook.opened(held.store)


@pytest.mark.parametrize("link", ["https://co.uk/", "https://github.io", "javascript:alert(1)", "", "https://[::1"])
def test_no_label_for_what_is_no_link_or_belongs_to_many(link):
    held = book()
    with pytest.raises(Refused):
        held.report(link, phishing=True, now=NOW)
    assert not held.own


def test_a_page_or_a_name_below_what_belongs_to_many_can_be_labelled():
    held = book()
    for link in ("https://github.io/about", "https://someone.github.io"):
        held.report(link, phishing=True, now=NOW)
    assert held.label(marks("https://someone.github.io/x")) is True
    assert held.label(marks("https://another.github.io/x")) is None


def entries(tmp_path, **sources):
    found = []
    for name, text in sources.items():
        path = tmp_path / f"{name}.{'csv' if text.startswith('url') else 'txt'}"
        path.write_text(text)
        found += read_source(path, {"lists": "list", "more": "list", "reports": "report"}.get(name, "curated"), DAY)
    return found


def test_lists_reports_and_what_was_curated_become_one_feed(tmp_path):
    found = LabelFeed.built(
        entries(
            tmp_path,
            lists="# of today\nhttp://bad.example/x\n\nhttp://worse.example/\n",
            reports="url,label,day\nHTTP://bad.example:80/x,phishing,2027-01-02\nhttps://disputed.example/,phishing,\n",
            curated="url,label\nhttps://disputed.example/,legitimate\n",
        ),
        NOW,
    )
    assert len(found) == 3
    assert found.label(marks("http://bad.example/x")) is True
    assert found.label(marks("https://disputed.example/y")) is False
    place = int(np.searchsorted(found.marks, np.uint64(mark("bad.example/x"))))
    assert found.days[place] == (date(2027, 1, 2) - date(1970, 1, 1)).days


def test_sources_may_name_the_same_link_and_the_earliest_day_counts(tmp_path):
    lists = "url,label,day\nhttp://a.example/,phishing,2027-01-03\nhttp://A.example,phishing,2027-01-02\n"
    found = LabelFeed.built(entries(tmp_path, lists=lists, more="http://a.example/\n"), NOW)
    assert len(found) == 1
    assert found.days.tolist() == [(date(2027, 1, 2) - date(1970, 1, 1)).days]


def test_a_feed_that_no_device_would_take_is_not_built(tmp_path, monkeypatch):
    monkeypatch.setattr(labels, "MOST_ENTRIES", 1)
    with pytest.raises(UsageError, match="2 entries are more than the 1 that a device takes"):
        LabelFeed.built(entries(tmp_path, lists="http://a.example/\nhttp://b.example/\n"), NOW)


@pytest.mark.parametrize(
    ("sources", "why"),
    [
        (
            {"lists": "url,label\nhttp://a.example/,phishing\nhttp://a.example,legitimate\n"},
            "lists.csv:3 contradicts lists.csv:2",
        ),
        (
            {"lists": "http://a.example/\n", "reports": "url,label\nhttp://a.example,legitimate\n"},
            "reports.csv:2 contradicts lists.txt:1",
        ),
        (
            {"curated": "url,label\nhttp://a.example/,phishing\nhttp://A.example,legitimate\n"},
            "curated.csv:3 contradicts curated.csv:2",
        ),
        ({"lists": "javascript:alert(1)\n"}, "lists.txt:1"),
        ({"lists": "http://fine.example\nhttp://co.uk/\n"}, "lists.txt:2"),
        ({"lists": "url,label\nhttp://a.example/,perhaps\n"}, "lists.csv:2: need the label"),
        ({"lists": "url,label,day\nhttp://a.example/,phishing,2027-02-31\n"}, "2027-02-31 is no day"),
        ({"lists": "url,label,day\nhttp://a.example/,phishing,soon\n"}, "lists.csv:2: need"),
        ({"lists": "url;label\nhttp://a.example/;phishing\n"}, "lists.csv:1: the columns"),
        ({"lists": 'url,label\n"http://a.exam\nple/",phishing\n'}, "lists.csv:3: the link holds control characters"),
    ],
)
def test_contradictions_and_nonsense_are_refused_with_the_line(tmp_path, sources, why):
    with pytest.raises(UsageError, match=why.replace(".", r"\.")):
        LabelFeed.built(entries(tmp_path, **sources), NOW)


def test_a_file_that_cannot_be_read_is_said(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        read_source(tmp_path / "none.csv", "list", DAY)
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="UTF-8"):
        read_source(tmp_path / "bytes.txt", "list", DAY)


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.text(max_size=200), st.text(max_size=100).map("url,label,day\n".__add__)), st.sampled_from(["csv", "txt"]))
def test_any_source_becomes_entries_or_is_refused(tmp_path_factory, text, ending):
    path = tmp_path_factory.getbasetemp() / f"any.{ending}"
    path.write_text(text, "utf-8", newline="")
    with suppress(ChoralError):
        LabelFeed.built(read_source(path, "list", DAY), NOW)
