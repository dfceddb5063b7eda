"""docs/trace-keyboard.md, made by the program: `python -m tests.docs.trace_page` writes it again."""

from pathlib import Path

from choral.cli.trace import keyboard_lines

PATH = Path(__file__).parents[2] / "docs" / "trace-keyboard.md"
HEAD = """# One emoji, from the keystroke to the release

What `choral trace keyboard` prints: the production code, with keys, times and random words written down, and a sketch
small enough to be read (4 rows of 16 buckets instead of 65,536 of 1,024). A test compares this page with the program.
"""


def page() -> str:
    """The whole page."""
    return HEAD + "\n```\n" + "\n".join(keyboard_lines()).strip("\n") + "\n```\n"


if __name__ == "__main__":
    PATH.write_text(page())
