"""The catalogue service: who may read what, what is refused, what is kept, and that nothing joins it to the report road."""

import asyncio
import logging
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import httpx
import numpy as np
import pytest

from choral.apps.stickers import Catalogue, Sticker
from choral.apps.stickers.device.messages import Candidates, Preference
from choral.apps.stickers.service import CatalogueStore, Secrets, Stock, application, learn_once, load, open_accounts
from choral.errors import StoreError, UsageError
from choral.protocol import PROBLEMS, decode

CATALOGUE = Catalogue(
    tuple(Sticker(100 + n, f"s{n}", f"picture {n}", (f"theme{n % 4}", f"own{n}"), (f"言葉{n % 4}",)) for n in range(40))
)
NOW = datetime(2027, 1, 15, 13, 14, 15, 161_718, tzinfo=UTC)
OPERATOR = "the operator's token"
SECRETS = Secrets.of(b"r" * 32, OPERATOR)
HEADER = "account,sticker,kind,day\n"


class Service:
    """The application over a store in a file, spoken to in this process."""

    def __init__(self, folder, catalogue=CATALOGUE, **stock):
        self.path = folder / "catalogue.sqlite"
        self.store = CatalogueStore(self.path)
        self.stock = Stock.of(catalogue, features=4, **stock)
        self.app = application(self.store, self.stock, secrets=SECRETS, clock=lambda: NOW)

    def ask(self, method, path, token=None, **more):
        async def run():
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://catalogue.test") as client:
                headers = {"Authorization": f"Bearer {token}"} if token else {}
                return await client.request(method, path, headers={**headers, **more.pop("headers", {})}, **more)

        return asyncio.run(run())

    def tokens(self, *names):
        return open_accounts(self.store, SECRETS, names)

    def rows(self):
        """All that is in the tables, row by row."""
        with sqlite3.connect(self.path) as db:
            tables = ("account", "download", "preference", "candidates", "learnt")
            return {table: db.execute(f"SELECT * FROM {table}").fetchall() for table in tables}


@pytest.fixture
def service(tmp_path):
    found = Service(tmp_path)
    yield found
    found.store.close()


@pytest.fixture
def learnt(service):
    """A service with sixty people's logs, learnt."""
    load(service.store, service.stock, themed_logs(60), name="logs")
    learn_once(service.store, service.stock, numbers=3)
    return service


def themed_logs(people):
    """Person i downloads six stickers of theme i mod 4, by turns."""
    rows = (
        f"u{person},{100 + (person % 4) + 4 * ((person // 4 + turn) % 10)},purchased,2026-12-{turn + 1:02}\n"
        for person in range(people)
        for turn in range(6)
    )
    return HEADER + "".join(rows)


# -- who may


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/accounts"),
        ("POST", "/v1/downloads"),
        ("POST", "/v1/learn"),
        ("GET", "/v1/me"),
        ("DELETE", "/v1/me"),
        ("GET", "/v1/me/preference"),
        ("GET", "/v1/me/candidates"),
    ],
)
def test_without_a_token_of_its_own_nobody_gets_anywhere(learnt, method, path):
    (token,) = learnt.tokens("someone").values()
    before = learnt.rows()
    wrong = [
        "",
        "Bearer",
        "Bearer ",
        f"Basic {token}",
        token,
        f"Bearer {token[:-1]}",
        f"Bearer {token}x",
        f"Bearer {'x' * 5_000}",
    ]
    wrong += [f"Bearer {SECRETS.kept(token).hex()}", "Bearer ' OR 1=1 --", "Bearer \u00ff"]
    for header in wrong:
        answer = learnt.ask(method, path, headers={"Authorization": header.encode("latin-1")}, content=b"{}")
        assert answer.status_code == 401, header
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["type"] == "urn:choral:problem:not-authorized"
        assert token not in answer.text
    assert learnt.rows() == before


