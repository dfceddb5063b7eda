"""`choral simulate phishing`: a detector learnt from links on a population of devices, and what each way to learn costs."""

import math
import os
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from choral.apps.phishing.study.data import Links, links_in, read_links
from choral.apps.phishing.study.ground import Quality
from choral.apps.phishing.study.population import synthetic
from choral.apps.phishing.study.study import ALGORITHMS, UNITS, Outcome, Setting, study
from choral.cli.outputs import check_devices, check_outputs, progress, warn, write_json
from choral.errors import UsageError

MODELS = {"": "private", "nonprivate": "without noise", "central": "all rows in one place", "public_only": "public rows alone"}


def phishing(
    algorithm: Annotated[str, typer.Option(help=f"One of {', '.join(ALGORITHMS)}.")] = "buffered",
    instances: Annotated[int, typer.Option(help="Instances of draw and discard.")] = 20,
    epsilon: Annotated[float, typer.Option(help="Privacy of the unit, in nats; for central, of the sum at delta 1e-6.")] = 4.0,
    unit: Annotated[str, typer.Option(help=f"What epsilon protects: {', '.join(UNITS)}.")] = "device",
    devices: Annotated[int, typer.Option(help="How many devices report, once each.")] = 100_000,
    records: Annotated[int, typer.Option(help="Links that each device holds.")] = 5,
    hostile: Annotated[float, typer.Option(help="Share of devices that collude to spoil the model, 0 to below 1.")] = 0.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same numbers.")] = 1,
    data: Annotated[Path | None, typer.Option(help="CSV of either data set; else CHORAL_DATA_DIR, else synthetic.")] = None,
    warm: Annotated[bool, typer.Option(help="Start from the model of the public rows.")] = False,
    gate: Annotated[bool, typer.Option(help="Roll back versions that are worse on public canaries.")] = True,
    transport: Annotated[bool, typer.Option(help="Count https and www as features.")] = True,
    wrong_labels: Annotated[float, typer.Option(help="Share of labels that are wrong on devices.")] = 0.0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all results here.")] = None,
) -> None:
    """How well a phishing detector judges unseen domains, and its price for a feature, a record and a device."""
    check_outputs(json_file)
    check_devices(devices)
    try:
        setting = Setting(
            algorithm=algorithm,
            instances=instances,
            epsilon=epsilon,
            unit=unit,
            devices=devices,
            records=records,
            hostile=hostile,
            seed=seed,
            warm=warm,
            wrong_labels=wrong_labels,
            gated=gate,
        )
        links = links_from(data, transport=transport)
        setting = replace(setting, public=max(1, min(1000, len(links.labels) // 5)))
        started = time.perf_counter()
        with progress(2 * devices) as done:
            outcome = study(links, setting, done=done)
    except ValueError as error:
        raise UsageError(str(error)) from error
    summary = document(links, setting, outcome, time.perf_counter() - started)
    write_json(json_file, summary)
    _print(summary, outcome)


def links_from(data: Path | None, *, transport: bool = True) -> Links:
    """From the file, else from the data folder, else made up, with a warning that says so."""
    folder = os.environ.get("CHORAL_DATA_DIR")
    path = data or (links_in(Path(folder)) if folder else None)
    if path is not None:
        return read_links(path, transport=transport)
    warn(["no --data and no CHORAL_DATA_DIR: the links are synthetic and say nothing of phishing; see choral data pull"])
    return synthetic()


def document(links: Links, setting: Setting, outcome: Outcome, seconds: float) -> dict[str, Any]:
    """What `--json` writes. A price without end, or that does not apply, is null."""
    prices, learnt = outcome.prices, outcome.learnt
    named = {"": outcome.private, "nonprivate": outcome.nonprivate, "central": outcome.central}
    return {
        **{key: value for name, quality in named.items() for key, value in _figures(name, quality).items()},
        **_figures("public_only", outcome.public_only),
        "epsilon_feature": _finite(prices.feature),
        "epsilon_record": _finite(prices.record),
        "epsilon_device": _finite(prices.device),
        "epsilon_shuffled": _finite(prices.shuffled),
        "epsilon_central": _finite(prices.central),
        "delta": prices.delta,
        "instance_variance": learnt.spread,
        "instance_variance_theory": learnt.spread_law,
        "updates": learnt.updates,
        "rolled_back": learnt.rolled_back,
        "seconds": round(seconds, 3),
        "setting": asdict(setting),
        "features": len(links.names),
        "source": links.source,
        "synthetic": links.synthetic,
    }


def _figures(name: str, quality: Quality) -> dict[str, float]:
    keys = {"auc": "auc", "recall": "recall_at_1pct_fpr", "accuracy": "accuracy"}
    end = f"_{name}" if name else ""
    values = {f"{long}{end}": getattr(quality, short) for short, long in keys.items()}
    return values | {f"{long}{end}_stderr": getattr(quality, f"{short}_stderr") for short, long in keys.items()}


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None


def _print(summary: dict[str, Any], outcome: Outcome) -> None:
    console = Console(highlight=False)
    setting = summary["setting"]
    title = (
        f"{setting['devices']:,} devices x {setting['records']} links, {setting['algorithm']}, epsilon {setting['epsilon']:g}"
    )
    of_sums = setting["algorithm"] == "central"
    table = Table(title=f"{title} {'of a sum' if of_sums else 'per ' + setting['unit']}")
    for column in ("model", "AUC", "recall at 1 % false positives", "accuracy"):
        table.add_column(column, justify="left" if column == "model" else "right")
    for (_, words), quality in zip(MODELS.items(), _qualities(outcome), strict=True):
        cells = ((quality.auc, quality.auc_stderr), (quality.recall, quality.recall_stderr))
        table.add_row(words, *(f"{a:.3f} ± {b:.3f}" for a, b in (*cells, (quality.accuracy, quality.accuracy_stderr))))
    console.print(table)
    console.print(prices_in_words(summary))


def _qualities(outcome: Outcome) -> tuple[Quality, ...]:
    return outcome.private, outcome.nonprivate, outcome.central, outcome.public_only


def prices_in_words(summary: dict[str, Any]) -> str:
    """The three prices side by side, then what an honest server adds."""

    def told(key: str) -> str:
        return "without end" if summary[key] is None else f"{summary[key]:.4g}"

    of_sums, charged = summary["epsilon_central"] is not None, ", which is what a ledger charges"
    lines = [
        f"epsilon of one report: {told('epsilon_feature')} for one number of the update, {told('epsilon_record')} for one "
        f"record, {told('epsilon_device')} for the whole device{'' if of_sums else charged}."
    ]
    if of_sums:
        price = f"{told('epsilon_central')} (delta {summary['delta']:g})"
        lines.append(f"If nobody sees less than a buffer's sum: {price}{charged} to whoever trusts in that.")
    if summary["instance_variance"] is not None:
        found, law = summary["instance_variance"], summary["instance_variance_theory"]
        lines.append(f"Variance between instances {found:.4g}, law {law:.4g}.")
    lines.append(f"{summary['updates']:,} updates, {summary['rolled_back']} rolled back; {summary['seconds']:g} s.")
    return "\n".join(lines)
