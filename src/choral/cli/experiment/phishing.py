"""`choral experiment phishing`: both ways to learn on real links, what they cost, and what attackers and time do to them."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from choral.apps.phishing.study.data import Links
from choral.apps.phishing.study.drawn import EARLIER
from choral.apps.phishing.study.study import Outcome, Setting, repeated, study
from choral.cli.experiment.page import FOLDER, check_folder
from choral.cli.experiment.phishing_laws import clips, drifts, lateness, rules, spreads
from choral.cli.experiment.phishing_page import AS_EARLIER, draw, written
from choral.cli.outputs import check_devices, progress, write_json
from choral.cli.simulate.phishing import document, links_from
from choral.errors import UsageError
from choral.simulation.scores import mean_of

EPSILON = 4.0
EPSILONS = (1.0, 2.0, EPSILON, 8.0)
SHARES = (0.001, 0.01, 0.05)  # of hostile devices
OTHER_INSTANCES = (1, 100)
QUICK_KINDS = ("buffered, from zeros", "draw and discard")
WRONG_LABELS = 0.05
DRAWN = Setting(algorithm="draw-and-discard", gated=False)  # as published: without a gate
REPEATS = 8  # of draws and noise on one split, whose mean is that split's figure where noise outweighs the split
QUICK_DEVICES, QUICK_UPDATES = 50, 20_000
UPDATES = 1_000_000
TRIED = 101  # the first seed of splits on which rules were tried; those that are reported begin at 1


@dataclass(frozen=True, slots=True)
class Trial:
    """A setting to be run with each seed; `table` is where its row goes, `row` what it is called there.

    repeats: draws of noise on one split, over which figures of the private model are averaged
    """

    table: str
    row: str
    setting: Setting
    transport: bool = True
    repeats: int = 1


def phishing(
    devices: Annotated[int, typer.Option(help="How many devices report, once each.")] = 100_000,
    seeds: Annotated[int, typer.Option(help="Splits by domain, each with its own devices and noise.")] = 5,
    data: Annotated[Path | None, typer.Option(help="CSV of either data set; else CHORAL_DATA_DIR, else synthetic.")] = None,
    quick: Annotated[bool, typer.Option(help="A small run, to see that it works.")] = False,
    folder: Annotated[Path, typer.Option(help="Where the page, the plots and the JSON go.")] = FOLDER,
) -> None:
    """Phishing detection, learnt privately: accuracy, prices, poisoning, drift. About 15 minutes on 2 cores."""
    check_folder(folder)
    check_devices(devices)
    if not 2 <= seeds <= 100:
        raise UsageError(f"need 2 to 100 seeds, got {seeds}")
    if devices < QUICK_DEVICES:
        raise UsageError(f"{devices} devices are too few to learn from; choose {QUICK_DEVICES} or more")
    devices = min(devices, QUICK_DEVICES) if quick else devices
    links, started = links_from(data), time.perf_counter()
    bare = links_from(data, transport=False) if not links.synthetic else links
    runs = list(_runs(links, bare, trials(devices, quick=quick), range(1, seeds + 1)))
    updates = QUICK_UPDATES if quick else UPDATES
    laws = {"spreads": spreads(updates, time.perf_counter), "late": lateness(updates), "drift": drifts(links, devices)}
    tried = range(TRIED, TRIED + seeds)
    laws["rules"], laws["clips"] = rules(links, devices, tried), clips(links, devices, tried, 2 if quick else REPEATS)
    seconds = time.perf_counter() - started
    found = {"devices": devices, "seeds": seeds, "seconds": round(seconds, 1), "source": links.source, **laws, "runs": runs}
    write_json(folder / "phishing.json", found)
    draw(folder, found)
    (folder / "phishing.md").write_text(written(found, seconds), encoding="utf-8")
    print(f"wrote {folder / 'phishing.md'}, phishing.json, phishing_poison.png and phishing_drift.png")


def trials(devices: int, *, quick: bool) -> list[Trial]:
    """Everything that is run, once a seed; the quick run has one of each kind."""
    usual, drawn = Setting(devices=devices), replace(DRAWN, devices=devices)
    planned = [*_accuracy(usual), *_published(drawn), *_attacked(usual, drawn), *_other(usual)]
    return [replace(trial, repeats=min(trial.repeats, 2)) for trial in planned if _is_quick(trial)] if quick else planned


def _is_quick(trial: Trial) -> bool:
    setting = trial.setting
    of_each_kind = setting.hostile in (0.0, SHARES[-1]) and setting.instances <= DRAWN.instances
    is_kind = trial.table != "poisoning" or trial.row.split("|")[0] in QUICK_KINDS
    is_usual = setting.epsilon == EPSILON and setting.records == DRAWN.records
    return of_each_kind and is_kind and (is_usual or setting.algorithm == "central")


def _accuracy(usual: Setting) -> Iterator[Trial]:
    for epsilon in EPSILONS:
        for warm in (False, True):
            start = "public model" if warm else "zeros"
            yield Trial("accuracy", f"{epsilon:g}, from {start}", replace(usual, epsilon=epsilon, warm=warm))
    yield Trial("accuracy", "1 for the sum, from zeros", replace(usual, algorithm="central", epsilon=1.0))


def _published(drawn: Setting) -> Iterator[Trial]:
    kinds = {unit: replace(drawn, unit=unit) for unit in ("feature", "device")}
    for name, setting in (kinds | {AS_EARLIER: replace(drawn, rule=EARLIER)}).items():
        for epsilon in EPSILONS:
            yield Trial("published", f"{name} {epsilon:g}", replace(setting, epsilon=epsilon), repeats=REPEATS)
    for unit in kinds:
        for instances in OTHER_INSTANCES:
            setting = replace(drawn, unit=unit, instances=instances)
            yield Trial("instances", f"{unit}, k = {instances}", setting, repeats=REPEATS)
    yield Trial("instances", "record, k = 20", replace(drawn, unit="record"), repeats=REPEATS)


def _attacked(usual: Setting, drawn: Setting) -> Iterator[Trial]:
    kinds = {
        "buffered, from zeros": usual,
        "buffered, no gate": replace(usual, gated=False),
        "buffered, from the public model": replace(usual, warm=True),
        "draw and discard": replace(drawn, gated=True),
        "draw and discard, no gate": drawn,
        "draw and discard, from the public model": replace(drawn, gated=True, warm=True),
    }
    for name, setting in kinds.items():
        for share in (0.0, *SHARES):
            yield Trial("poisoning", f"{name}|{share:g}", replace(setting, hostile=share))


def _other(usual: Setting) -> Iterator[Trial]:
    yield Trial("other", "5 % of labels wrong", replace(usual, wrong_labels=WRONG_LABELS))
    yield Trial("other", "without https and www", usual, transport=False)
    yield Trial("other", "one record a device", replace(usual, records=1))


def _kept(row: dict[str, Any]) -> dict[str, Any]:
    """The figures of a run, to six digits; their errors come from the splits."""
    figures = {key: value for key, value in row.items() if value is None or isinstance(value, int | float)}
    short = {key: float(f"{value:.6g}") if isinstance(value, float) else value for key, value in figures.items()}
    return {key: value for key, value in short.items() if not key.endswith("_stderr") and key not in ("synthetic", "features")}


def _averaged(row: dict[str, Any], links: Links, setting: Setting, repeats: int) -> dict[str, float]:
    """Figures of the private model that depend on noise, as means over repeats of which `row` is the first."""
    if repeats == 1:
        return {}
    again = [
        {"auc": quality.auc, "recall_at_1pct_fpr": quality.recall, "instance_variance": learnt.spread}
        for quality, learnt in repeated(links, setting, repeats - 1)
    ]
    return {key: mean_of([one[key] for one in (row, *again)]).mean for key in again[0]}


def _runs(links: Links, bare: Links, planned: Sequence[Trial], seeds: range) -> Iterator[dict[str, Any]]:
    with progress(len(planned) * len(seeds), "runs") as done:
        for trial in planned:
            for seed in seeds:
                used = links if trial.transport else bare
                setting = replace(trial.setting, seed=seed, public=min(1000, len(links.labels) // 5))
                started = time.perf_counter()
                outcome: Outcome = study(used, setting)
                row = document(used, setting, outcome, time.perf_counter() - started)
                row |= _averaged(row, used, setting, trial.repeats)
                yield {"table": trial.table, "row": trial.row, "seed": seed, "repeats": trial.repeats, **_kept(row)}
                done(1)