def test_an_account_is_no_operator_and_the_operator_is_no_account(learnt):
    (token,) = learnt.tokens("someone").values()
    assert learnt.ask("POST", "/v1/accounts", token, json={"accounts": ["other"]}).status_code == 401
    assert learnt.ask("POST", "/v1/learn", token, json={"numbers": 3}).status_code == 401
    assert learnt.ask("POST", "/v1/downloads", token, content=HEADER + "u1,101,purchased,2027-01-01\n").status_code == 400
    for path in ("/v1/me", "/v1/me/preference", "/v1/me/candidates"):
        assert learnt.ask("GET", path, OPERATOR).status_code == 401


def test_a_token_is_shown_once_and_only_its_keyed_hash_is_kept(service):
    answer = service.ask("POST", "/v1/accounts", OPERATOR, json={"accounts": ["anna", "ben"]})
    assert answer.status_code == 201
    tokens = answer.json()["tokens"]
    assert set(tokens) == {"anna", "ben"}
    assert all(len(token) == 43 for token in tokens.values())  # 32 bytes
    files = b"".join(path.read_bytes() for path in service.path.parent.iterdir())
    for token in tokens.values():
        assert token.encode() not in files
        assert SECRETS.kept(token) in files
        assert service.ask("GET", "/v1/me", token).status_code == 200
    assert Secrets.of(b"q" * 32, OPERATOR).kept(tokens["anna"]) != SECRETS.kept(tokens["anna"])


def test_an_account_gets_no_second_token_unless_the_operator_says_so(service):
    first = service.tokens("anna")["anna"]
    assert service.ask("POST", "/v1/accounts", OPERATOR, json={"accounts": ["new", "anna"]}).status_code == 409
    assert [name for _, name, _ in service.rows()["account"]] == ["anna"]
    renewed = service.ask("POST", "/v1/accounts", OPERATOR, json={"accounts": ["anna"], "renew": True}).json()["tokens"]["anna"]
    assert service.ask("GET", "/v1/me", first).status_code == 401
    assert service.ask("GET", "/v1/me", renewed).status_code == 200


# -- downloads


def test_a_person_downloads_a_sticker_and_the_day_alone_is_kept(service):
    (token,) = service.tokens("anna").values()
    assert service.ask("POST", "/v1/downloads", token, json={"sticker": 107, "kind": "premium"}).status_code == 204
    assert service.ask("GET", "/v1/me", token).json()["downloads"] == [{"sticker": 107, "kind": "premium", "day": "2027-01-15"}]
    assert service.rows()["download"] == [(1, 107, 2, 20_833)]


def test_a_package_brings_all_its_stickers(tmp_path):
    service = Service(tmp_path, packages={"bears": (101, 105)})
    (token,) = service.tokens("anna").values()
    assert service.ask("POST", "/v1/downloads", token, json={"package": "bears", "kind": "purchased"}).status_code == 204
    assert [row["sticker"] for row in service.ask("GET", "/v1/me", token).json()["downloads"]] == [101, 105]
    service.store.close()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"garbage",
        b"\xff\xfe",
        b"[1]",
        b"null",
        b'{"sticker": 107}',
        b'{"sticker": 107, "kind": "stolen"}',
        b'{"sticker": 7, "kind": "purchased"}',
        b'{"sticker": "107", "kind": "purchased"}',
        b'{"sticker": 107.5, "kind": "purchased"}',
        b'{"sticker": 99999999999999999999999, "kind": "purchased"}',
        b'{"sticker": 107, "package": "bears", "kind": "purchased"}',
        b'{"package": "bears", "kind": "purchased"}',
        b'{"kind": "purchased"}',
        b'{"sticker": 107, "kind": "purchased", "text": "good morning"}',
        b'{"sticker": 107, "kind": "purchased"',
        b"[" * 4_000,
    ],
)
def test_an_own_download_that_means_nothing_is_refused_and_nothing_is_kept(service, body):
    (token,) = service.tokens("anna").values()
    before = service.rows()
    answer = service.ask("POST", "/v1/downloads", token, content=body)
    assert answer.status_code == 400
    assert answer.json()["type"] == "urn:choral:problem:malformed-message"
    assert service.rows() == before


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/accounts", b'{"accounts": []}'),
        ("/v1/accounts", b'{"accounts": ["a", "a"]}'),
        ("/v1/accounts", b'{"accounts": ["a", "b c"]}'),
        ("/v1/accounts", b'{"accounts": "a"}'),
        ("/v1/accounts", b'{"accounts": [1]}'),
        ("/v1/learn", b'{"numbers": 0}'),
        ("/v1/learn", b'{"numbers": 3}'),  # without logs
        ("/v1/learn", b'{"numbers": "many"}'),
        ("/v1/downloads", b"garbage"),
        ("/v1/downloads", b"\xff\xfe"),
        ("/v1/downloads", b"account,sticker,kind,day\nu1,101,purchased,2027-01-15\nu2,7,purchased,2027-01-15\n"),
    ],
)
def test_an_order_that_means_nothing_is_refused_and_nothing_is_half_done(service, path, body):
    before = service.rows()
    answer = service.ask("POST", path, OPERATOR, content=body)
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:choral:problem:malformed-message")
    assert service.rows() == before


