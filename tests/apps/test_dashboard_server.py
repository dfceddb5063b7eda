"""The dashboard over the real server: what everyone may know, and no more."""

import asyncio
import csv
import io
import re

import httpx
import pytest

from choral.apps.dashboard import application
from tests.apps.real_server import NAMES, REPORTS, finished_server


def get(path, **headers):
    app = application(finished_server()[0])

    async def ask():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://dashboard.test", trust_env=False) as client:
            return await client.get(path, headers=headers)

    return asyncio.run(ask())


@pytest.fixture(scope="module")
def release():
    return finished_server()[1]


def test_the_release_page_shows_what_was_released_and_nothing_else(release):
    page = get(f"/releases/{release.hash.hex()}")
    table = page.text.split("<tbody>")[1]
    labels = re.findall(r'<th scope="row"[^>]*>(?:<i>)?([^<]+)', table)
    assert labels == [NAMES[item] for item in release.arrays["item"]]
    assert f"<strong>{REPORTS:,}</strong> reports of round 0" in page.text


def test_the_links_to_download_lead_somewhere(release):
    links = re.findall(r'href="(/v1/[^"]+)"', get(f"/releases/{release.hash.hex()}").text)
    assert [get(link).status_code for link in links] == [200, 200, 200]
    rows = list(csv.DictReader(io.StringIO(get(links[0]).text)))
    assert [row["name"] for row in rows] == [NAMES[item] for item in release.arrays["item"]]


def test_the_index_and_the_task_page_know_both_rounds(release):
    text = get(f"/tasks/{release.task.hex()}").text
    assert f'href="/releases/{release.hash.hex()}"><strong>Round 0</strong>, released' in text
    assert "<strong>Round 1</strong>, takes reports" in text
    assert f'href="/tasks/{release.task.hex()}"' in get("/").text
    assert "<strong>50</strong> of 6,000 reports in round 1" in get("/").text


def test_public_data_has_a_page():
    (link,) = re.findall(r'href="(/releases/[0-9a-f]{64})">dictionary', get("/").text)
    page = get(link)
    assert "No person is in these data" in page.text
    assert ".csv" not in page.text


def test_what_only_an_operator_may_read_is_not_shown_to_a_reader(release):
    assert get(f"/v1/operator/releases/{release.hash.hex()}").status_code == 401


@pytest.mark.parametrize("path", [f"/tasks/{'0' * 64}", f"/releases/{'0' * 64}"])
def test_an_unknown_hash_is_not_found(path):
    page = get(path)
    assert page.status_code == 404
    assert "There is nothing here" in page.text
