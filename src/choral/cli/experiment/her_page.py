"""The page that `choral experiment her` writes: tables, figures, and what follows from them in words."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from choral.cli.experiment.page import page, save_figure, table

PAPER = (("fastai, in the paper", 0.0469, 0.0534, 2.0), ("PySyft, in the paper", 0.0528, 0.0652, 26.2))
RATES = ("averaging, rising rate", "averaging, constant rate")
Curves = Mapping[str, Mapping[str, Any]]


def page_of(document: Mapping[str, Any]) -> str:
    """The whole page, from the experiment's results alone."""
    return page(
        "Towards 'Her': a day in hours, and what others' days teach",
        "E. Lyness's paper compares a central collaborative filter (fastai) with a federated one (PySyft) on 1,000 generated "
        "daily logs: 24,000 hours, clustered, 80/20, 50 epochs. Neither its logs nor its mood scale are published, so its "
        "errors cannot be compared with ours; its times and its gap between central and federated can. Here lives are "
        "generated from profiles over our own activity labels; **a mood lies between 0 and 1, in steps of 0.01**. Nothing in "
        f"this page is anybody's data. Seed {document['seed']}.",
        *_paper(document),
        *_beyond(document),
        seconds=document["total_seconds"],
    )


def _paper(document: Mapping[str, Any]) -> Iterable[str]:
    """What the paper shows, from our models."""
    sizes = document["sizes"].values()
    first = next(iter(sizes))
    return (
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
        _rates(first),
    )


def _beyond(document: Mapping[str, Any]) -> Iterable[str]:
    """What the paper could not do."""
    return (
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
        _never_worse(document),
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
        "## Clusters learnt from people",
        *_clusters(document["federated_clusters"]),
        "## Labels in two taps",
        _labelling(document["labelling"]),
        "## What is said of moods",
        _moods(document["moods"]),
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
        f"(weighted k-modes: {clusters['k_modes_mean_distance']:.4f}{_fasterpam(clusters)})."
    )
    return note + "\n\n" + table(["model", "training MSE", "validation MSE", "s an epoch", "s in all"], rows)


def _fasterpam(clusters: Mapping[str, Any]) -> str:
    if "fasterpam_mean_distance" not in clusters:
        return ""
    distance, seconds = clusters["fasterpam_mean_distance"], clusters["fasterpam_seconds"]
    return f"; FasterPAM on all hours, the better of two starts: {distance:.4f}, {seconds:.0f} s each, `bench/her_fasterpam.py`"


def _equality(size: Mapping[str, Any]) -> str:
    models = size["models"]
    gap = abs(models["central"]["validation_mse"] - models["federated"]["validation_mse"])
    missing = "" if "fastai" in models else " fastai was not measured beside in this run; `bench/her_fastai.py` does it."
    return (
        f"Federated sums and the central computation differ by {gap:.1e} in validation error: integers add up the same in "
        f"any order and partition.{missing}"
    )


def _rates(size: Mapping[str, Any]) -> str:
    rising, constant = (size["models"][name]["validation_mse"] for name in RATES)
    return (
        "Sums need no learning rate: an epoch solves all people, then all clusters. Averaging does, and the paper's guess that "
        "a rising rate explains the difference between its figures is tested on the right: both rates, everything else equal. "
        f"The rising rate ends at a validation error of {rising:.5f}, the constant one at {constant:.5f}."
    )


