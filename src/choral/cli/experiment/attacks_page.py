"""What `choral experiment attacks` writes: a table an attack, a plot, and what they mean."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from choral.cli.experiment.page import page, save_figure, table
from choral.simulation.attacks.guesses import Guesses
from choral.simulation.scores import mean_of

Rows = Sequence[Mapping[str, Any]]
SHOWN = (1, 2, 4, 7, 14, 30)  # reports of one device
GATE_WORDS = {"none": "no gate", "public": "gate", "marked": "gate that knows the signs"}


def written(found: Mapping[str, Any], seconds: float) -> str:
    """The whole page."""
    opening = (
        f"Attacks from the threat model, each measured over {found['seeds']} seeds beside the figure that is promised. Where "
        "an attacker guesses which of two equally likely values a device holds, accuracy .5 is no knowledge; intervals are "
        "Clopper and Pearson's at 95 %, over all seeds; *allowed* is the most that (epsilon, delta) permits anyone; a verdict "
        "*above* is wrong with chance 1e-9 at most. ± is the standard error over seeds. Rows called *planted* are faults that "
        "the software must not have: they show that the measurement would notice."
    )
    parts = [_differencing, _averaging, _gain, _back_door, _one_run]
    return page("Attacks, measured", opening, *(text for part in parts for text in part(found)), seconds=seconds)


def _grouped(rows: Rows, *keys: str) -> dict[tuple[Any, ...], Rows]:
    """Rows with the same keys together, in the order in which these first come."""
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return {key: list(group) for key, group in groups.items()}


def _pooled(rows: Rows) -> Guesses:
    return Guesses(sum(row["right"] for row in rows), sum(row["tries"] for row in rows))


def _accuracy(guesses: Guesses) -> str:
    low, high = guesses.interval()
    return f"{guesses.accuracy:.4f} ({low:.4f} to {high:.4f})"


def _verdict(guesses: Guesses, allowed: float) -> str:
    return "**above**" if guesses.exceeds(allowed) else "within"


def _differencing(found: Mapping[str, Any]) -> Iterator[str]:
    yield "## Differencing between batches"
    yield (
        "An analyst knows what everyone else in a batch holds, and subtracts: exactly what they hold, or the release of "
        "another round in which the same people take part and the device does not. Epsilon: of the report alone; of a batch "
        "at delta 1e-6, by the certified bound for the mechanism if the server shuffles honestly, or under the trust `sum`."
    )
    rows = []
    for (batch, attack), group in _grouped(found["differencing"], "batch", "attack").items():
        for epsilon, same in _grouped(group, "epsilon").items():
            guesses, allowed = _pooled(same), same[0]["allowed"]
            claim = "none" if epsilon[0] is None else f"{epsilon[0]:.3g}"
            figures = (f"{guesses.tries:,}", _accuracy(guesses), f"{guesses.advantage:+.4f}", claim, f"{allowed:.4f}")
            rows.append([f"{batch}: {attack}", *figures, _verdict(guesses, allowed)])
    yield table(["", "guesses", "accuracy", "advantage", "epsilon", "allowed", "verdict"], rows)
    yield (
        "Noise is drawn anew for each round, so another round's release only adds its own noise to the difference: it helps "
        "less than knowing the others. The same reports released twice, once without the device's own, leave that one report: "
        "all hiding among others is gone, and the accuracy is that of the report alone. The server releases a batch once, and "
        "a report is in one batch; `tests/server` and `tests/world` hold it to that."
    )


def _averaging(found: Mapping[str, Any]) -> Iterator[str]:
    yield "## Longitudinal averaging"
    yield (
        "A server keeps every report of one device, which holds the same value all the time, and guesses by maximum "
        "likelihood. Epsilon 1 a report. *Law*: the exact accuracy of a majority; *allowed*: of n times epsilon."
    )
    rows = []
    for (oracle, number), group in _grouped(found["averaging"], "oracle", "reports").items():
        if number in SHOWN:
            guesses, law = _pooled(group), group[0]["law"]
            told = "-" if law is None else f"{law:.4f}"
            allowed = group[0]["allowed"]
            rows.append([f"`{oracle}`", number, _accuracy(guesses), told, f"{allowed:.4f}", _verdict(guesses, allowed)])
    yield table(["", "reports", "accuracy", "law", "allowed", "verdict"], rows)
    yield (
        "The ledger stops it. A server asks every day for two years, under Terms of 7 reports for life at epsilon 1 each; the "
        "person allows epsilon 4 a day, 12 a year and 30 for life:"
    )
    rows = [
        [one["asked"], one["reports"], f"{one['paid']:g}", f"{one['allowed']:.6f}", one["ended"]] for one in found["ledger"]
    ]
    yield table(["asked", "reports", "epsilon paid", "accuracy allowed", "how it ended"], rows)
    yield (
        "Allowances add up: a person who allows epsilon 30 for life and answers 40 tasks about one value is known, and the "
        "ledger says so beforehand. A server that drops acknowledgements makes a device send again: the same bytes, paid "
        "once. Were a retry randomized anew, one payment of epsilon 1 would buy:"
    )
    rows = []
    for (is_fresh, sent), group in _grouped(found["retries"], "fresh", "sent").items():
        guesses, allowed = _pooled(group), group[0]["allowed"]
        name = "planted: randomized anew" if is_fresh else "the same bytes"
        rows.append([name, sent, _accuracy(guesses), f"{allowed:.4f}", _verdict(guesses, allowed)])
    yield table(["", "sent", "accuracy", "allowed", "verdict"], rows)
    yield "![Accuracy against reports; back doors against the share of hostile devices](attacks.png)"


def _gain(found: Mapping[str, Any]) -> Iterator[str]:
    yield "## Maximal gain"
    yield (
        "One report in a hundred is hostile, legal, and speaks as loudly as any that was found for the attacker's items, which "
        "nobody else holds (Cao, Jia and Gong, USENIX Security 2021). Counts that one hostile report adds, in the real "
        "estimate, over the factor that the mechanism publishes: 1 is reached, above 1 would break it. *Ten together*: the "
        "sum over ten targets, over ten times the factor. *Share*: of all reports, that 1 % hostile ones make an item seem to "
        "have; above 100 % it is more than there are."
    )
    rows = []
    for (epsilon, oracle), group in _grouped(found["gain"], "epsilon", "oracle").items():
        one, ten = ([row for row in group if row["targets"] == count] for count in (1, 10))
        published = one[0]["published"]
        highest = max(max(row["one"], row["down"]) for row in group) / published
        cells = (
            f"{published:.3f}",
            f"{max(row['one'] for row in one) / published:.4f}",
            f"{max(row['down'] for row in group) / published:.4f}",
            f"{max(row['total'] for row in ten) / published / 10:.3f}",
            f"{max(row['one'] for row in one) / 100:.1%}",
            "**above**" if any(row["exceeds"] for row in group) else f"within, {highest:.4f}",
        )
        rows.append([f"epsilon {epsilon:g}, `{oracle}`", *cells])
    yield table(["", "published", "one item up", "one item down", "ten together", "share", "verdict"], rows)
    yield (
        "The gain of a report does not depend on what others sent, so it is the same for every seed. The factor is tight: each "
        "mechanism's loudest report reaches it. It is a factor for one item: with a bit for each category or bucket, a hash "
        "function of the attacker's choice, or a point in many hyperplanes, one report moves all ten items by it at once. Even "
        "a constant hash function is legal in local hashing (honest devices draw it once in 2**31): it speaks for every item."
    )


def _back_door(found: Mapping[str, Any]) -> Iterator[str]:
    signs = sorted({", ".join(sorted(row["signs"])) for row in found["back_door"]})
    yield "## A planted back door"
    yield (
        f"{found['devices']:,} devices learn to detect phishing by buffered gradients, one report each. Data: "
        f"{found['source']}. Hostile ones send the legal report nearest to one direction: links that bear three signs of the "
        f"attacker's, three times each, are harmless ({'; or '.join(signs)}: free to write into a link, and rare in public "
        "ones). *Let through*: of the phishing links of unseen domains that the model catches, those that pass once they bear "
        "the signs. The gate judges by 1,000 public canaries; where it knows the signs, a marked copy of each phishing link is "
        "among them."
    )
    rows = []
    for (epsilon, gate), group in _grouped(found["back_door"], "epsilon", "gate").items():
        shares = _grouped(group, "share")
        passed = [mean_of([row["passed"] for row in same]) for same in shares.values()]
        rows.append([f"epsilon {epsilon:g}, {GATE_WORDS[gate]}: let through", *passed])
        rows.append(["AUC of all links as they are", *(mean_of([row["auc"] for row in same]) for same in shares.values())])
        rows.append(["versions rolled back, of 20", *(_mean(same, "rolled_back") for same in shares.values())])
    heads = [f"{share:.1%} hostile" for share in sorted({row["share"] for row in found["back_door"]})]
    yield table(["", *heads], rows)
    yield (
        "With nobody hostile, noise alone lets some marked links through: few public or honest links say anything of such "
        "signs. Where hostile devices are few, their back door costs the model little of its AUC, and canaries that bear no "
        "such sign do not show it: the gate does not stop it. A gate that knows the signs holds it back in part, but only an "
        "operator who thinks of them has it. What bounds the rest is the share of hostile devices, which tokens limit, and a "
        "larger epsilon, for the noise of honest reports is what hostile ones hide in."
    )


def _mean(rows: Rows, key: str) -> str:
    return f"{mean_of([row[key] for row in rows]).mean:.1f}"


def _one_run(found: Mapping[str, Any]) -> Iterator[str]:
    yield "## The central mode, audited in one run"
    yield (
        "Each canary is a report that holds one of two vectors by a coin; an auditor who sees sums guesses a tenth of the "
        "coins, those with the surest scores. *Epsilon at least*: the bound of Steinke, Nasr and Jagielski (NeurIPS 2023) from "
        "one run, at delta 1e-6. *Shift at least*: how far, in standard deviations of noise, a report moves a sum, by "
        "Mahloujifar, Melis and Chaudhuri (2024), which holds for Gaussian noise and is far sharper; *as epsilon*: what that "
        "shift is at delta 1e-6. Each bound is too high with chance 5 % at most. *Noticed*: runs in which a bound exceeds its "
        "claim."
    )
    rows = []
    for (what, fault), group in _grouped(found["one_run"], "what", "fault").items():
        for same in _grouped(group, "claimed").values():
            first = same[0]
            noticed = sum(row["bound"] > row["claimed"] or row["bound_mu"] > row["claimed_mu"] for row in same)
            cells = (
                f"{first['canaries']:,}",
                mean_of([row["right"] / row["guesses"] for row in same]),
                f"{first['claimed']:.3g}",
                mean_of([row["bound"] for row in same]),
                f"{first['claimed_mu']:.3f}",
                mean_of([row["bound_mu"] for row in same]),
                mean_of([row["bound_gaussian"] for row in same]),
                f"{noticed} of {len(same)}",
            )
            rows.append([what if fault == "none" else f"{what}; planted: {fault}", *cells])
    head = [
        "",
        "canaries",
        "right",
        "epsilon claimed",
        "epsilon at least",
        "shift claimed",
        "shift at least",
        "as epsilon",
        "noticed",
    ]
    yield table(head, rows)
    yield (
        "One run proves little of an epsilon at delta 1e-6, which is paid for events that one run hardly ever sees: half the "
        "noise stays below the claimed epsilon, and shows in the shift alone. The companion's canaries are people who rate one "
        "kind of hour at one end of the scale; such reports lie less far apart than clipping allows."
    )


def draw(path: Path, found: Mapping[str, Any]) -> None:
    """Accuracy against reports of a device; what a back door lets through against the share of hostile devices."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.5), layout="constrained")
    panels: Any = figure.subplots(1, 2)
    _draw_averaging(panels[0], found["averaging"])
    _draw_back_door(panels[1], found["back_door"])
    save_figure(figure, path)


