"""The description of the interface, made from the table of problems and from what the routes answer."""

from typing import Any

from choral import __version__
from choral.protocol import PROBLEMS, SIZE_CLASSES, disclosure_schema
from choral.protocol.coding import CODING
from choral.protocol.problems import MEDIA_TYPE, PREFIX

BINARY = "application/octet-stream"
JSON = "application/json"
HASH = {"name": "hash", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[0-9a-f]{64}$"}}
SIGNAL = {"name": "signal", "in": "path", "required": True, "schema": {"type": "string"}}
POSTED = ("malformed-message", "too-large", "bad-signature", "conflict", "not-authorized", "storage-full")
UPLOAD = (
    "malformed-message",
    "wrong-size",
    "too-large",
    "unknown-task",
    "unknown-name",
    "round-closed",
    "round-unopened",
    "task-expired",
    "token-refused",
    "token-spent",
    "storage-full",
    "overloaded",
    "unavailable",
)


def description() -> dict[str, Any]:
    """OpenAPI 3.1 of every route."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "choral server",
            "version": __version__,
            "description": "Takes sealed, locally private reports and publishes what was learnt from whole batches.",
        },
        "paths": {path: {method: operation} for path, method, operation in _operations()},
        "components": {
            "schemas": {"Problem": _problem_schema(), "Disclosure": _disclosure_schema()},
            "securitySchemes": {"operator": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        ("/v1/reports", "post", _upload()),
        (
            "/v1/checkouts/{signal}",
            "get",
            _get(f"All that a device downloads to contribute, also in content coding {CODING}", BINARY, "unknown-task", SIGNAL),
        ),
        ("/v1/openings", "get", _get(f"What all check-outs of the open rounds say, also in content coding {CODING}", BINARY)),
        ("/v1/tasks", "get", _get("All published tasks", JSON)),
        ("/v1/tasks/{hash}", "get", _get("One task", JSON, "unknown-task", HASH)),
        ("/v1/tasks/{hash}.bin", "get", _get("The task as its operator signed it", BINARY, "unknown-task", HASH)),
        ("/v1/tasks/{hash}/rounds", "get", _get("The rounds of a task, the latest first", JSON, "unknown-task", HASH)),
        ("/v1/tasks/{hash}/dp-disclosure.json", "get", _disclosed()),
        ("/v1/models/{hash}", "get", _get("A task's model, version by version", JSON, "unknown-task", HASH)),
        ("/v1/models/{hash}.csv", "get", _get("The versions of a task's model", "text/csv", "unknown-task", HASH)),
        ("/v1/releases", "get", _get("All releases, newest first", JSON)),
        ("/v1/releases/{hash}", "get", _get("One release with guarantees and items", JSON, "unknown-page", HASH)),
        ("/v1/releases/{hash}.bin", "get", _get("The release as the server signed it", BINARY, "unknown-page", HASH)),
        ("/v1/releases/{hash}.csv", "get", _get("The items of a histogram", "text/csv", "unknown-page", HASH)),
        ("/v1/operator/tasks", "post", _post("Publish a task that an operator signed", "unknown-name", "task-expired")),
        ("/v1/operator/releases", "post", _post("Publish public data that an operator signed")),
        ("/v1/operator/releases/{hash}", "get", _unpublished()),
        ("/v1/operator/rollback", "post", _rollback()),
        ("/health", "get", _get("Whether the server answers", JSON)),
        ("/openapi.json", "get", _get("This description", JSON)),
    ]


def _get(summary: str, media: str, problem: str = "", parameter: dict[str, Any] | None = None) -> dict[str, Any]:
    operation: dict[str, Any] = {"summary": summary, "responses": {"200": {"description": summary, "content": {media: {}}}}}
    operation["responses"] |= _refusals((problem, "unknown-page", "unavailable") if parameter else ("unavailable",))
    if parameter:
        operation["parameters"] = [parameter]
    return operation


def _post(summary: str, *more: str) -> dict[str, Any]:
    return {
        "summary": summary,
        "security": [{"operator": []}],
        "requestBody": {"required": True, "content": {BINARY: {}}},
        "responses": {"201": {"description": "Its hash", "content": {JSON: {}}}} | _refusals((*POSTED, *more)),
    }


def _rollback() -> dict[str, Any]:
    properties = {"task": HASH["schema"], "version": {"type": "integer", "minimum": 0}}
    schema = {"type": "object", "required": list(properties), "properties": properties}
    return {
        "summary": "Make an earlier version of a model the current one",
        "security": [{"operator": []}],
        "requestBody": {"required": True, "content": {JSON: {"schema": schema}}},
        "responses": {"200": {"description": "The version that is current now", "content": {JSON: {}}}}
        | _refusals(("malformed-message", "too-large", "unknown-task", "conflict", "not-authorized", "storage-full")),
    }


def _upload() -> dict[str, Any]:
    return {
        "summary": "Send one report; the same bytes again have no further effect",
        "requestBody": {
            "required": True,
            "description": f"One report of {', '.join(map(str, SIZE_CLASSES))} bytes, without content encoding",
            "content": {BINARY: {}},
        },
        "responses": {"204": {"description": "The report is durable"}} | _refusals(UPLOAD),
    }


def _disclosed() -> dict[str, Any]:
    operation = _get("What the task's differential privacy is, after NIST SP 800-226", JSON, "unknown-task", HASH)
    operation["responses"]["200"]["content"][JSON] = {"schema": {"$ref": "#/components/schemas/Disclosure"}}
    return operation


def _unpublished() -> dict[str, Any]:
    operation = _get("The whole estimate behind a release", BINARY, "unknown-page", HASH)
    operation["security"] = [{"operator": []}]
    operation["responses"] |= _refusals(("not-authorized",))
    return operation


def _refusals(types: tuple[str, ...]) -> dict[str, Any]:
    """Problems by status, each with the types it can have."""
    by_status: dict[str, list[str]] = {}
    for name in dict.fromkeys(name for name in types if name):
        by_status.setdefault(str(PROBLEMS[name].status), []).append(PREFIX + name)
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": ", ".join(names), "content": {MEDIA_TYPE: {"schema": schema}}}
        for status, names in sorted(by_status.items())
    }


def _disclosure_schema() -> dict[str, Any]:
    """As it is shipped, but for the names that a document of its own has."""
    return {key: value for key, value in disclosure_schema().items() if not key.startswith("$")}


def _problem_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "RFC 9457",
        "required": ["type", "title", "status", "remedy"],
        "properties": {
            "type": {"type": "string", "enum": [PREFIX + name for name in PROBLEMS]},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "remedy": {"type": "string"},
        },
    }
