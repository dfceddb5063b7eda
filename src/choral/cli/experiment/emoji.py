"""`choral experiment emoji`: English beside French, ten locales, and one phone over a year."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from choral.apps.keyboard import LOCALES
from choral.apps.keyboard.events import signal_name
from choral.apps.keyboard.locales import SHOWN, Outcome, Trial, overlap, run
from choral.apps.keyboard.year import Day, live
from choral.cli.experiment.page import FOLDER, check_folder, page, save_figure, table
from choral.cli.outputs import check_devices, progress, write_json
from choral.device import Budget
from choral.engines import Processes
from choral.errors import UsageError
from choral.simulation.scores import Mean, mean_of

MECHANISMS = ("cms", "pgr")
SIDE_BY_SIDE = ("en", "fr")
EPSILON = 4.0  # Apple's, for emoji
YEARLY = {"512 a year (the default)": 512, "112 a year": 112, "28 a year": 28, "as much as is asked": 2000}
FEWEST_SEEDS, MOST_SEEDS = 2, 100
Outcomes = dict[tuple[str, str], list[Outcome]]


def emoji(
    devices: Annotated[int, typer.Option(help="Devices of each locale.")] = 200_000,
    seeds: Annotated[int, typer.Option(help="Runs of each locale; the error bars come from them.")] = 3,
    seed: Annotated[int, typer.Option(help="The first seed; the others follow it.")] = 1,
    days: Annotated[int, typer.Option(help="Days of the one phone.")] = 365,
    locales: Annotated[str, typer.Option(help="Which, with commas; English and French are always there.")] = ",".join(LOCALES),
    folder: Annotated[Path, typer.Option(help="Where the page, the plots and the JSON go.")] = FOLDER,
) -> None:
    """Popular emoji: English beside French, then ten locales, by Apple's sketch and at the optimum; one phone over a year."""
    check_folder(folder)
    check_devices(devices)
    if not FEWEST_SEEDS <= seeds <= MOST_SEEDS or not 1 <= days <= 365:
        raise UsageError(f"need {FEWEST_SEEDS} to {MOST_SEEDS} seeds and 1 to 365 days, got {seeds} and {days}")
    chosen = tuple(dict.fromkeys((*SIDE_BY_SIDE, *locales.split(","))))
    for locale in chosen:
        signal_name(locale)
    started = time.perf_counter()
    outcomes = _outcomes(chosen, devices, range(seed, seed + seeds))
    years = {name: live(Budget.nats(day=4, year=year, life=4 * year), seed=seed, days=days) for name, year in YEARLY.items()}
    seconds = time.perf_counter() - started
    write_json(folder / "emoji.json", _document(outcomes, years, seconds))
    _draw_locales(folder / "emoji.png", outcomes)
    _draw_year(folder / "emoji_year.png", years)
    (folder / "emoji.md").write_text(_page(outcomes, years, seconds), encoding="utf-8")
    print(f"wrote {folder / 'emoji.md'}, emoji.json, emoji.png and emoji_year.png")


def _outcomes(locales: Sequence[str], devices: int, seeds: range) -> Outcomes:
    """The runs of each locale and mechanism, by seed."""
    trials = [Trial(locale, name, devices, EPSILON, seed) for locale in locales for name in MECHANISMS for seed in seeds]
    found: Outcomes = {(locale, name): [] for locale in locales for name in MECHANISMS}
    with progress(len(trials), "runs") as done:
        for outcome in Processes(2).map(run, trials):
            found[outcome.trial.locale, outcome.trial.mechanism].append(outcome)
            done(1)
    return {key: sorted(runs, key=lambda one: one.trial.seed) for key, runs in found.items()}


def _mean(runs: list[Outcome], name: str) -> Mean:
    return mean_of([getattr(one.score, name) for one in runs])


def _document(outcomes: Outcomes, years: dict[str, tuple[Day, ...]], seconds: float) -> dict[str, Any]:
    names = ("over_theory", "over_optimum", "top_hits", "found", "within")
    runs = [
        {
            "locale": locale,
            "mechanism": mechanism,
            "bits_per_report": runs[0].bits_per_report,
            "devices": runs[0].trial.devices,
            "epsilon": runs[0].trial.epsilon,
            "seeds": [one.trial.seed for one in runs],
            **{name: asdict(_mean(runs, name)) for name in names},
            "top": [asdict(one) for one in runs[0].ranked],
        }
        for (locale, mechanism), runs in outcomes.items()
    ]
    lived = {
        name: {"days": len(year), "reports": year[-1].reports, "spent": year[-1].spent, "first_refusal_day": _refused(year)}
        for name, year in years.items()
    }
    return {"runs": runs, "year": lived, "seconds": round(seconds, 1)}


def _refused(year: tuple[Day, ...]) -> int | None:
    """The first day, counted from 1, on which the ledger said no."""
    return next((number for number, day in enumerate(year, start=1) if day.refusal), None)


