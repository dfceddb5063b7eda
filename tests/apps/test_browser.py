"""The browser's list of domains, its events, its signals and its task files."""

import csv
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from choral.apps.browser import Sites, auto_play, heavy_energy, heavy_memory, intents, play_release, signals, sites
from choral.apps.browser.events import MEMORY, domain_examples, play_examples
from choral.apps.browser.play import play_names
from choral.apps.browser.population import shares
from choral.apps.browser.sites import dictionary
from choral.errors import ConsentMissing, UsageError
from choral.learning import Count
from choral.mechanisms import ProjectiveGeometryResponse
from choral.privacy import micro
from choral.protocol import Release, Spec
from tests.device.setting import NOW as DEVICE_NOW
from tests.device.setting import READY, Desk, agent, agreed, task

NOW = datetime(2026, 1, 5, tzinfo=UTC)
SECRET = "https://me:pass@Mail.Google.COM.:8443/mail/u/0/?q=diagnosis#inbox"


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        (SECRET, "google.com"),
        ("google.com", "google.com"),
        ("WWW.Ebay.co.uk", "ebay.co.uk"),
        ("https://notgoogle.com/", "other"),
        ("https://google.com.evil.example/", "other"),
        ("https://evil.example/google.com", "other"),
        ("co.uk", "other"),
        ("http://192.168.0.1/google.com", "other"),
        ("http://[::1]/", "other"),
        ("http://[bad/", "other"),
        ("https://other/", "other"),
        ("https://nothing/", "other"),
        ("file:///home/me/google.com", "other"),
        ("", "other"),
    ],
)
def test_an_address_becomes_a_listed_domain_or_other(address, domain):
    assert sites().domain(address) == domain


@pytest.mark.parametrize("event", [heavy_memory(SECRET, NOW), heavy_energy(SECRET, NOW), auto_play(SECRET, NOW, wanted=True)])
def test_no_event_holds_more_of_an_address_than_a_listed_domain(event):
    assert set(event.data.values()) <= {"google.com", "plays"}


def test_the_list_has_each_domain_once_and_its_release_never_changes():
    names = sites().names
    assert len(names) == len(set(names)) == 1254
    assert names[-2:] == ("other", "nothing")
    assert sites().release().hash.hex() == "84095c1418a8dc9b93cf08c148cae8a6e1e5937627b999425384895d3c8f8a0b"
    assert play_release(sites()).hash.hex() == "2b65aba9cddb45895b12408e9c86ec9ce7e08acf29be4e856bb0dde5006a61a7"
    assert Sites.of(sites().release()) == sites()


def test_another_list_can_be_given_as_a_release():
    known = Sites.of(dictionary(("example.org", "other", "nothing")))
    event = heavy_memory("https://www.example.org/page", NOW, known)
    assert domain_examples(known, [event])["category"].tolist() == [0]
    assert signals(known)[0].dictionary == known.release().hash != signals()[0].dictionary


@pytest.mark.parametrize("names", [("a.org",), ("a.org", "nothing", "other"), ("a.org", "a.org", "other", "nothing")])
def test_a_release_that_is_no_list_of_domains_is_refused(names):
    with pytest.raises(UsageError, match="no list of domains"):
        Sites.of(dictionary(names))


def test_each_event_is_one_category_and_none_is_nothing():
    events = [heavy_energy("https://google.com", NOW), heavy_energy("https://unlisted.example", NOW)]
    assert domain_examples(sites(), events)["category"].tolist() == [sites().names.index("google.com"), 1252]
    assert domain_examples(sites(), [])["category"].tolist() == [1253]
    plays = [auto_play("youtube.com", NOW, wanted=wish) for wish in (True, False)]
    assert [play_names(sites())[one] for one in play_examples(sites(), plays)["category"]] == [
        "youtube.com plays",
        "youtube.com stays",
    ]
    assert play_names(sites())[play_examples(sites(), [])["category"][0]] == "nothing"