def test_a_body_that_is_too_long_is_refused_while_it_comes(service):
    (token,) = service.tokens("anna").values()
    sent = []

    async def endless():
        for _ in range(100_000):
            sent.append(1)
            yield b" " * 1_024

    for path, who in (("/v1/downloads", token), ("/v1/accounts", OPERATOR)):
        sent.clear()
        answer = service.ask("POST", path, who, content=endless())
        assert (answer.status_code, answer.json()["type"]) == (413, "urn:choral:problem:too-large")
        assert len(sent) < 2_000


def test_an_operator_loads_logs_by_the_web_and_loading_twice_changes_nothing(service):
    logs = themed_logs(20).encode()
    first = service.ask("POST", "/v1/downloads", OPERATOR, content=logs, headers={"Content-Type": "text/csv"})
    assert (first.status_code, first.json()) == (201, {"downloads": 120, "new": 120})
    before = service.rows()
    assert service.ask("POST", "/v1/downloads", OPERATOR, content=logs).json() == {"downloads": 120, "new": 0}
    assert service.rows() == before
    line = b'{"account": "u3", "sticker": 139, "kind": "sponsored", "day": "2027-01-02"}\n'
    assert service.ask("POST", "/v1/downloads", OPERATOR, content=line).json() == {"downloads": 1, "new": 1}


def test_a_file_with_one_wrong_line_loads_nothing(service):
    text = themed_logs(20) + "u3,100,purchased,someday\n"
    with pytest.raises(UsageError, match="line 122: the column 'day'"):
        load(service.store, service.stock, text, name="logs.csv")
    assert not service.rows()["download"]
    assert not service.rows()["account"]


# -- what comes down


def test_people_of_one_theme_get_like_numbers_and_the_bytes_follow_from_the_logs(learnt):
    tokens = learnt.tokens(*(f"u{person}" for person in range(12)))
    vectors = np.array([_preference(learnt, token).vector() for token in tokens.values()], np.float64)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    like = unit @ unit.T
    same = np.arange(12)[:, None] % 4 == np.arange(12) % 4
    assert like[same].min() > 0.9
    assert like[~same].max() < 0.2
    before = learnt.rows()["preference"]
    learn_once(learnt.store, learnt.stock, numbers=3)
    assert learnt.rows()["preference"] == before


def test_candidates_hold_the_catalogue_what_is_held_and_what_is_popular(learnt):
    (token,) = learnt.tokens("u5").values()
    found = decode(learnt.ask("GET", "/v1/me/candidates", token).content, Candidates)
    assert found.catalogue() == CATALOGUE
    assert np.array_equal(found.features, learnt.stock.features)
    held = [row["sticker"] for row in learnt.ask("GET", "/v1/me", token).json()["downloads"]]
    assert found.stickers[found.held].tolist() == held
    assert np.abs(np.exp(found.log_popularity().astype(np.float64)).mean() - 1) < 1e-3


