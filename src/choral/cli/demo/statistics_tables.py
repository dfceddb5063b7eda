"""How the statistics demo shows its results."""

from typing import Any

from rich.table import Table

from choral.cli.demo.statistics_play import Played

SHOWN = 8


def histogram_table(result: dict[str, Any]) -> Table:
    """The highest estimates beside the truth, and how many were released."""
    items = result["items"]
    table = _table(result, f"{sum(one['released'] for one in items)} of {len(items):,} items stand out and are released")
    for one in sorted(items, key=lambda one: -float(one["estimate"]))[:SHOWN]:
        _row(table, one["item"], one, "released" if one["released"] else "kept back")
    return table


def words_table(result: dict[str, Any]) -> Table:
    """The words found beside the truth."""
    table = _table(result, f"{len(result['found'])} words found that nobody had listed")
    for one in result["found"][:SHOWN]:
        _row(table, one["word"], one, "" if one["truth"] else "nobody typed it")
    return table


def lexicon_words_line(lexicon: dict[str, Any]) -> str:
    """What became of the words."""
    words = ", ".join(lexicon["words"]) or "none"
    return (
        f"\nThe tree's words, signed and published as a lexicon: {words}.\nOf these {len(lexicon['words'])} words a device "
        f"reported {lexicon['reported_before']}; once it has downloaded the lexicon, {lexicon['reported_after']}."
    )


def story_lines(played: Played, uploads: int, seconds: float) -> str:
    """What one device paid and sent, and how long all took."""
    return (
        f"\nOne device paid epsilon {played.paid:.4g} for life, for all five questions; its first report has "
        f"{len(played.report)} bytes:\n  {played.report.hex()[:96]}…\n  {played.meaning}\n\n"
        f"{uploads:,} uploads, {seconds:.1f} s."
    )


def _table(result: dict[str, Any], finding: str) -> Table:
    table = Table(
        title=f"{result['signal']} by {result['mechanism']}, {result['algorithm']}: {finding}",
        caption=f"{result['reports']:,} reports, epsilon {result['epsilon']:.4g} each, trusting nobody. "
        "Truth: known in a demo only.",
    )
    for name in ("what", "estimate", "truth", ""):
        table.add_column(name, justify="left" if name in ("what", "") else "right")
    return table


def _row(table: Table, name: str, one: dict[str, Any], verdict: str) -> None:
    table.add_row(name, f"{one['estimate']:,.0f} ± {one['stderr']:,.0f}", f"{one['truth']:,}", verdict)
