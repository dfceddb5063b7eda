import ast
import re
import subprocess
from pathlib import Path

import pytest

import choral
from choral.cli.app import COMMANDS
from choral.protocol import PROBLEMS
from tests.docs import cli_reference, trace_page

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "src").rglob("*.md")])
LOWER_ROOMS = ["numerics", "privacy", "mechanisms", "learning", "protocol"]
ROOMS = [*LOWER_ROOMS, "storage", "engines", "device", "server", "simulation", "pages"]
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_inside_the_repository_leads_somewhere(page):
    broken = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert not broken


def test_the_command_reference_is_what_the_program_says():
    assert cli_reference.PATH.read_text() == cli_reference.reference()


def test_the_readme_names_every_command_and_both_ways_to_begin():
    text = (ROOT / "README.md").read_text()
    assert {"make demo", "make test"} <= set(re.findall(r"make \w+", text))
    assert not [name for name in COMMANDS if f"choral {name}" not in text]


def test_every_problem_type_is_documented():
    text = (ROOT / "docs" / "http.md").read_text()
    assert not [name for name in PROBLEMS if f"`{name}`" not in text]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_what_it_knows_what_it_must_not_and_where_it_is_tested(room):
    tree = ast.parse((Path(choral.__file__).parent / room / "__init__.py").read_text())
    text = ast.get_docstring(tree) or ""
    assert "Knows:" in text
    assert "ust not" in text
    assert "Interface:" in text
    assert "Add here:" in text
    assert "Tested in:" in text


def tracked_files():
    """Files that git knows, or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def test_the_lock_pins_hashes_and_names_no_host():
    text = (ROOT / "requirements.lock").read_text()
    assert not re.search(r"https?://", text)
    for requirement in re.split(r"\n(?=\S)", text):
        if requirement.strip() and not requirement.startswith("#"):
            assert "--hash=sha256:" in requirement


def test_nothing_is_left_open_in_the_code():
    marks = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
    python = [path for path in tracked_files() if path.suffix == ".py" and path != Path(__file__)]
    assert not [path for path in python if marks.search(path.read_text())]


def test_no_generator_that_can_be_seeded_feeds_a_device():
    marks = re.compile(r"\bnp\.random\.|\bnumpy\.random|^import random|^from random", re.MULTILINE)
    package = [path for path in tracked_files() if path.suffix == ".py" and "src/choral" in str(path)]
    assert package
    assert not [path for path in package if marks.search(path.read_text())]


def test_every_decision_is_listed():
    folder = ROOT / "docs" / "decisions"
    text = (folder / "README.md").read_text()
    assert not [path.name for path in folder.glob("0*.md") if f"({path.name})" not in text]


@pytest.mark.parametrize("story", trace_page.HEADS)
def test_the_trace_is_what_the_program_prints(story):
    assert trace_page.path(story).read_text() == trace_page.page(story)