def test_of_a_large_catalogue_a_person_gets_the_best_and_all_that_is_held(tmp_path):
    service = Service(tmp_path, most=12)
    load(service.store, service.stock, themed_logs(60), name="logs")
    learn_once(service.store, service.stock, numbers=3)
    (token,) = service.tokens("u5").values()
    found = decode(service.ask("GET", "/v1/me/candidates", token).content, Candidates)
    assert 12 <= len(found.stickers) <= 18
    assert found.held.sum() == 6
    assert np.mean((found.stickers - 100) % 4 == 1) > 0.75  # u5's theme; a quarter of all
    (stranger,) = service.tokens("nobody").values()
    assert len(decode(service.ask("GET", "/v1/me/candidates", stranger).content, Candidates).stickers) == 12
    service.store.close()


def test_a_newcomer_is_of_average_taste_and_the_first_download_moves_the_numbers(learnt):
    (token,) = learnt.tokens("newcomer").values()
    assert not _preference(learnt, token).numbers.any()
    for turn in range(6):
        learnt.ask("POST", "/v1/downloads", token, json={"sticker": 102 + 4 * turn, "kind": "purchased"})
    mine = _preference(learnt, token).vector().astype(np.float64)
    (theirs,) = (_preference(learnt, token).vector().astype(np.float64) for token in learnt.tokens("u2").values())
    assert _cosine(mine, theirs) > 0.9
    before = mine
    learn_once(learnt.store, learnt.stock, numbers=3)
    assert _cosine(before, _preference(learnt, token).vector()) > 0.9


def test_before_anything_was_learnt_there_are_candidates_but_no_preference_information(service):
    (token,) = service.tokens("anna").values()
    assert service.ask("GET", "/v1/me/preference", token).status_code == 404
    found = decode(service.ask("GET", "/v1/me/candidates", token).content, Candidates)
    assert len(found.stickers) == len(CATALOGUE)
    assert not found.log_popularity().any()


def test_what_was_learnt_about_another_catalogue_is_not_given_out(learnt):
    other = Catalogue(CATALOGUE.stickers[:30])
    app = application(learnt.store, Stock.of(other, features=4), secrets=SECRETS, clock=lambda: NOW)
    (token,) = learnt.tokens("u5").values()
    learnt.app = app
    assert learnt.ask("GET", "/v1/me/preference", token).status_code == 404
    assert len(decode(learnt.ask("GET", "/v1/me/candidates", token).content, Candidates).stickers) == 30