def test_intents_pair_the_two_wishes_of_a_domain():
    names = play_names(sites())
    items = [names.index(name) for name in ("youtube.com plays", "nothing", "youtube.com stays", "spiegel.de stays")]
    arrays = {"item": np.array(items), "estimate": np.array([900.0, 800, 300, 200]), "stderr": np.full(4, 20.0)}
    first, second = intents(Release(bytes(32), 0, "histogram", 2200, 0, (), arrays), sites())
    assert (first.domain, first.plays, first.stays, first.surely_plays) == ("youtube.com", 900, 300, True)
    assert (second.domain, second.plays, second.surely_plays) == ("spiegel.de", 0, False)


def heavy_task(signal):
    """A question about heavy sites for the desk of the device's tests."""
    mechanism = ProjectiveGeometryResponse.for_epsilon(4.0, len(sites().names))
    return task(
        signal,
        mechanism=Spec.of(mechanism),
        algorithm=Spec.of(Count(dictionary=sites().release().hash)),
        price_micro=micro(mechanism.epsilon),
        delay_seconds=0,
        dictionary="browser.domains",
    )


def test_memory_and_energy_are_agreed_to_apart():
    desk = Desk(heavy_task("browser.memory"), heavy_task("browser.energy"))
    one = agent(desk, *signals())
    one.refresh(DEVICE_NOW)
    (memory,) = [offer for offer in one.offers() if offer.terms.signal == MEMORY]
    one.agree(memory.terms_hash, DEVICE_NOW)
    assert one.record(heavy_memory(SECRET, DEVICE_NOW), DEVICE_NOW) == 1
    with pytest.raises(ConsentMissing):
        one.record(heavy_energy(SECRET, DEVICE_NOW), DEVICE_NOW)


def test_reports_about_memory_and_energy_have_nothing_in_common_but_the_protocol():
    desk = Desk(heavy_task("browser.memory"), heavy_task("browser.energy"))
    one = agreed(desk, *signals())
    for event in (heavy_memory(SECRET, DEVICE_NOW), heavy_energy(SECRET, DEVICE_NOW)):
        one.record(event, DEVICE_NOW)
    one.tick(DEVICE_NOW, READY)
    first, second = desk.received
    assert len(first) == len(second)
    assert first[2:34] != second[2:34]
    assert not {first[38 + place : 46 + place] for place in range(200)} & {second[38 + p : 46 + p] for p in range(200)}
    assert b"google" not in first + second


def test_the_device_half_imports_neither_server_nor_simulation():
    program = (
        "import sys, choral.apps.browser, choral.apps.health\n"
        "rooms = {name.split('.')[1] for name in sys.modules if name.startswith('choral.')}\n"
        "assert not rooms & {'server', 'simulation', 'pages', 'cli'}, rooms\n"
        "assert not {'jax', 'numba', 'scipy', 'starlette', 'pyarrow'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_shares_are_those_of_the_listed_domains():
    assert shares().shape == (1252,)
    assert abs(shares().sum() - 1) < 1e-12
    assert (np.diff(shares()) <= 0).all()


@pytest.mark.skipif("CHORAL_DATA_DIR" not in os.environ, reason="set CHORAL_DATA_DIR to the folder of the source data")
def test_the_shipped_list_follows_from_its_source():
    with (Path(os.environ["CHORAL_DATA_DIR"]) / "words" / "domains_whotracksme_popularity.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    adult = {row["site"] for row in rows if row["category"].strip() == "Adult"}
    sums = dict.fromkeys((row["site"] for row in rows if row["site"] not in adult), 0.0)
    for row in rows:
        if row["site"] in sums:
            sums[row["site"]] += float(row["popularity"])
    total = sum(sums.values())
    assert set(sums) == set(sites().names[:-2])
    assert [sums[name] / total for name in sites().names[:-2]] == pytest.approx(shares().tolist(), rel=1e-4)
