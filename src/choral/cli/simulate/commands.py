"""`choral simulate`: populations without a phone. Each study is loaded when it is asked for."""

import typer

from choral.cli.lazy import Lazy, group_of

STUDIES = {
    "emoji": Lazy("simulate.emoji", "emoji"),
    "histogram": Lazy("simulate.histogram", "histogram"),
    "words": Lazy("simulate.words", "words"),
    "stickers": Lazy("simulate.stickers", "stickers", "server,learning,stickers"),
    "phishing": Lazy("simulate.phishing", "phishing", "server,learning,phishing"),
    "companion": Lazy("simulate.companion", "companion", "server,companion"),
    "ratings": Lazy("simulate.companion", "ratings", "server,companion"),
}

app = typer.Typer(
    cls=group_of(STUDIES),
    help="Simulate a population: what would be learnt, and how well.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def simulate() -> None:
    """Simulate a population: what would be learnt, and how well."""
