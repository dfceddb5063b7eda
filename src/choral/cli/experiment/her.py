"""`choral experiment her`: the paper's Table I and Figures 1 and 2 on generated lives, and what the paper could not do."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from choral.cli.experiment.her_page import draw, page_of
from choral.cli.experiment.page import FOLDER, check_folder
from choral.cli.outputs import check_outputs, progress, write_json
from choral.errors import UsageError

SIZES = ((50, 20), (1000, 1))  # people and days: 1,000 daily logs, 24,000 hours
PER_DAY = (48, 24, 12)
EPSILONS = (1.0, 2.0, 4.0, 8.0)
LABELLED = (6, 12, 24, 60, 168)
JOINING = (50, 500, 5_000, 50_000)
CLUSTERED_SEEDS = 4
LABELLERS, LABELLER_DAYS = 10, 28
MOODED, MOMENTS, INSIGHT_DAYS = 150, 48, 60
STEPS = len(SIZES) + len(PER_DAY) + len(EPSILONS) + len(LABELLED) + len(JOINING) + 2 * CLUSTERED_SEEDS + 3


def her(
    people: Annotated[int, typer.Option(help="People of the studies beyond the paper.")] = 5_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same numbers.")] = 1,
    folder: Annotated[Path, typer.Option(help="Where the page and the figures go.")] = FOLDER,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all results here as well.")] = None,
    export: Annotated[
        Path | None, typer.Option(help="Write hours and ratings of 50 and of 1,000 people here, for other programs.")
    ] = None,
    fastai: Annotated[Path | None, typer.Option(help="What bench/her_fastai.py made of exported ratings.")] = None,
    fasterpam: Annotated[Path | None, typer.Option(help="What bench/her_fasterpam.py made of exported hours.")] = None,
) -> None:
    """The companion's filter: central, federated by sums and by averaging; people, labels, activities and privacy."""
    check_folder(folder)
    check_outputs(json_file)
    others, medoids = _read_peer(fastai, "her_fastai.py"), _read_peer(fasterpam, "her_fasterpam.py")
    started = time.perf_counter()
    document: dict[str, Any] = {"seed": seed, "mood_scale": "0 to 1 in steps of 0.01", "sizes": {}}
    with progress(STEPS, "studies") as done:
        for count, days in SIZES:
            size = document["sizes"][str(count)] = _size(count, days, seed, export, others.get(str(count), {}))
            size["clusters"].update({f"fasterpam_{name}": one for name, one in medoids.get(str(count), {}).items()})
            done(1)
        document["intervals"] = [_interval(per_day, seed, done) for per_day in PER_DAY]
        document["privacy"] = [_study(people, 12, epsilon, seed, done) for epsilon in EPSILONS]
        document["labels"] = [_study(people, hours, 4.0, seed, done) for hours in LABELLED]
        document["joining"] = [_study(count, 12, 4.0, seed, done) for count in JOINING]
        document["new_activities"] = _new_clusters(seed)
        done(1)
        document["federated_clusters"] = _federated_clusters(seed, done)
        document["labelling"] = _labelling(seed)
        done(1)
        document["moods"] = _moods(seed)
        done(1)
    document.update(document["sizes"][str(SIZES[0][0])]["models"])  # the paper's own size stands at the top
    document["noise_floor"] = document["sizes"][str(SIZES[0][0])]["noise_floor"]
    document["total_seconds"] = round(time.perf_counter() - started, 1)
    write_json(folder / "her.json", document)
    write_json(json_file, document)
    first = document["sizes"][str(SIZES[0][0])]["models"]
    draw(folder / "her-central.png", {name: first[name] for name in ("fastai", "central") if name in first})
    federated = ("federated", "averaging, rising rate", "averaging, constant rate")
    draw(folder / "her-federated.png", {name: first[name] for name in federated})
    (folder / "her.md").write_text(page_of(document), encoding="utf-8")
    print(f"wrote {folder / 'her.md'}, her.json, her-central.png and her-federated.png")


