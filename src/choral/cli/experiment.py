"""`choral experiment`: the studies in docs/experiments, each made again by one command."""

import typer

from choral.cli.experiment_domains import domains
from choral.cli.experiment_emoji import emoji
from choral.cli.experiment_words import words

app = typer.Typer(
    help="Make the pages of docs/experiments again: data, plots and text.", no_args_is_help=True, rich_markup_mode=None
)


@app.callback()
def experiment() -> None:
    """Make the pages of docs/experiments again: data, plots and text."""


app.command()(emoji)
app.command()(domains)
app.command()(words)
