"""A small real server of fixed JSON documents, in the shape of the public API; its release is made by the real mechanism."""

import csv
from pathlib import Path

import numpy as np
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import choral
from choral.learning import Count
from choral.mechanisms import CountMeanSketch, empty_state
from choral.numerics import SeededEntropy
from choral.protocol.problems import MEDIA_TYPE, PROBLEMS

REPORTS = 14_000
MINIMUM = 2_000
TASK, RELEASE, DICTIONARY, COSTLY = "1a" * 32, "2b" * 32, "3c" * 32, "4d" * 32
SHARES = Path(choral.__file__).parent / "apps" / "keyboard" / "data" / "shares.csv"
with SHARES.open(encoding="utf-8", newline="") as lines:
    JAPANESE = [(row["emoji"], float(row["share"])) for row in csv.DictReader(lines) if row["locale"] == "ja"]
NAMES = [emoji for emoji, _ in JAPANESE] + ["nothing"]
MECHANISM = CountMeanSketch.for_epsilon(4.0, len(NAMES), seed=bytes(32), width=256, rows=1_024)
ALGORITHM = Count(threshold_milli=3_000)
FIELDS = ("epsilon", "delta", "unit", "relation", "trust", "assumption", "sentence")


def guarantees(minimum=MINIMUM, reports_per_device=1):
    promised = MECHANISM.guarantees(minimum, reports_per_device)
    return [{name: getattr(one, name) for name in FIELDS} for one in promised]


def items():
    """A histogram released by production code from REPORTS randomized answers."""
    chances = np.array([*(share for _, share in JAPANESE), 0.05])
    chances /= chances.sum()
    truth = np.repeat(np.arange(len(NAMES)), np.round(chances * REPORTS).astype(int))
    payloads = MECHANISM.randomize(truth, SeededEntropy(3))
    estimate = MECHANISM.estimate(MECHANISM.accumulate(empty_state(MECHANISM), payloads), len(truth))
    arrays = ALGORITHM.publish(ALGORITHM.fold({}, estimate, SeededEntropy(4)))
    columns = {name: arrays[name].tolist() for name in ("item", "estimate", "stderr", "norm_sub")}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return [{"rank": rank, **row, "name": NAMES[row["item"]]} for rank, row in enumerate(rows, 1)]


def task(hash_=TASK, **changes):
    return {
        "hash": hash_,
        "purpose": "See which emoji are typed on Japanese keyboards, so that suggestions suit the language.",
        "signal": "keyboard.emoji.ja",
        "unit": "one day of emoji on one device",
        "trust": "nobody",
        "epsilon": 4.0,
        "mechanism": {
            "name": MECHANISM.NAME,
            "parameters": {"domain": len(NAMES), "width": 256, "rows": 1024, "flip": MECHANISM.flip, "seed": "00" * 32},
        },
        "algorithm": {"name": ALGORITHM.NAME, "parameters": {"threshold_milli": 3000, "dictionary": DICTIONARY}},
        "guarantees": guarantees(),
        "rule": {"minimum": MINIMUM, "goal": REPORTS, "rounds_open": 2, "round_seconds": 604_800, "advance": "time"},
        "start": 1_800_000_000,
        "expires": 1_831_536_000,
        "reviewer": "A. Reviewer",
        "retention_days": 21,
        "minimum": MINIMUM,
        "reports_per_day": 1,
        "reports_for_life": 28,
        "state": "live",
        "round": 3,
        "reports": 1_234,
        "accepted_total": 15_234,
        **changes,
    }


def release(hash_=RELEASE, **changes):
    listed = {"hash": hash_, "task": TASK, "signal": "keyboard.emoji.ja", "round": 2, "kind": "histogram"}
    return {**listed, "reports": REPORTS, "created": 1_801_900_000, **changes}


def released(**changes):
    return {**release(), "guarantees": guarantees(), "items": items(), **changes}


def public_data():
    return release(DICTIONARY, task="00" * 32, signal="", round=0, kind="dictionary", reports=0, created=0)


def documents_server(tasks=(), releases=()):
    """Answers /v1/tasks and /v1/releases from the given documents, with problem documents for what is not there."""
    tasks, releases = {one["hash"]: one for one in tasks}, {one["hash"]: one for one in releases}

    async def listed_tasks(request):
        return JSONResponse(list(tasks.values()))

    async def listed_releases(request):
        short = ("hash", "task", "signal", "round", "kind", "reports", "created")
        return JSONResponse([{name: one[name] for name in short} for one in releases.values()])

    async def one_task(request):
        return _found(tasks, request)

    async def one_release(request):
        return _found(releases, request)

    return Starlette(
        routes=[
            Route("/v1/tasks", listed_tasks),
            Route("/v1/tasks/{hash}", one_task),
            Route("/v1/releases", listed_releases),
            Route("/v1/releases/{hash}", one_release),
        ]
    )


def _found(documents, request):
    document = documents.get(request.path_params["hash"])
    if document is None:
        return Response(PROBLEMS["unknown-page"].document("no document has this hash"), 404, media_type=MEDIA_TYPE)
    return JSONResponse(document)