def _size(people: int, days: int, seed: int, export: Path | None, fastai: Mapping[str, Any]) -> dict[str, Any]:
    """Every model on lives of so many people."""
    import numpy as np

    from choral.apps.companion.device.fragments import Fragments
    from choral.apps.companion.study.generator import Generator
    from choral.apps.companion.study.her import curves, data_of, own_mean

    data = data_of(people, days, seed)
    if export is not None:
        export.mkdir(parents=True, exist_ok=True)
        to, hours = export / f"her_{people}.npz", Generator(seed, Fragments()).lives(people, days).rows
        np.savez(to, hours=hours, person=data.person, item=data.cluster, mood=data.mood, validates=data.validates)
    found = {name: curve.document() for name, curve in curves(data, seed).items()}
    found["own mean"] = own_mean(data).document()
    return {
        "people": people,
        "days": days,
        "noise_floor": data.noise_floor,
        "clusters": {
            "k_medoids_mean_distance": data.mean_distance,
            "k_modes_mean_distance": data.modes_distance,
            "seconds": data.cluster_seconds,
        },
        "models": {**({"fastai": dict(fastai)} if fastai else {}), **found},
    }


def _interval(per_day: int, seed: int, done: Any) -> dict[str, Any]:
    """The filter on fragments of another length."""
    from choral.apps.companion.device.fragments import Fragments
    from choral.apps.companion.study.her import curves, data_of

    data = data_of(*SIZES[0], seed, Fragments(per_day))
    found = curves(data, seed)["federated"]
    done(1)
    return {
        "minutes": Fragments(per_day).minutes,
        "validation_mse": found.validation[-1],
        "noise_floor": data.noise_floor,
        "mean_distance": data.mean_distance,
    }


def _study(people: int, hours: int, epsilon: float, seed: int, done: Any) -> dict[str, Any]:
    from choral.apps.companion.study.study import Study, run

    found = run(Study(people, hours, epsilon, seed))
    done(1)
    return {
        "people": people,
        "hours": hours,
        "epsilon": found.epsilon,
        "delta": found.delta,
        "rank": found.rank,
        "better": list(found.better),
        "ranking_within_person": found.ranking,
        **{f"mse_{name}": value for name, value in found.mse.items()},
    }


def _new_clusters(seed: int) -> list[dict[str, Any]]:
    """The error as more and more of the activities have become known, over all hours."""
    from choral.apps.companion.study.her import joining

    return joining(*SIZES[0], seed)


def _federated_clusters(seed: int, done: Any) -> dict[str, Any]:
    """By the people that the public catalogue was learnt from: every way to move its centres, and when that is worth it."""
    from choral.apps.companion.study.trials_clusters import WAYS, cluster_trials, worth_it

    return {
        name: {
            "catalogue_distance": distance,
            "trials": [{**asdict(trial), "better": trial.better} for trial in trials],
            "worth_it_from": {way: worth_it(trials, way) for way in WAYS},
        }
        for name, (distance, trials) in cluster_trials(seed, seeds=CLUSTERED_SEEDS, done=done).items()
    }


def _labelling(seed: int) -> dict[str, Any]:
    from choral.apps.companion.study.trials_labelling import labelling_accuracy

    return {"people": LABELLERS, "days": LABELLER_DAYS, "shares": labelling_accuracy(seed, LABELLERS, LABELLER_DAYS)}


def _moods(seed: int) -> dict[str, Any]:
    """Planted causes, planted uplift, and nothing planted at all."""
    from choral.apps.companion.study.trials_moods import cause_precision, insight_alarms, uplift_coverage

    return {
        "people": MOODED,
        "causes": cause_precision(seed, MOODED),
        "uplift": uplift_coverage(seed, 4 * MOODED, MOMENTS),
        "insights": insight_alarms(seed, MOODED, INSIGHT_DAYS),
    }


def _read_peer(path: Path | None, maker: str) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read ({error}); make it with bench/{maker}") from None
    return found
