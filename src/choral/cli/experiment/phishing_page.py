"""What `choral experiment phishing` writes: tables with errors over splits, two plots, and what they mean."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from choral.cli.experiment.page import page, save_figure, table
from choral.simulation.scores import Mean, mean_of

EARLIER_ERROR = 0.005
EARLIER = {  # AUC measured before this code was written, at k = 20 and with other features
    "feature": {1.0: 0.820, 2.0: 0.864, 4.0: 0.894, 8.0: 0.907},
    "device": {1.0: 0.710, 2.0: 0.771, 4.0: 0.854, 8.0: 0.876},
}
AS_EARLIER = "device, rows to 1.5"
Rows = Sequence[Mapping[str, Any]]


def _of(found: Mapping[str, Any], name: str) -> dict[str, list[Mapping[str, Any]]]:
    """The runs of one table by their row, seeds in order."""
    rows: dict[str, list[Mapping[str, Any]]] = {}
    for run in found["runs"]:
        if run["table"] == name:
            rows.setdefault(run["row"], []).append(run)
    return rows


def _mean(runs: Rows, key: str, less: str | None = None) -> Mean:
    """Of a figure over splits, or of the paired difference of two."""
    return mean_of([run[key] - (run[less] if less else 0.0) for run in runs])


def written(found: Mapping[str, Any], seconds: float) -> str:
    """The whole page."""
    parts = [*_accuracy(found), *_published(found), *_prices(found), *_poisoning(found), *_rest(found)]
    opening = (
        f"{found['devices']:,} devices hold 5 links each and report once. Data: {found['source']}. Every figure is a mean over "
        f"{found['seeds']} splits by registered domain, each with its own devices, noise and seed; ± is its standard error. "
        "Differences are paired: the same split, devices and order. One fixed rule of rates for every epsilon."
    )
    return page("Phishing detection, learnt from links that nobody sees", opening, *parts, seconds=seconds)


def _accuracy(found: Mapping[str, Any]) -> Iterator[str]:
    head = [
        "epsilon per device",
        "AUC",
        "recall at 1 % false positives",
        "non-private less private",
        "recall, the same",
        "shuffled",
    ]
    rows = [
        [
            name,
            _mean(runs, "auc"),
            _mean(runs, "recall_at_1pct_fpr"),
            _mean(runs, "auc_nonprivate", "auc"),
            _mean(runs, "recall_at_1pct_fpr_nonprivate", "recall_at_1pct_fpr"),
            "-" if runs[0]["epsilon_shuffled"] is None else f"{runs[0]['epsilon_shuffled']:.3g}",
        ]
        for name, runs in _of(found, "accuracy").items()
    ]
    yield "## Buffered private gradients"
    yield (
        "One shared model, a clipped gradient a device through PrivUnit, buffers of a 200th of the devices, linear decay, mean "
        "of the last half, features standardized by public constants. Shuffled: the epsilon of a device if the server "
        "shuffles each buffer honestly (delta 1e-6). The last row trusts whoever forms the sum of a buffer."
    )
    yield table(head, rows)
    runs = [run for run in found["runs"] if run["table"] == "accuracy" and run["row"].endswith("4, from zeros")]
    rows = [
        ["no privacy, the same single pass", _mean(runs, "auc_nonprivate"), _mean(runs, "recall_at_1pct_fpr_nonprivate")],
        ["logistic regression, all rows in one place", _mean(runs, "auc_central"), _mean(runs, "recall_at_1pct_fpr_central")],
        ["1,000 public labels alone", _mean(runs, "auc_public_only"), _mean(runs, "recall_at_1pct_fpr_public_only")],
    ]
    yield table(["beside it", "AUC", "recall at 1 % false positives"], rows)
    yield f"Central less non-private: {_mean(runs, 'auc_central', 'auc_nonprivate')} of AUC."


def _published(found: Mapping[str, Any]) -> Iterator[str]:
    yield "## Draw and discard"
    yield (
        "k = 20 instances, features in [0, 1], no gate. *Feature*: the paper's noise, twice the rate over epsilon in each "
        "weight; its epsilon protects one number of the update while all others stay the same. *Device*: the mean of a "
        "device's gradients is shortened to one length, and the noise hides whatever the device holds. Earlier: figures "
        f"measured before this code, with other features (standard error {EARLIER_ERROR}). Apart: the difference in "
        f"standard errors of both. A split's figure is the mean of {_runs(found)} draws and noises. All rows share their "
        "draws and discards, so their spreads are off the law together."
    )
    rows = []
    for name, runs in _of(found, "published").items():
        kind, epsilon = name.rsplit(" ", 1)
        ours, earlier = _mean(runs, "auc"), EARLIER[kind.partition(",")[0]][float(epsilon)]
        off = (ours.mean - earlier) / math.hypot(ours.error, EARLIER_ERROR)
        spread = mean_of([run["instance_variance"] / run["instance_variance_theory"] for run in runs])
        prices = [f"{runs[0][key]:.3g}" for key in ("epsilon_feature", "epsilon_record", "epsilon_device")]
        rows.append([f"{kind}: {epsilon}", ours, f"{earlier:.3f}", f"{off:+.1f}", *prices, spread])
    head = ["unit: epsilon", "AUC", "earlier", "apart", "epsilon of a feature", "of a record", "of a device", "spread over law"]
    yield table(head, rows)
    yield from _rules(found)
    rows = [[name, _mean(runs, "auc"), _mean(runs, "recall_at_1pct_fpr")] for name, runs in _of(found, "instances").items()]
    yield table(["epsilon 4 per unit, instances", "AUC", "recall at 1 % false positives"], rows)
    rows = [
        [one["k"], f"{one['over_law']:.4f} ± {one['error']:.4f}", f"{one['walk_over_law']:.4f}", f"{one['seconds']:g}"]
        for one in found["spreads"]
    ]
    updates = found["spreads"][0]["updates"]
    yield f"Noise alone over {updates:,} updates: variance between instances over k sigma²/2, steps of the mean over sigma²/k."
    yield table(["k", "spread over its law", "walk over its law", "seconds"], rows)
    rows = [[one["late"], f"{one['moved']:.5f}", f"{one['law']:.5f}"] for one in found["late"]]
    yield "Late answers: how far one step moves the mean of 20 instances, and 1 / (k + late)."
    yield table(["updates between draw and return", "moved", "law"], rows)


def _rules(found: Mapping[str, Any]) -> Iterator[str]:
    seeds = sorted({one["seed"] for one in found["rules"]})
    yield (
        "One rule for every epsilon, unit and k: rate 0.005; where epsilon protects more than a number of the update, a row's "
        "gradient is shortened to an L1 norm of 4; where it protects the device, the mean over its rows to 1. The rule was "
        f"picked at epsilon 4 on the splits of seeds {seeds[0]} to {seeds[-1]}, which no other figure here uses; this is their "
        "AUC, a run each. A mean of rows of length 4 is never longer than 4: the last column shortens rows alone. It loses "
        "because gradients of links of both kinds cancel in a device's mean, so that noise for the longest step hides a "
        "short one."
    )
    rates = sorted({one["rate"] for one in found["rules"]})
    means = sorted({one["mean"] for one in found["rules"] if one["mean"]})
    rows = [[f"{rate:g}", *(_of_rule(found, rate, mean) for mean in (None, *means))] for rate in rates]
    yield table(["rate", "per feature", *(f"per device, mean to {mean:g}" for mean in means)], rows)
    yield (
        "The earlier figures tell their noise, twice the rate times the longest gradient over epsilon, but not how far "
        "gradients were shortened. On the same splits, at rate 0.005 and with means shortened to 1, rows shortened to 1.5 come "
        f"nearest to what they say of epsilon 4, {EARLIER['device'][4.0]}; *device, rows to 1.5* is that rule, at all epsilons "
        "and on the splits of this page. The rule that we use lies above it. " + _exactness(found)
    )
    limits = sorted({one["clip"] for one in found["clips"]})
    tried = [mean_of([one["auc"] for one in found["clips"] if one["clip"] == limit]) for limit in limits]
    yield table(["rows to", *(f"{limit:g}" for limit in limits)], [["per device, epsilon 4", *tried]])


def _of_rule(found: Mapping[str, Any], rate: float, mean: float | None) -> Mean:
    return mean_of([one["auc"] for one in found["rules"] if (one["rate"], one["mean"]) == (rate, mean)])


def _exactness(found: Mapping[str, Any]) -> str:
    """What the smallest epsilon tells of the earlier figures' error."""
    name, runs = next((name, runs) for name, runs in _of(found, "published").items() if name.startswith(AS_EARLIER))
    ours, epsilon, count = _mean(runs, "auc"), name.rsplit(" ", 1)[1], len(runs)
    varies = ours.error * math.sqrt(count * runs[0]["repeats"])
    needed = (varies / EARLIER_ERROR) ** 2
    off = (ours.mean - EARLIER["device"][float(epsilon)]) / math.hypot(ours.error, varies / math.sqrt(count))
    return (
        f"At epsilon {epsilon} one run of it varies by {varies:.2f} between splits and noises (standard deviation): an error "
        f"of {EARLIER_ERROR} would take a mean over {needed:,.0f} runs. If that figure is one of {count} runs, its error is "
        f"{varies / math.sqrt(count):.2f}, and the two are {abs(off):.1f} standard errors apart."
    )


