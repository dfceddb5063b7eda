"""`choral experiment her`: the paper's Table I and Figures 1 and 2 on generated lives, and what the paper could not do."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from choral.cli.experiment.page import FOLDER, check_folder, page, save_figure, table
from choral.cli.outputs import check_outputs, progress, write_json
from choral.errors import UsageError

SIZES = ((50, 20), (1000, 1))  # people and days: 1,000 daily logs, 24,000 hours
PAPER = (("fastai, in the paper", 0.0469, 0.0534, 2.0), ("PySyft, in the paper", 0.0528, 0.0652, 26.2))
PER_DAY = (48, 24, 12)
EPSILONS = (1.0, 2.0, 4.0, 8.0)
LABELLED = (6, 12, 24, 60, 168)
JOINING = (50, 500, 5_000)
Curves = Mapping[str, Mapping[str, Any]]


def her(
    people: Annotated[int, typer.Option(help="People of the studies beyond the paper.")] = 5_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same numbers.")] = 1,
    folder: Annotated[Path, typer.Option(help="Where the page and the figures go.")] = FOLDER,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all results here as well.")] = None,
    export: Annotated[
        Path | None, typer.Option(help="Write the ratings of 50 and of 1,000 people here, for other programs.")
    ] = None,
    fastai: Annotated[Path | None, typer.Option(help="What bench/her_fastai.py made of exported ratings.")] = None,
) -> None:
    """The companion's filter: central, federated by sums and by averaging; people, labels, activities and privacy."""
    check_folder(folder)
    check_outputs(json_file)
    others = _read_fastai(fastai)
    started = time.perf_counter()
    document: dict[str, Any] = {"seed": seed, "mood_scale": "0 to 1 in steps of 0.01", "sizes": {}}
    with progress(len(SIZES) + len(PER_DAY) + len(EPSILONS) + len(LABELLED) + len(JOINING) + 1, "studies") as done:
        for count, days in SIZES:
            document["sizes"][str(count)] = _size(count, days, seed, export, others.get(str(count), {}))
            done(1)
        document["intervals"] = [_interval(per_day, seed, done) for per_day in PER_DAY]
        document["privacy"] = [_study(people, 12, epsilon, seed, done) for epsilon in EPSILONS]
        document["labels"] = [_study(people, hours, 4.0, seed, done) for hours in LABELLED]
        document["joining"] = [_study(count, 12, 4.0, seed, done) for count in JOINING]
        document["new_activities"] = _new_clusters(seed)
        done(1)
    document.update(document["sizes"][str(SIZES[0][0])]["models"])  # the paper's own size stands at the top
    document["noise_floor"] = document["sizes"][str(SIZES[0][0])]["noise_floor"]
    document["total_seconds"] = round(time.perf_counter() - started, 1)
    write_json(folder / "her.json", document)
    write_json(json_file, document)
    first = document["sizes"][str(SIZES[0][0])]["models"]
    _draw(folder / "her-central.png", {name: first[name] for name in ("fastai", "central") if name in first})
    federated = ("federated", "averaging, rising rate", "averaging, constant rate")
    _draw(folder / "her-federated.png", {name: first[name] for name in federated})
    (folder / "her.md").write_text(_page(document, document["total_seconds"]), encoding="utf-8")
    print(f"wrote {folder / 'her.md'}, her.json, her-central.png and her-federated.png")


def _size(people: int, days: int, seed: int, export: Path | None, fastai: Mapping[str, Any]) -> dict[str, Any]:
    """Every model on lives of so many people."""
    import numpy as np

    from choral.apps.companion.her import curves, data_of, own_mean

    data = data_of(people, days, seed)
    if export is not None:
        export.mkdir(parents=True, exist_ok=True)
        np.savez(export / f"her_{people}.npz", person=data.person, item=data.cluster, mood=data.mood, validates=data.validates)
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
    from choral.apps.companion.fragments import Fragments
    from choral.apps.companion.her import curves, data_of

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
    from choral.apps.companion.study import Study, run

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
    from choral.apps.companion.her import joining

    return joining(*SIZES[0], seed)