def _page(outcomes: Outcomes, years: dict[str, tuple[Day, ...]], seconds: float) -> str:
    first = outcomes["en", "cms"][0].trial
    seeds = [one.trial.seed for one in outcomes["en", "cms"]]
    shared = mean_of([overlap(*pair) for pair in zip(outcomes["en", "pgr"], outcomes["fr", "pgr"], strict=True)])
    bits = {name: outcomes["en", name][0].bits_per_report for name in MECHANISMS}
    return page(
        "Popular emoji by locale",
        f"{first.devices:,} keyboards of each locale, one day, one report each at epsilon {EPSILON:g}; seeds {seeds[0]} to "
        f"{seeds[-1]}, ± is the standard error of their mean. `cms` is Apple's Count Mean Sketch at its published settings "
        f"({bits['cms']:,} bits a report), `pgr` the Projective Geometry Response ({bits['pgr']} bits). The people repeat "
        "themselves as real ones do; their emoji follow the published shares of each language on Twitter in 2015 (wordfreq, "
        "CC BY-SA 4.0). Truth is what the sampled reports say.",
        "## English and French, side by side",
        f"Shares of the devices that typed something, seed {seeds[0]}, `pgr`; the two lists share {shared} of {SHOWN}.",
        _side_by_side(outcomes),
        "![The ten highest estimates, English and French, by both mechanisms](emoji.png)",
        "## Locale by locale",
        "Of the 10 commonest items, how many are among the 10 highest estimates; the mean squared error over the exact "
        "optimum's; and how many of the 2,655 items stand out at 5 % false discoveries.",
        _locales(outcomes),
        "## One phone over a year",
        "The production agent and server, day by day: emoji are typed, the phone is charged at night, and a task asks every "
        f"day for one report at epsilon {EPSILON:g}. Its Terms would allow every day; the person's budget does not. The "
        "ledger never refunds, and a refused day costs nothing and sends nothing.",
        _lived(years),
        "![What one phone has paid, day by day, under four budgets](emoji_year.png)",
        f"The first refusal, in the ledger's words: *{_words(years)}*",
        seconds=seconds,
    )


def _side_by_side(outcomes: Outcomes) -> str:
    columns = [outcomes[locale, "pgr"][0].ranked for locale in SIDE_BY_SIDE]
    head = ["rank", *(f"{LOCALES[locale]} {what}".strip() for locale in SIDE_BY_SIDE for what in ("", "estimate", "truth"))]
    rows = [
        [rank, *(cell for one in pair for cell in (one.emoji, f"{one.estimate:.2%} ± {one.stderr:.2%}", f"{one.truth:.2%}"))]
        for rank, pair in enumerate(zip(*columns, strict=True), start=1)
    ]
    return table(head, rows)


def _locales(outcomes: Outcomes) -> str:
    measures = {"top_hits": "top 10", "over_optimum": "error over optimum", "found": "stand out"}
    columns = [(what, name) for what in measures for name in MECHANISMS]
    locales = sorted({locale for locale, _ in outcomes}, key=LOCALES.__getitem__)
    rows = [[LOCALES[locale], *(_mean(outcomes[locale, name], what) for what, name in columns)] for locale in locales]
    return table(["locale", *(f"{measures[what]}, {name}" for what, name in columns)], rows)


def _lived(years: dict[str, tuple[Day, ...]]) -> str:
    rows = [
        [name, f"{year[-1].reports:,}", f"{year[-1].spent:,.0f}", f"day {_refused(year)}" if _refused(year) else "never"]
        for name, year in years.items()
    ]
    return table(["budget (epsilon)", "reports", "paid", "first refusal"], rows)


def _words(years: dict[str, tuple[Day, ...]]) -> str:
    return next((day.refusal for year in years.values() for day in year if day.refusal), "none in so few days")


def _draw_locales(path: Path, outcomes: Outcomes) -> None:
    """Four panels: both locales by both mechanisms, bars with two standard errors and the truth."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 8), layout="constrained")
    panels: Any = figure.subplots(2, 2)
    for axes, (name, locale) in zip(
        panels.flat, ((name, locale) for name in MECHANISMS for locale in SIDE_BY_SIDE), strict=True
    ):
        ranked = outcomes[locale, name][0].ranked[::-1]
        places, errors = range(len(ranked)), [200 * one.stderr for one in ranked]
        axes.barh(places, [100 * one.estimate for one in ranked], xerr=errors, color="#7fb2d6", ecolor="#1f4e6b", capsize=3)
        axes.plot([100 * one.truth for one in ranked], places, "k|", markersize=12)
        axes.set_yticks(places, [one.name for one in ranked])
        axes.set_title(f"{LOCALES[locale]}, {name}")
        axes.set_xlabel("% of devices that typed something")
    figure.suptitle("estimates with two standard errors; ticks: truth")
    save_figure(figure, path)


def _draw_year(path: Path, years: dict[str, tuple[Day, ...]]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes: Any = figure.subplots()
    for name, year in years.items():
        axes.step(range(1, len(year) + 1), [day.spent for day in year], where="post", label=name)
    axes.set_xlabel("day")
    axes.set_ylabel("epsilon paid in all")
    axes.set_title("One phone, asked every day")
    axes.legend(title="what its person allows")
    save_figure(figure, path)
