"""Templates and the style sheet: every page is rendered on the server and escapes whatever it is given."""

from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from choral.pages import numbers
from choral.pages.words import promises

FILTERS = {
    "count": numbers.count,
    "plural": numbers.plural,
    "promises": promises,
    "span": numbers.span,
    "upper_bound": numbers.upper,
    "when": numbers.when,
}


def environment(package: str) -> Environment:
    """Templates of `package` beside this room's layout; autoescape is on, an unknown name is an error."""
    loader = ChoiceLoader([PackageLoader(package), PackageLoader(__package__)])
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters.update(FILTERS)
    return made


def page(templates: Environment, name: str, *, status: int = 200, **content: Any) -> HTMLResponse:
    """The rendered template as a response that is asked for anew each time."""
    return HTMLResponse(templates.get_template(name).render(content), status, {"Cache-Control": "no-cache"})


def static_files(*packages: str) -> StaticFiles:
    """The style sheet and the icon, and what further packages have in their folder `static`, to be mounted at /static."""
    return StaticFiles(packages=[(package, "static") for package in (__package__, *packages)])
