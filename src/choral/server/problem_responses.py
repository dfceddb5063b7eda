"""Errors as RFC 9457 answers. Knows which error means which problem; tells nothing but the problem."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from choral.errors import ChoralError, PeerError
from choral.protocol import PROBLEMS
from choral.protocol.problems import MEDIA_TYPE
from choral.storage import StorageFull

BY_STATUS = {404: "unknown-page", 405: "wrong-method", 413: "too-large"}


def problem_of(error: ChoralError) -> PeerError:
    """The refusal that `error` is for whoever asked; a broken store says no more than that it is broken."""
    if isinstance(error, PeerError):
        return error if error.problem in PROBLEMS else PeerError("malformed-message", error.detail)
    if isinstance(error, StorageFull):
        return PeerError("storage-full", "the disk is full; nothing was kept")
    return PeerError("unavailable", "the store cannot be used now; nothing was kept")


def problem_response(error: ChoralError, headers: dict[str, str] | None = None) -> Response:
    """The problem document with its status."""
    refusal = problem_of(error)
    problem = PROBLEMS[refusal.problem]
    extra = {"Retry-After": "5"} if problem.retry else {}
    if problem.status == 401:
        extra["WWW-Authenticate"] = "Bearer"
    body = problem.document(refusal.detail)
    return Response(body, problem.status, {**(headers or {}), **extra, "Cache-Control": "no-store"}, MEDIA_TYPE)


def answer_choral_error(_: Request, error: Exception) -> Response:
    """Starlette's handler for our own errors."""
    if not isinstance(error, ChoralError):
        raise error
    return problem_response(error)


def answer_http_error(_: Request, error: Exception) -> Response:
    """Starlette's handler for its own errors: no such page, wrong method."""
    if not isinstance(error, HTTPException):
        raise error
    headers = {name.title(): value for name, value in (error.headers or {}).items()}
    return problem_response(PeerError(BY_STATUS.get(error.status_code, "malformed-message"), ""), headers)
