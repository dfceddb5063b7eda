import asyncio
import html
import re

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from choral.apps.dashboard import application
from choral.pages import HEADERS
from tests.apps.public_documents import (
    COSTLY,
    DICTIONARY,
    MINIMUM,
    RELEASE,
    REPORTS,
    TASK,
    documents_server,
    guarantees,
    public_data,
    released,
    task,
)

RELEASED = released()
PUBLIC = {**public_data(), "guarantees": [], "arrays": {}}


def get(path, api=None, method="GET"):
    app = application(api or documents_server([task()], [RELEASED, PUBLIC]))

    async def ask():
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://dashboard.test", trust_env=False) as client:
            return await client.request(method, path)

    return asyncio.run(ask())


def words(response):
    """The text a reader sees."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.text)).split())


def test_the_index_names_every_task_and_every_release_with_its_price():
    page = get("/")
    assert page.status_code == 200
    for link in (f"/tasks/{TASK}", f"/releases/{RELEASE}", f"/releases/{DICTIONARY}"):
        assert f'href="{link}"' in page.text
    text = words(page)
    assert "collecting keyboard.emoji.ja" in text
    assert "ε ≤ 4 a report ε ≤ 4 a day ε ≤ 112 for life" in text
    assert "1,234 of 14,000 reports in round 3" in text
    assert "ends 15 January 2028" in text
    assert "14,000 reports, ε ≤ 4 each" in text


def test_an_empty_server_says_that_nothing_is_asked():
    text = words(get("/", documents_server()))
    assert "no device is asked for anything" in text
    assert "Nothing has been released yet" in text


def test_a_task_page_says_what_helps_to_decide():
    text = words(get(f"/tasks/{TASK}"))
    for said in (
        "Even if nobody is honest",
        "If the server's operator shuffles honestly and does not look at single reports",
        "no amplification",
        "One day of emoji on one device.",
        "At most 1 report a day and 28 for life",
        "One of three sizes",
        "A round lasts 7 days.",
        "fewer than 2,000 reports is erased",
        "after 21 days at the latest",
        "15,234 reports over all rounds",
        "A. Reviewer",
        "count-mean-sketch/1",
        "Round 2 , released",
    ):
        assert said in text


def test_sizes_rounds_and_silence_are_said_where_the_server_tells_them():
    ended = {"round": 0, "state": "erased", "reports": 31, "why": "below minimum"}
    still = {"round": 1, "state": "open", "reports": 310, "why": ""}
    more = {"report_bytes": 256, "payload_bytes": 132, "delay_seconds": 21_600, "sending_is_visible": True}
    api = documents_server([task(COSTLY, guarantees=guarantees(100, 8), rounds=[ended, still], **more)])
    text = words(get(f"/tasks/{COSTLY}", api))
    assert "256 bytes, always: 132 bytes of answer" in text
    assert "within 6 hours" in text
    assert "that it sent something can be seen" in text
    assert "Round 0 , erased: below minimum 31 reports" in text
    assert "So far 1 round ended so." in text
    assert "one device with up to 8 reports in the batch" in text


def test_every_estimate_stands_with_its_error_and_its_consistent_value():
    page = get(f"/releases/{RELEASE}")
    text = words(page)
    assert "14,000 reports of round 2" in text
    assert "Only counts above 3 standard errors are released" in text
    rows = re.findall(
        r"<tr>\n<td class=\"digits\">(\d+)</td>.*?<td class=\"digits\">(.*?)</td>\n<td class=\"digits\">(.*?)</td>",
        page.text,
        re.S,
    )
    assert [int(rank) for rank, _, _ in rows] == list(range(1, len(RELEASED["items"]) + 1))
    for (_, shown, consistent), item in zip(rows, RELEASED["items"], strict=True):
        estimate, error = (float(part.replace(",", "")) for part in shown.split(" ± "))
        assert estimate == pytest.approx(item["estimate"], abs=0.06 * item["stderr"])
        assert error == pytest.approx(item["stderr"], rel=0.06)
        assert float(consistent.replace(",", "")) == pytest.approx(item["norm_sub"], abs=0.06 * item["stderr"])


def test_a_release_page_shows_its_guarantees_and_its_downloads():
    page = get(f"/releases/{RELEASE}")
    assert "Even if nobody is honest" in page.text
    for link in (f"/v1/releases/{RELEASE}.csv", f"/v1/releases/{RELEASE}", f"/v1/releases/{RELEASE}.bin", f"/tasks/{TASK}"):
        assert f'href="{link}"' in page.text


def test_nothing_to_tell_is_in_the_table_and_not_in_the_chart():
    page = get(f"/releases/{RELEASE}")
    chart, table = page.text.split("<svg")[1].split("</svg>")[0], page.text.split("<table>")[1]
    assert "nothing" not in chart
    assert "<i>nothing</i>: nothing listed here to tell" in table
    assert chart.count('class="bar"') == 20


def test_public_data_says_that_no_person_is_in_it():
    assert "No person is in these data" in get(f"/releases/{DICTIONARY}", documents_server([], [PUBLIC])).text


def test_a_release_whose_task_is_forgotten_can_still_be_read():
    page = get(f"/releases/{RELEASE}", documents_server([], [RELEASED]))
    assert page.status_code == 200
    assert "Release of round 2" in page.text


def test_numbers_are_names_enough_where_there_is_no_dictionary():
    items = [{"rank": 1, "item": 7, "name": "", "estimate": 90.0, "stderr": 9.0, "norm_sub": 80.0}]
    page = get(f"/releases/{RELEASE}", documents_server([], [{**RELEASED, "items": items}]))
    assert "7 90.0 ± 9.0" in words(page)


def test_what_a_server_sends_is_escaped():
    api = documents_server([task(purpose="<script>alert(1)</script>", reviewer='"><img src=x>')])
    for path in ("/", f"/tasks/{TASK}"):
        text = get(path, api).text
        assert "<script" not in text
        assert "<img src=x" not in text


@pytest.mark.parametrize("path", ["/", f"/tasks/{TASK}", f"/releases/{RELEASE}", "/nowhere"])
def test_pages_need_no_script_no_inline_style_and_nothing_from_elsewhere(path):
    page = get(path)
    assert {name: page.headers[name] for name in HEADERS} == HEADERS
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:", page.text)
    assert not re.search(r"(?:src|href)=\"(?!/|#)", page.text)


@pytest.mark.parametrize("path", ["/nowhere", f"/tasks/{COSTLY}", f"/releases/{'0' * 64}", "/tasks/%2e%2e", "/releases/XYZ"])
def test_what_is_not_there_gets_a_page_that_says_so(path):
    page = get(path)
    assert page.status_code == 404
    assert "There is nothing here" in page.text
    assert 'href="/"' in page.text


def test_pages_can_only_be_read():
    assert get("/", method="POST").status_code == 405


def test_our_own_mistake_gets_a_page_without_its_details():
    async def broken(request):
        raise RuntimeError("secret detail")

    page = get("/", Starlette(routes=[Route("/v1/tasks", broken)]))
    assert page.status_code == 500
    assert "Something broke here" in page.text
    assert "secret" not in page.text
    assert page.headers["Content-Security-Policy"] == HEADERS["Content-Security-Policy"]


def test_a_server_that_cannot_answer_now_is_said_with_its_status():
    async def busy(request):
        return JSONResponse({"title": "busy", "detail": "too much to do"}, 503)

    page = get("/", Starlette(routes=[Route("/v1/tasks", busy)]))
    assert page.status_code == 503
    assert "too much to do" in page.text


def test_it_asks_the_api_without_any_credential():
    asked = []

    async def tasks(request):
        asked.append((request.url.path, set(request.headers)))
        return JSONResponse([])

    get("/", Starlette(routes=[Route("/v1/tasks", tasks), Route("/v1/releases", tasks)]))
    assert [path for path, _ in asked] == ["/v1/tasks", "/v1/releases"]
    assert not any({"authorization", "cookie"} & headers for _, headers in asked)


def test_the_interface_of_the_server_is_served_beside_the_pages():
    response = get(f"/v1/tasks/{TASK}")
    assert response.json() == task()
    assert get("/health", Starlette(routes=[Route("/health", lambda request: JSONResponse({}))])).status_code == 200


def test_the_release_was_made_by_the_mechanism_it_names():
    assert REPORTS >= MINIMUM
    assert RELEASED["items"][0]["estimate"] > RELEASED["items"][0]["stderr"] * 3
