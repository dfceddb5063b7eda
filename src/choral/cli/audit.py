"""`choral audit`: does each mechanism keep the epsilon that it claims?"""

from pathlib import Path
from typing import Annotated

import scipy.stats  # noqa: F401  # minutes of work end in it: whether it is there must show at once
import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from choral.cli.outputs import check_outputs, progress, write_json
from choral.errors import UsageError
from choral.mechanisms.audit import ALPHA, DRAWS, Audit
from choral.mechanisms.audit_cases import AUDITED, audit_named
from choral.numerics import SystemEntropy

EXIT_BROKEN = 1
LEAST_DRAWS = 10_000
MOST_DRAWS = 100_000_000

app = typer.Typer(help="Check claimed epsilons against what the mechanisms do.", rich_markup_mode=None)


@app.command(name="audit")
def audit_command(
    mechanism: Annotated[str | None, typer.Argument(help="A mechanism's name, such as randomized-response.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Audit every mechanism.")] = False,
    draws: Annotated[int, typer.Option(help="Reports drawn of each of two values, where outcomes cannot be walked.")] = DRAWS,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the findings here.")] = None,
) -> None:
    """Walk every outcome or draw many reports; print a lower bound on epsilon beside each claim. Status 1 if one is broken."""
    check_outputs(json_file)
    names = _names(mechanism, all_=all_)
    if not LEAST_DRAWS <= draws <= MOST_DRAWS:
        raise UsageError(f"{draws} draws cannot be used; choose {LEAST_DRAWS:,} to {MOST_DRAWS:,}")
    found = {}
    with progress(len(names), "mechanisms") as bar:
        for name in names:
            found[name] = audit_named(name, SystemEntropy(), draws=draws, alpha=ALPHA)
            bar(1)
    write_json(json_file, {name: audit.document() for name, audit in found.items()})
    _print(found)
    if any(audit.verdict == "broken" for audit in found.values()):
        raise typer.Exit(EXIT_BROKEN)


def _names(mechanism: str | None, *, all_: bool) -> list[str]:
    """The mechanisms to audit; a name may leave out its version."""
    if (mechanism is None) != all_:
        raise UsageError(f"name one mechanism, or say --all; there are {', '.join(sorted(AUDITED))}")
    names = [name for name in AUDITED if all_ or mechanism in (name, name.split("/")[0])]
    if not names:
        raise UsageError(f"there is no mechanism {mechanism!r} to audit; there are {', '.join(sorted(AUDITED))}")
    return names


def _print(found: dict[str, Audit]) -> None:
    table = Table(box=SIMPLE)
    table.add_column("mechanism", no_wrap=True)
    for column in ("claimed", "at least", "outcomes", "verdict"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, audit in found.items():
        outcomes = f"{audit.draws:,} drawn" if audit.draws else "all walked"
        plain = name.split("/")[0]
        table.add_row(plain, f"{audit.claimed:.4f}", f"{audit.lower_bound:.4f}", outcomes, audit.verdict)
    Console().print(table)