@pytest.mark.parametrize("path", ["/v1/me/preference", "/v1/me/candidates"])
def test_a_device_downloads_again_only_what_changed(learnt, path):
    first, second = learnt.tokens("u1", "u61").values()
    answer = learnt.ask("GET", path, first)
    tag = answer.headers["etag"]
    assert answer.headers["cache-control"] == "private, no-cache"
    again = learnt.ask("GET", path, first, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert learnt.ask("GET", path, first, headers={"If-None-Match": '"other"'}).status_code == 200
    assert learnt.ask("GET", path, second, headers={"If-None-Match": tag}).status_code == 200  # a tag is one account's
    learnt.ask("POST", "/v1/downloads", first, json={"sticker": 103, "kind": "purchased"})
    changed = learnt.ask("GET", path, first, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


def test_erasing_leaves_nothing_of_a_person(learnt):
    (token,) = learnt.tokens("a-name-to-be-found").values()
    for sticker in (101, 105):
        learnt.ask("POST", "/v1/downloads", token, json={"sticker": sticker, "kind": "purchased"})
    before = learnt.rows()
    assert learnt.ask("DELETE", "/v1/me", token).status_code == 204
    assert learnt.ask("GET", "/v1/me", token).status_code == 401
    after = learnt.rows()
    number = next(number for number, name, _ in before["account"] if name == "a-name-to-be-found")
    assert [len(before[table]) - len(after[table]) for table in ("account", "download", "preference")] == [1, 2, 1]
    assert not any(row[0] == number for table in ("account", "download", "preference", "candidates") for row in after[table])
    files = b"".join(path.read_bytes() for path in learnt.path.parent.iterdir())
    assert b"a-name-to-be-found" not in files
    assert SECRETS.kept(token) not in files


def test_many_at_once_are_all_kept(learnt):
    tokens = list(learnt.tokens(*(f"u{person}" for person in range(24))).values())

    def download(token):
        return learnt.ask("POST", "/v1/downloads", token, json={"sticker": 139, "kind": "sponsored"}).status_code

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(download, tokens)) == {204}
    assert sum(row[1] == 139 and row[2] == 1 for row in learnt.rows()["download"]) == 24


# -- what is never said


def test_no_line_of_the_log_and_no_refusal_holds_a_token_an_account_or_a_sticker(learnt, caplog):
    caplog.set_level(logging.DEBUG)
    (token,) = learnt.tokens("a-name-to-be-found").values()
    answers = [
        learnt.ask("POST", "/v1/downloads", token, json={"sticker": 107, "kind": "purchased"}),
        learnt.ask("POST", "/v1/downloads", token, json={"sticker": 987_654, "kind": "purchased"}),
        learnt.ask("POST", "/v1/accounts", OPERATOR, json={"accounts": ["a-name-to-be-found"]}),
        learnt.ask("POST", "/v1/downloads", OPERATOR, content=HEADER + "a-name-to-be-found,987654,purchased,2027-01-15\n"),
        learnt.ask("GET", "/v1/nothing", token),
        learnt.ask("PUT", "/v1/me", token),
    ]
    assert [answer.status_code for answer in answers] == [204, 400, 409, 400, 404, 405]
    for text in [answer.text for answer in answers] + [
        str(vars(record)) for record in caplog.records if "choral" in record.name
    ]:
        assert not any(secret in text for secret in (token, "a-name-to-be-found", "987654", "107", OPERATOR))
    learnt.store.close()
    failed = learnt.ask("GET", "/v1/me", token)
    assert (failed.status_code, failed.json()["type"]) == (503, "urn:choral:problem:unavailable")
    assert "sqlite" not in failed.text.lower()


def test_every_refusal_is_one_of_the_houses_problems(learnt):
    (token,) = learnt.tokens("someone").values()
    for method, path in (("GET", "/"), ("GET", "/v1/me/nothing"), ("POST", "/v1/me/preference"), ("PATCH", "/v1/me")):
        answer = learnt.ask(method, path, token)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"].removeprefix("urn:choral:problem:") in PROBLEMS
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_file_that_is_no_store_of_the_service_is_left_alone(tmp_path):
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE mine (x)")
    with pytest.raises(StoreError, match="is not a store of the catalogue service"):
        CatalogueStore(path)
    (tmp_path / "garbage.sqlite").write_bytes(b"garbage" * 1_000)
    with pytest.raises(StoreError, match="damaged"):
        CatalogueStore(tmp_path / "garbage.sqlite")
    with pytest.raises(StoreError, match="cannot be opened"):
        CatalogueStore(tmp_path / "missing" / "catalogue.sqlite")


def test_the_store_outlives_the_process(tmp_path):
    service = Service(tmp_path)
    load(service.store, service.stock, themed_logs(60), name="logs")
    learn_once(service.store, service.stock, numbers=3)
    (token,) = service.tokens("u1").values()
    bodies = [service.ask("GET", path, token).content for path in ("/v1/me", "/v1/me/preference", "/v1/me/candidates")]
    service.store.close()
    again = Service(tmp_path)
    assert [again.ask("GET", path, token).content for path in ("/v1/me", "/v1/me/preference", "/v1/me/candidates")] == bodies
    again.store.close()


def _preference(service, token):
    answer = service.ask("GET", "/v1/me/preference", token)
    assert answer.status_code == 200
    return decode(answer.content, Preference)


def _cosine(one, other):
    return one @ other / np.linalg.norm(one) / np.linalg.norm(other)