def _runs(found: Mapping[str, Any]) -> int:
    """Draws of noise on each split of the rows of draw and discard."""
    return max(int(run["repeats"]) for run in found["runs"])


def _prices(found: Mapping[str, Any]) -> Iterator[str]:
    yield "## What an epsilon of 4 protects"
    chosen = {
        "draw and discard, 4 per feature": _of(found, "published")["feature 4"],
        "draw and discard, 4 per record": _of(found, "instances")["record, k = 20"],
        "draw and discard, 4 per device": _of(found, "published")["device 4"],
        "buffered, 4 per device": _of(found, "accuracy")["4, from zeros"],
    }
    keys = ("epsilon_feature", "epsilon_record", "epsilon_device")
    rows = [[name, *(f"{runs[0][key]:.4g}" for key in keys), _mean(runs, "auc")] for name, runs in chosen.items()]
    yield table(["", "one number of the update", "one of 5 records", "the device", "AUC"], rows)
    yield (
        "A device's step is the mean over its n records, each gradient shortened to an L1 norm R. *Per record*: one record "
        "moves it by 2R/n at most and all of them by 2R, so with Laplace noise and n = 5 a record costs a fifth of a device. "
        "*Per device*: the mean is shortened to C as well, so all records move it by 2C at most, and one by 4R/n at most, "
        "for shortening two vectors may double their distance; with R = 4, C = 1 and n = 5 that is no less, and a record "
        "costs what the device costs. PrivUnit compares any two updates, near or far, so a record costs what the device "
        "costs. Which instance an answer comes from is no secret: of 20 with 53 weights the one nearest to it is the one that "
        "was drawn, in 99.9 % of cases. A server that keeps no log of draws therefore sees an instance and a noisy step from "
        "it, and nobody's name; one that keeps a log also knows which requests drew that instance, one in k of all. What the "
        "step itself tells is bounded by these prices in both cases. The ledger of a device charges the column *the device*."
    )


