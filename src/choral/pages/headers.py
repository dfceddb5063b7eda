"""What a browser is told to refuse on behalf of every page.

Nothing runs, nothing is framed, nothing is fetched from elsewhere: pages are HTML and one style sheet. A page on which a
person acts (`INTERACTIVE`) may also run scripts from its own origin, ask its own origin, and send forms there; and it is
kept by nobody.
"""

from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
INTERACTIVE = {
    **HEADERS,
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",  # so that a form tells its own server where it comes from, and no one else
    "Cache-Control": "no-store",
}


def secure(app: ASGIApp, headers: Mapping[str, str] = HEADERS) -> ASGIApp:
    """The application with `headers` on every response, errors included."""

    async def secured(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers)
            await send(message)

        await app(scope, receive, send_secured)

    return secured