def _never_worse(document: Mapping[str, Any]) -> str:
    rows = [row["better"] for part in ("privacy", "labels", "joining") for row in document[part]]
    worse = sum(gain > 3 * error for gain, error in rows)
    return (
        f"The blend is worse than alone by more than three standard errors of the difference, person by person, in "
        f"{worse or 'none'} of the {len(rows)} studies on this page."
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


def _clusters(found: Mapping[str, Any]) -> Iterable[str]:
    yield (
        "Clusters can come from a public catalogue, learnt from other people, or be learnt from those who use them: by "
        "federated k-modes, which starts from the catalogue and counts, cluster by cluster and slot by slot, what people "
        "did in one day of theirs. Each person reports once; a centre moves only where counts stand out of the noise, by "
        "as much as noise alone reaches in one round of seven at most. Mean distance of the hours of 2,000 held-back "
        "people, over four populations; a star marks what is nearer than the catalogue by more than three standard errors "
        "of the difference, which of four populations chance alone exceeds once in 35. *One place* is k-medoids on "
        "everyone's days, up to 1,000 people; *sum* is the trust in whoever adds up, as above; *local* needs no trust. "
        "From a million people on, the counts of 50,000 are multiplied."
    )
    for name, one in found.items():
        yield f"The catalogue was learnt from **{name}**: {one['catalogue_distance']:.4f}."
        yield _trials(one)
        yield _worth(one["worth_it_from"])


def _trials(found: Mapping[str, Any]) -> str:
    ways, cells = found["worth_it_from"], {(trial["way"], trial["people"]): trial for trial in found["trials"]}
    sizes = sorted({people for _, people in cells})
    rows = [[f"{people:,}", *(_distance(cells.get((way, people))) for way in ways)] for people in sizes]
    return table(["people", *ways], rows)


def _distance(trial: Mapping[str, Any] | None) -> str:
    return "" if trial is None else f"{trial['distance']:.4f}{'*' if trial['better'] else ''}"


def _worth(worth: Mapping[str, int | None]) -> str:
    private = {way: people for way, people in worth.items() if "epsilon" in way}
    if not any(private.values()):
        return "With privacy it is worth it at none of these numbers of people: keep the catalogue."
    told = (
        f"{way}, {f'from {people:,} people on' if people else 'at none of these numbers'}" for way, people in private.items()
    )
    return f"With privacy it is worth it: {'; '.join(told)}."


def _labelling(found: Mapping[str, Any]) -> str:
    note = (
        f"{found['people']} people, {found['days']} days each, logged hour by hour; some hours are labelled, at random, and "
        "all are guessed from the person's own alone. *Filled in* are guesses sure enough to be filled in before the person "
        "looks; *off by* is how far confidence lies from the truth, over fifths of the guesses."
    )
    head = [
        "labelled",
        "right",
        "half credit in a group",
        "among three",
        "usual for the hour",
        "filled in",
        "of these right",
        "off by",
    ]
    names = ("group", "three", "by_hour", "prefilled", "prefilled_accuracy", "calibration")
    rows = [
        [f"{float(share):.0%}", f"{row['accuracy']:.1%} ± {row['stderr']:.1%}", *(f"{row[name]:.1%}" for name in names)]
        for share, row in found["shares"].items()
    ]
    return note + "\n\n" + table(head, rows)


def _moods(found: Mapping[str, Any]) -> str:
    causes, uplift, insights = found["causes"], found["uplift"], found["insights"]
    rows = [
        ["planted shifts of mood that are noticed", f"{causes['noticed']:.0%}"],
        ["of these, with a cause named", f"{causes['named']:.0%}"],
        ["the first cause named is the planted one", _share(causes, "precision")],
        ["any cause named is the planted one", f"{causes['any_precision']:.0%}"],
        ["shifts noticed where nothing was planted", _share(causes, "false_shifts")],
        ["95 % intervals of a suggestion's uplift that hold the truth", _share(uplift, "coverage")],
        ["such intervals off zero where suggestions do nothing", _share(uplift, "false_alarms")],
        ["people shown a clear card where moods have to do with nothing", _share(insights, "alarms")],
    ]
    note = (
        f"{found['people']} lives with a planted cause (some hours of sleep, people, exercise or quiet are lost each day, and "
        "each lost hour costs 5 points of 100), and as many without."
    )
    return note + "\n\n" + table(["", "share"], rows)


def _share(row: Mapping[str, float], name: str) -> str:
    return f"{row[name]:.1%} ± {row[name + '_stderr']:.1%}"


def draw(path: Path, models: Curves) -> None:
    """Errors after each epoch, a panel for each model."""
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