def _read_fastai(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read ({error}); make it with bench/her_fastai.py") from None
    return found


def _page(document: dict[str, Any], seconds: float) -> str:
    sizes = document["sizes"].values()
    first = next(iter(sizes))
    return page(
        "Towards 'Her': a day in hours, and what others' days teach",
        "E. Lyness's paper compares a central collaborative filter (fastai) with a federated one (PySyft) on 1,000 generated "
        "daily logs: 24,000 hours, clustered, 80/20, 50 epochs. Neither its logs nor its mood scale are published, so its "
        "errors cannot be compared with ours; its times and its gap between central and federated can. Here lives are "
        "generated from profiles over our own activity labels; **a mood lies between 0 and 1, in steps of 0.01**. Nothing in "
        f"this page is anybody's data. Seed {document['seed']}.",
        "## Table I",
        *(_models(size) for size in sizes),
        table(
            ["as published", "training MSE", "validation MSE", "s an epoch"],
            [[name, f"{train:.4f}", f"{validation:.4f}", f"{epoch:g}"] for name, train, validation, epoch in PAPER],
        ),
        "fastai runs in an environment of its own (`bench/her_fastai.py`); its seconds were measured apart, on this machine "
        "while other programs used it, and a quiet one is faster. Its errors do not depend on that.",
        _equality(first),
        "## Figures 1 and 2",
        "![Errors of the central models after each epoch](her-central.png)",
        "![Errors of the federated models after each epoch](her-federated.png)",
        "Sums need no learning rate: an epoch solves all people, then all clusters. Averaging does, and the paper's guess that "
        "a rising rate explains the difference between its figures is tested on the right: both rates, everything else equal.",
        "## Length of a fragment",
        table(
            ["minutes", "validation MSE", "noise floor", "mean distance to the cluster"],
            [
                [row["minutes"], f"{row['validation_mse']:.5f}", f"{row['noise_floor']:.5f}", f"{row['mean_distance']:.3f}"]
                for row in document["intervals"]
            ],
        ),
        "## Privacy of a person",
        "The sums carry discrete Gaussian noise, so that nothing anyone concludes about one person changes much, whoever they "
        "are and whatever they rated: if nobody sees less than a sum, at the epsilon below for the whole training. Clusters "
        "come from a public catalogue. *Alone* is the best that we know to do with a person's own labels, *blend* is what "
        "the device shows. 12 labelled hours, the other hours of the week predicted.",
        _studies(document["privacy"], "epsilon"),
        "## Few labels and many",
        "At epsilon 4.",
        _studies(document["labels"], "hours"),
        "## As people join",
        "At epsilon 4 and 12 labelled hours. Where the noise leaves nothing worth knowing, the public model says so, and the "
        "device answers as if alone.",
        _studies(document["joining"], "people"),
        "## As activities join",
        "The filter first hears of some clusters only; people have lived all of them. Others join without a new start.",
        table(
            ["clusters known", "validation MSE, all hours"],
            [[row["clusters"], f"{row['validation_mse']:.5f}"] for row in document["new_activities"]],
        ),
        seconds=seconds,
    )


def _models(size: Mapping[str, Any]) -> str:
    clusters = size["clusters"]
    rows = [
        [
            name,
            f"{model['train_mse']:.5f}",
            f"{model['validation_mse']:.5f}",
            f"{model['seconds_per_epoch']:.4f}",
            f"{model['seconds']:.2f}",
        ]
        for name, model in size["models"].items()
    ]
    note = (
        f"{size['people']:,} people, {size['days']} day(s) each. Noise floor {size['noise_floor']:.5f}. 100 clusters by "
        f"weighted k-medoids in {clusters['seconds']:.1f} s, mean distance {clusters['k_medoids_mean_distance']:.4f} "
        f"(weighted k-modes: {clusters['k_modes_mean_distance']:.4f})."
    )
    return note + "\n\n" + table(["model", "training MSE", "validation MSE", "s an epoch", "s in all"], rows)


def _equality(size: Mapping[str, Any]) -> str:
    models = size["models"]
    gap = abs(models["central"]["validation_mse"] - models["federated"]["validation_mse"])
    missing = "" if "fastai" in models else " fastai was not measured beside in this run; `bench/her_fastai.py` does it."
    return (
        f"Federated sums and the central computation differ by {gap:.1e} in validation error: integers add up the same in "
        f"any order and partition.{missing}"
    )


def _studies(rows: list[dict[str, Any]], by: str) -> str:
    head = [by, "own mean", "alone", "shared", "blend", "without privacy", "blend less alone", "pairs in order"]
    return table(
        head,
        [
            [
                f"{row[by]:,.0f}" if by != "epsilon" else f"{row[by]:.2f}",
                *(f"{row[f'mse_{name}']:.5f}" for name in ("own_mean", "alone", "shared", "blend", "central")),
                f"{row['better'][0]:+.5f} ± {row['better'][1]:.5f}",
                f"{row['ranking_within_person']:.1%}",
            ]
            for row in rows
        ],
    )


def _draw(path: Path, models: Curves) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5 * max(len(models), 1), 4), layout="constrained")
    panels: Any = figure.subplots(1, max(len(models), 1), squeeze=False, sharey=True)
    for axes, (name, model) in zip(panels.flat, models.items(), strict=False):
        for part, colour in (("train", "#7fb2d6"), ("validation", "#c2571a")):
            curve = model["curves"][part]
            axes.plot(range(1, len(curve) + 1), curve, color=colour, label="training" if part == "train" else part)
        axes.set_title(name)
        axes.set_xlabel("epoch")
        axes.set_yscale("log")
        axes.legend()
    panels[0, 0].set_ylabel("mean squared error of mood (0 to 1)")
    save_figure(figure, path)
