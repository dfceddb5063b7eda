"""`choral trace`: one event through the whole path, every value beside the function that made it."""

from importlib import import_module

import typer

app = typer.Typer(help="One event through the whole path, value by value.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def trace() -> None:
    """One event through the whole path, value by value."""


@app.command()
def keyboard() -> None:
    """One emoji on a Japanese keyboard, from the keystroke to the signed release, with written-down randomness."""
    _tell("keyboard")


@app.command()
def stickers() -> None:
    """One message, one sticker chosen, one private update, one step of the model, with written-down randomness."""
    _tell("stickers")


@app.command()
def phishing() -> None:
    """One link, a label that comes later, one report by draw and discard, with written-down randomness."""
    _tell("phishing")


@app.command()
def companion() -> None:
    """One day in a diary, one dense upload, one sum of forty, the next version, with written-down randomness."""
    _tell("companion")


def _tell(story: str) -> None:
    for line in import_module(f"choral.cli.trace.{story}").lines():
        print(line)
