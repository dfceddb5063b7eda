"""`choral labels`: make the public feed of labels that devices match on their own, and the model that ships."""

import json as codec
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from choral.apps.phishing.device.labels import LabelFeed, Source, read_source, today
from choral.cli.outputs import check_outputs, write_json
from choral.cli.task.commands import OperatorKey, Out, private_key, write_signed
from choral.errors import UsageError
from choral.protocol import sign

app = typer.Typer(help="Labels of links: build the signed feed.", no_args_is_help=True, rich_markup_mode=None)
Files = list[Path]
Json = Annotated[Path | None, typer.Option("--json", help="Write what was built there as JSON.")]


@app.command()
def build(
    operator_key: OperatorKey,
    out: Out,
    listed: Annotated[Files | None, typer.Option("--list", help="List of links: CSV url,label,day, or text.")] = None,
    reported: Annotated[Files | None, typer.Option("--report", help="The same, as people reported them.")] = None,
    curated: Annotated[
        Files | None, typer.Option("--curated", help="The same, decided by hand; it overrules the others.")
    ] = None,
    json: Json = None,
) -> None:
    """Sign a feed of hash prefixes from lists, reports and what was curated by hand. Hand it on with `choral task publish`.

    A text file holds one phishing link a line. Sources may name the same link. Contradictions that no curated file decides
    are refused with their lines; then nothing is written.
    """
    check_outputs(json)
    now = datetime.now(UTC)
    sources: tuple[tuple[Source, Files], ...] = (("list", listed or []), ("report", reported or []), ("curated", curated or []))
    if not any(files for _, files in sources):
        raise UsageError("give at least one file with --list, --report or --curated")
    entries = [entry for source, files in sources for path in files for entry in read_source(path, source, today(now))]
    feed = LabelFeed.built(entries, now)
    if not len(feed):
        raise UsageError("no file names a link; a feed of nothing would take all labels back")
    release = feed.release()
    write_signed(out, sign(release, private_key(operator_key)))
    phishing = int(feed.phishing.sum())
    answer = {"hash": release.hash.hex(), "entries": len(feed), "phishing": phishing, "lines": len(entries)}
    write_json(json, answer)
    _say(f"{len(feed):,} entries, {phishing:,} of them phishing, from {len(entries):,} lines; {release.hash.hex()} in {out}")


@app.command()
def model(
    data: Annotated[Path, typer.Option("--data", help="The published links: CSV of Hannousse and Yahiouche, also .gz.")],
    out: Annotated[Path, typer.Option("--out", help="Write the constants and the model there as JSON.")],
) -> None:
    """Learn the public model that ships, with its constants and thresholds, from published links."""
    from choral.apps.phishing.study.data import read_links
    from choral.apps.phishing.study.public_model import public_document

    check_outputs(out)
    document = public_document(read_links(data))
    out.write_text(codec.dumps(document) + "\n", "utf-8")
    figures = document["figures"]
    _say(
        f"AUC {figures['auc']:.4f} ± {figures['auc_stderr']:.4f}, recall {figures['recall_at_1pct_fpr']:.3f} at 1 % false "
        f"positives, on {figures['links']:,} links of unseen domains; in {out}"
    )


def _say(text: str) -> None:
    Console(highlight=False, soft_wrap=True).print(text, markup=False)