def _poisoning(found: Mapping[str, Any]) -> Iterator[str]:
    yield "## Poisoning"
    yield (
        "Hostile devices collude, know the data and send what is legal: for PrivUnit the nearest direction to minus the best "
        "model on the lists of 512 seeds, without a coin; for draw and discard the drawn instance moved the same way as far "
        "as the distance check lets pass. Gate: versions more than two standard errors below the best on public canaries "
        "are rolled back, by the server's own rule; draw and discard makes a version of each 200th of the reports. Epsilon 4 "
        "per device."
    )
    rows = []
    groups = _curves(found)
    for name, curve in groups.items():
        rows.append([name, *(_mean(runs, "auc") for runs in curve.values())])
    shares = [f"{float(share):.1%} hostile" for share in next(iter(groups.values()))]
    yield table(["", *shares], rows)
    yield "![AUC against the share of hostile devices](phishing_poison.png)"


def _curves(found: Mapping[str, Any]) -> dict[str, dict[str, Rows]]:
    groups: dict[str, dict[str, Rows]] = {}
    for key, runs in _of(found, "poisoning").items():
        name, share = key.split("|")
        groups.setdefault(name, {})[share] = runs
    return groups


def _rest(found: Mapping[str, Any]) -> Iterator[str]:
    rows = [
        [name, _mean(runs, "auc"), _mean(runs, "auc_nonprivate"), _mean(runs, "auc_central")]
        for name, runs in _of(found, "other").items()
    ]
    yield "## Other conditions, epsilon 4 per device"
    yield table(["", "private", "non-private", "central"], rows)
    yield "## Drift"
    yield (
        "Halfway the six strongest features turn round. One rate that falls to zero over the whole run hardly follows; seasons "
        "start from the model before and fall to zero anew. Recovered: within 0.02 of the AUC before the change."
    )
    rows = [[one["seasons"], _recovered(one), f"{one['points'][-1][1]:.3f}"] for one in found["drift"]]
    yield table(["seasons", "reports until recovered", "AUC at the end"], rows)
    yield "![AUC over the run, with the change halfway](phishing_drift.png)"


def _recovered(one: Mapping[str, Any]) -> str:
    return "not within the run" if one["recovered_after"] is None else f"{one['recovered_after']:,}"


def draw(folder: Path, found: Mapping[str, Any]) -> None:
    """Both plots."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes: Any = figure.subplots()
    for name, curve in _curves(found).items():
        means = [_mean(runs, "auc") for runs in curve.values()]
        shares = [100 * float(share) for share in curve]
        axes.errorbar(shares, [one.mean for one in means], [2 * one.error for one in means], marker="o", capsize=3, label=name)
    axes.set_xscale("symlog", linthresh=0.1)
    axes.set_xlim(left=-0.01)
    axes.set_xlabel("hostile devices, % (bars: 2 standard errors)")
    axes.set_ylabel("AUC on unseen domains")
    axes.legend(fontsize="small")
    save_figure(figure, folder / "phishing_poison.png")
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    for one in found["drift"]:
        axes.plot(*zip(*one["points"], strict=True), label=f"{one['seasons']} season(s)")
    axes.axvline(found["drift"][0]["change"], color="#888888", linestyle=":")
    axes.set_xlabel("reports")
    axes.set_ylabel("AUC on unseen domains, as they are then")
    axes.legend(fontsize="small")
    save_figure(figure, folder / "phishing_drift.png")
