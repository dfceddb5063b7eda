import asyncio
import re
from importlib.resources import files

import httpx
import pytest
from jinja2 import UndefinedError
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from choral.pages import HEADERS, environment, page, secure, static_files


async def fine(request):
    return PlainTextResponse("fine")


async def broken(request):
    raise RuntimeError("broken")


APP = secure(Starlette(routes=[Route("/", fine), Route("/broken", broken), Mount("/static", static_files())]))


def get(path):
    async def ask():
        transport = httpx.ASGITransport(APP, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://pages.test", trust_env=False) as client:
            return await client.get(path)

    return asyncio.run(ask())


@pytest.mark.parametrize(("path", "status"), [("/", 200), ("/broken", 500), ("/missing", 404), ("/static/choral.css", 200)])
def test_every_response_carries_the_headers(path, status):
    response = get(path)
    assert response.status_code == status
    assert {name: response.headers[name] for name in HEADERS} == HEADERS


def test_the_policy_lets_nothing_run_and_nobody_frame():
    policy = HEADERS["Content-Security-Policy"].split("; ")
    assert "default-src 'none'" in policy
    assert "style-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert not any("unsafe" in rule or "script-src" in rule for rule in policy)


def test_what_a_template_is_given_is_escaped():
    content = {"title": "<script>", "detail": "", "remedy": "", "code": 404}
    body = page(environment("choral.pages"), "error.html", status=404, **content).body.decode()
    assert "&lt;script&gt;" in body
    assert "<script" not in body


def test_a_name_that_is_missing_is_an_error_and_no_blank():
    with pytest.raises(UndefinedError):
        page(environment("choral.pages"), "error.html")


def test_the_style_sheet_fetches_nothing_and_knows_light_and_dark():
    css = (files("choral.pages") / "static" / "choral.css").read_text()
    assert "url(" not in css
    assert "@import" not in css
    assert "prefers-color-scheme: dark" in css


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_paper(scheme):
    css = (files("choral.pages") / "static" / "choral.css").read_text()
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", css.split("@media")[1 if scheme == "dark" else 0]))
    for ink in ("ink", "quiet", "link"):
        for paper in ("paper", "card"):
            assert contrast(colours[ink], colours[paper]) >= 4.5
    assert contrast(colours["live"], colours["live-paper"]) >= 4.5
    assert contrast(colours["bar"], colours["card"]) >= 3
    assert contrast(colours["whisker"], colours["bar"]) >= 3


def contrast(one, other):
    """The contrast ratio of the Web Content Accessibility Guidelines 2.2."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour):
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
