"""docs/trace-*.md, made by the program: `python -m tests.docs.trace_page` writes them again."""

from importlib import import_module
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
HEADS = {
    "keyboard": """# One emoji, from the keystroke to the release

What `choral trace keyboard` prints: the production code, with keys, times and random words written down, and a sketch
small enough to be read (4 rows of 16 buckets instead of 65,536 of 1,024). A test compares this page with the program.
""",
    "stickers": """# One sticker, from the message to the next model

What `choral trace stickers` prints: the production code, with keys, times and random words written down, a model of 6
numbers instead of 150 and a list of 16 directions instead of thousands. A test compares this page with the program.
""",
    "phishing": """# One link, from its features to the next state of the model

What `choral trace phishing` prints: the production code, with keys, times and random words written down, 3 instances
instead of 20, and one link a report instead of 20. Of the 53 numbers of a model the first five are shown. A test
compares this page with the program.
""",
    "companion": """# One day, from the diary to the next version of the shared model

What `choral trace companion` prints: the production code, with keys, times and random words written down, 4 kinds of hours
instead of 64, one hidden number of each, and 40 devices instead of hundreds. A test compares this page with the program.
""",
}


def path(story: str) -> Path:
    """Where the page of a story lies."""
    return DOCS / f"trace-{story}.md"


def page(story: str) -> str:
    """The whole page."""
    lines = import_module(f"choral.cli.trace.{story}").lines()
    return HEADS[story] + "\n```\n" + "\n".join(lines).strip("\n") + "\n```\n"


if __name__ == "__main__":
    for name in HEADS:
        path(name).write_text(page(name))
