"""The page of a model over real servers that have trained."""

import asyncio
import html
import re

import httpx
import numpy as np
import pytest

from choral.apps.dashboard import application
from choral.apps.dashboard.quality import measured
from choral.learning.ranking import ndcg, reciprocal_rank
from choral.pages import HEADERS
from tests.apps.trained_server import SHARES, streaming_house, trained_house
from tests.server.house import House, make_task
from tests.server.training import CANARIES, GOOD_START, averaging, publish_public, train, training_task


def get(house, path):
    app = application(house.application())

    async def ask():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://dashboard.test", trust_env=False) as client:
            return await client.get(path)

    return asyncio.run(ask())


def words(response):
    """The text a reader sees."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.text)).split())


@pytest.fixture(scope="module")
def page():
    house, task = trained_house()
    return get(house, f"/models/{task.hash.hex()}")


@pytest.fixture(scope="module")
def stream_page():
    house, task = streaming_house()
    return get(house, f"/models/{task.hash.hex()}")


def test_a_model_page_says_what_is_promised_if_nobody_is_honest_before_anything_else(page):
    text = words(page)
    assert (
        text.index("Even if nobody is honest") < text.index("If the server's operator shuffles") < text.index("AUC on public")
    )


def test_each_version_is_drawn_with_its_error_and_listed_with_its_parent(page):
    house, task = trained_house()
    versions = house.store.versions(task.hash)
    chart = page.text.split('aria-labelledby="metric-title')[1].split("</svg>")[0]
    assert chart.count("<circle") == len(versions) == 7
    assert chart.count('class="dot refused') == sum(row.state == "refused" for row in versions) > 0
    assert chart.count('class="dot rolled-back') == 1
    assert chart.count("current") == 1
    assert ("Canary alarm:" in words(page)) == (versions[-1].state == "refused")
    rows = page.text.split('id="versions"')[1].split("<tbody>")[1].split("</tbody>")[0].split("<tr>")[1:]
    parents = [re.findall(r'<td class="digits">(.*?)</td>', row)[0] for row in rows]
    assert parents == [*(str(row.parent) for row in versions[:0:-1]), "the start"]
    assert "rolled back from version" in words(page)


def test_a_model_whose_latest_version_was_refused_raises_an_alarm():
    house, task = House(), training_task(averaging(canaries=CANARIES.hash, start=GOOD_START.hash, rate_micro=100_000_000))
    publish_public(house, CANARIES, GOOD_START)
    house.publish(task)
    assert "Canary alarm" not in words(get(house, f"/models/{task.hash.hex()}"))
    train(house, task, range(6))
    assert "Canary alarm: the latest version was refused: AUC of" in words(get(house, f"/models/{task.hash.hex()}"))


def test_rounds_are_shown_live_with_state_reports_goal_and_chance(page):
    text = words(page)
    assert "7 open 11 30 100 %" in text
    assert "6 abandoned below minimum 0 30 50 %" in text
    assert "0 published 30 30 50 %" in text
    assert "refused by the gate: AUC of" in text
    assert "11 of 30 reports in round 7" in text


def test_a_stream_shows_its_spread_beside_the_law_and_its_reports_a_minute(stream_page):
    text = words(stream_page)
    assert "Spread of the instances" in text
    assert "law: k·σ²/2 = " in text
    assert re.search(r"keeps k = \d+ instances", text)
    assert "round 5: 25" in text
    assert "each folded by itself as it comes" in text
    assert "A round lasts 1 minute and ends with a published version." in text


def test_a_live_model_is_watched_by_a_page_that_loads_again_only_if_asked_to():
    house, task = streaming_house()
    path = f"/models/{task.hash.hex()}"
    still, live = get(house, path).text, get(house, f"{path}?live").text
    assert "http-equiv" not in still
    assert f'href="{path}?live"' in still
    assert '<meta http-equiv="refresh" content="5">' in live
    assert f'href="{path}"' in live


@pytest.mark.parametrize("fixture", ["page", "stream_page"])
def test_model_pages_need_no_script_and_every_drawing_says_its_numbers(fixture, request):
    page = request.getfixturevalue(fixture)
    assert page.status_code == 200
    assert {name: page.headers[name] for name in HEADERS} == HEADERS
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:", page.text)
    for drawing in re.findall(r"<svg class=\"series\".*?</svg>", page.text, re.S):
        assert 'role="img"' in drawing
        assert re.search(r"<desc[^>]*>Dots with error bars", drawing)


def test_a_task_that_trains_leads_to_its_model_and_another_has_none():
    house, task = trained_house()
    link = f'href="/models/{task.hash.hex()}"'
    assert link in get(house, "/").text
    assert link in get(house, f"/tasks/{task.hash.hex()}").text
    other = House()
    other.publish(make_task())
    assert get(other, f"/models/{make_task().hash.hex()}").status_code == 404
    assert "/models/" not in get(other, "/").text


def test_the_quality_of_versions_is_told_from_private_counts_of_ranks(page):
    """Within four standard errors of the truth, which is missed with chance below 1e-4 a figure; the seed is fixed."""
    house, task = trained_house()
    versions = house.ask("GET", f"/v1/models/{task.hash.hex()}").json()["versions"]
    listed = [one for one in house.ask("GET", "/v1/releases").json() if one["signal"] == "links.rank"]
    release = house.ask("GET", f"/v1/releases/{listed[0]['hash']}").json()
    found = measured(release, versions)
    assert len(found) == 2
    truth = {version % 4: np.array(row) / sum(row) for version, row in SHARES.items()}
    ranks = np.arange(1.0, 11.0)
    for one in found:
        share = truth[one.version % 4]
        assert abs(one.ndcg - share @ ndcg(ranks)) < 4 * one.ndcg_stderr < 0.4
        assert abs(one.mrr - share @ reciprocal_rank(ranks)) < 4 * one.mrr_stderr
        assert one.choices == pytest.approx(400, abs=150)
        assert f"{one.ndcg:.2f}"[:3] in words(page)


def names(counts, stderr=10.0):
    items = [{"name": name, "estimate": value, "stderr": stderr} for name, value in counts.items()]
    return {"hash": "00", "created": 100, "items": items}


def published(*numbers):
    return [{"version": number, "state": "published", "created": number} for number in numbers]


def test_a_mean_of_ranks_is_linear_in_the_counts_with_the_error_of_a_ratio():
    release = names({"version 2 of 4, rank 1": 300.0, "version 2 of 4, rank 2": 100.0, "nothing": 50.0})
    (one,) = measured(release, published(0, 1, 2))
    second = 1 / np.log2(3)
    mean = (300 + 100 * second) / 400
    assert (one.version, one.ndcg) == (2, pytest.approx(mean))
    error = 10 * np.sqrt((1 - mean) ** 2 + (second - mean) ** 2 + mean**2) / 400
    assert one.ndcg_stderr == pytest.approx(error)
    assert one.mrr == pytest.approx((300 + 50) / 400)


def test_counts_that_are_no_ranks_or_are_lost_in_the_noise_say_nothing():
    assert measured(names({"🍙": 10.0}), published(0)) == ()
    assert measured({"hash": "00", "created": 1}, published(0)) == ()
    assert measured(names({"version 0 of 4, rank 1": 20.0}), published(0)) == ()


def test_a_rank_is_of_the_latest_version_that_its_remainder_can_mean():
    release = names({f"version {slot} of 4, rank 1": 1e4 for slot in range(4)})
    assert [one.version for one in measured(release, published(*range(7)))] == [3, 4, 5, 6]
    assert [one.version for one in measured({**release, "created": 1}, published(*range(7)))] == [0, 1]
