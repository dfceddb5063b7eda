"""`choral simulate companion` and `choral simulate ratings`: what others' ratings are worth, and what privacy costs."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from choral.cli.outputs import check_outputs, progress, warn, write_json
from choral.errors import UsageError

MOST_PEOPLE = 1_000_000
MOST_HOURS = 24 * 365
MOVIELENS = (".data", ".base", ".test")  # how the names of MovieLens-100K's files of ratings end
Columns = tuple[list[str], list[str], list[float]]


def companion(
    people: Annotated[int, typer.Option(help="People whose days are generated.")] = 5_000,
    hours: Annotated[int, typer.Option(help="Labelled hours of each.")] = 12,
    epsilon: Annotated[float, typer.Option(help="Privacy of a person over the whole training, where a sum is trusted.")] = 4.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same numbers.")] = 1,
    per_day: Annotated[int, typer.Option(help="Fragments of a day: 24, 48 or 12.")] = 24,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the results here.")] = None,
) -> None:
    """Moods of unlabelled hours, predicted alone, by the private shared model, and by both as each device weighs them."""
    started = time.perf_counter()
    check_outputs(json_file)
    if not (2 <= people <= MOST_PEOPLE and 1 <= hours <= MOST_HOURS):
        raise UsageError(f"need 2 to {MOST_PEOPLE:,} people and 1 to {MOST_HOURS:,} hours, got {people:,} and {hours:,}")
    from choral.apps.companion.device.fragments import Fragments
    from choral.apps.companion.study.study import Study, run

    try:
        study = Study(people, hours, epsilon, seed, Fragments(per_day))
        with progress(2 * study.parts, "parts") as done:
            found = run(study, done=done)
    except ValueError as error:
        raise UsageError(f"this cannot be simulated: {error}") from None
    summary: dict[str, Any] = {
        **{f"mse_{name}": found.mse[name] for name in ("shared", "alone", "own_mean", "blend", "central")},
        "ranking_within_person": found.ranking,
        "uploads_bytes": found.uploads_bytes,
        "epsilon": found.epsilon,
        "delta": found.delta,
        "seconds": round(time.perf_counter() - started, 3),
    }
    write_json(json_file, summary)
    title = f"{people:,} people, {hours:,} labelled hours each, epsilon {found.epsilon:.3g} (delta {found.delta:g}) a person"
    _print(title, {name: value for name, value in summary.items() if name.startswith("mse")}, "mean squared error")
    gain, gain_error = found.better
    Console().print(
        f"Moods lie in 0 to 1; nothing predicts better than {found.noise_floor:.5f}. Blend less alone, person by person: "
        f"{gain:+.5f} ± {gain_error:.5f}. {found.ranking:.1%} of pairs of hours are in the right order. {found.rank} hidden "
        f"numbers; {found.uploads_bytes:,} bytes uploaded by each person; {summary['seconds']:g} s.",
        highlight=False,
    )


def ratings(
    data: Annotated[
        Path,
        typer.Option(help="Ratings to train on: CSV, Parquet, JSON lines (also .gz), or u.data and *.base of MovieLens-100K."),
    ],
    test: Annotated[
        Path | None, typer.Option(help="Ratings to predict; also *.test of MovieLens-100K. Without it: a fifth of the data.")
    ] = None,
    epsilon: Annotated[float, typer.Option(help="Privacy of a person over the whole training, where a sum is trusted.")] = 4.0,
    user: Annotated[str, typer.Option(help="The column of people.")] = "user",
    item: Annotated[str, typer.Option(help="The column of things.")] = "item",
    rating: Annotated[str, typer.Option(help="The column of ratings.")] = "rating",
    seed: Annotated[int, typer.Option(help="The same seed gives the same numbers.")] = 1,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the results here.")] = None,
) -> None:
    """Your own ratings through the collaborative filter: central, federated by sums, private by person, and by biases alone."""
    started = time.perf_counter()
    check_outputs(json_file)
    from choral.apps.companion.study.ratings import ROUNDS, scores

    try:
        train, tested = _read((data,) if test is None else (data, test), (user, item, rating), seed)
        with progress(3 * ROUNDS, "rounds") as done:
            found = scores(train, tested, epsilon=epsilon, seed=seed, done=done)
    except ValueError as error:
        raise UsageError(f"{data}: {error}") from None
    summary: dict[str, Any] = {
        "rmse_central": found.central,
        "rmse_federated": found.federated,
        "rmse_private": found.private,
        "rmse_bias": found.bias,
    }
    write_json(json_file, summary)
    if found.private is None:
        warn([f"{train.items:,} things make a private report too large; their number can be at most 32,768"])
    shape = f"{len(train.rating):,} ratings of {train.items:,} things by {train.people:,} people, {len(tested.rating):,} tested"
    _print(shape, summary, "root mean squared error")
    Console().print(f"{time.perf_counter() - started:.1f} s", highlight=False)


def _read(files: tuple[Path, ...], columns: tuple[str, str, str], seed: int) -> Any:
    """Training and test rows, both counted over all names of both files."""
    import numpy as np

    from choral.apps.companion.study.ratings import Ratings, split

    parts = [_columns(path, *columns) for path in files]
    people, things = [name for part in parts for name in part[0]], [name for part in parts for name in part[1]]
    values = np.array([value for part in parts for value in part[2]], np.float64)
    whole = Ratings.of(people, things, values)
    if len(files) == 1:
        return split(whole, seed)
    trains = np.arange(len(values)) < len(parts[0][2])
    return whole.chosen(trains), whole.chosen(~trains)


def _columns(path: Path, user: str, item: str, rating: str) -> Columns:
    """Who rated what, and how."""
    if path.suffix in MOVIELENS and path.is_file():
        return _tabs(path)
    from choral.simulation.tables import read_values

    people, things = (read_values(path, rating, group=column) for column in (user, item))
    try:
        numbers = [float(name) for name in things.values.names]
    except ValueError:
        raise UsageError(f"{path}: the column {rating!r} holds something that is not a number") from None
    if people.groups is None or things.groups is None:
        raise UsageError(f"{path} has no columns {user!r} and {item!r}")
    return (
        [people.groups.names[code] for code in people.groups.codes.tolist()],
        [things.groups.names[code] for code in things.groups.codes.tolist()],
        [numbers[code] for code in things.values.codes.tolist()],
    )


def _tabs(path: Path) -> Columns:
    """As MovieLens-100K has them: user, item, rating and time, separated by tabs, without a line that names them."""
    people, things, values = [], [], []
    try:
        lines = path.read_text("utf-8").splitlines()
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text; MovieLens-100K's files of ratings are") from None
    for number, line in enumerate(lines, 1):
        try:
            person, thing, value, _time = line.split("\t")
            values.append(float(value))
        except ValueError:
            raise UsageError(
                f"{path}, line {number}: need user, item, rating and time, separated by tabs, as in u.data"
            ) from None
        people.append(person)
        things.append(thing)
    return people, things, values


def _print(title: str, rows: dict[str, Any], what: str) -> None:
    table = Table(title=title, box=SIMPLE)
    table.add_column("by")
    table.add_column(what, justify="right")
    for name, value in rows.items():
        table.add_row(name.partition("_")[2].replace("_", " "), "-" if value is None else f"{value:.5f}")
    Console().print(table)
