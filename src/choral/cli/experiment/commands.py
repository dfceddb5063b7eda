"""`choral experiment`: the studies in docs/experiments, each made again by one command."""

import typer

from choral.cli.lazy import Lazy, group_of

PAGES = {
    "emoji": Lazy("experiment.emoji", "emoji"),
    "domains": Lazy("experiment.domains", "domains"),
    "words": Lazy("experiment.words", "words"),
    "stickers": Lazy("experiment.stickers", "stickers", "server,learning,stickers"),
    "phishing": Lazy("experiment.phishing", "phishing", "server,learning,phishing"),
    "attacks": Lazy("experiment.attacks", "attacks", "server,learning,phishing,companion"),
    "her": Lazy("experiment.her", "her", "server,companion"),
}

app = typer.Typer(
    cls=group_of(PAGES),
    help="Make the pages of docs/experiments again: data, plots and text.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def experiment() -> None:
    """Make the pages of docs/experiments again: data, plots and text."""