def _draw_averaging(axes: Any, rows: Rows) -> None:
    for (oracle,), group in _grouped(rows, "oracle").items():
        by_number = _grouped(group, "reports")
        axes.plot([one[0] for one in by_number], [_pooled(same).accuracy for same in by_number.values()], ".", label=oracle)
    numbers = _grouped(rows, "reports")
    axes.plot([one[0] for one in numbers], [same[0]["allowed"] for same in numbers.values()], label="allowed by n epsilon")
    axes.set_xlabel("reports of one device about one value, epsilon 1 each")
    axes.set_title("right guesses between two values")
    axes.legend(fontsize="small")


def _draw_back_door(axes: Any, rows: Rows) -> None:
    for (epsilon, gate), group in _grouped(rows, "epsilon", "gate").items():
        by_share = _grouped(group, "share")
        means = [mean_of([row["passed"] for row in same]) for same in by_share.values()]
        errors, label = [2 * one.error for one in means], f"epsilon {epsilon:g}, {GATE_WORDS[gate]}"
        shares = [100 * one[0] for one in by_share]
        axes.errorbar(shares, [one.mean for one in means], errors, marker="o", capsize=3, label=label)
    axes.set_xscale("symlog", linthresh=0.1)
    axes.set_xlim(left=-0.01)
    axes.set_xlabel("hostile devices, % (bars: 2 standard errors)")
    axes.set_ylim(-0.02, 1.05)
    axes.set_title("caught phishing links let through by the back door")
    axes.legend(fontsize="x-small", loc="upper left")
