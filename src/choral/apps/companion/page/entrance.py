"""First run, unlock and lock; and where the first page leads."""

from starlette.responses import Response

from choral.apps.companion.device.home import Locked
from choral.apps.companion.page.desk import Desk, go
from choral.apps.companion.page.forms import Ask
from choral.apps.companion.page.session import OPENED
from choral.device.passphrase import SHORTEST, TooSoon, WrongPassphrase
from choral.errors import Refused, StoreError
from choral.pages import sentence

FORBIDDEN, CONFLICT, TOO_MANY = 403, 409, 429
MOST = 1_000  # characters of a passphrase


def index(desk: Desk, ask: Ask) -> Response:
    """On to where this person can go on."""
    if not desk.home.exists:
        return go("/begin")
    return go("/today" if is_let_in(desk, ask) else "/unlock")


def begin(desk: Desk, _: Ask) -> Response:
    """The first page of the first run."""
    return _begin(desk, "")


def create(desk: Desk, ask: Ask) -> Response:
    """Make the companion under a passphrase, and open it."""
    passphrase = ask.text("passphrase", most=MOST)
    if passphrase != ask.text("again", most=MOST):
        return _begin(desk, "The two passphrases are not the same. Type them again; nothing was made.", status=CONFLICT)
    try:
        key = desk.create(passphrase, ask.now)
    except (Refused, StoreError) as error:
        return _begin(desk, sentence(error), status=CONFLICT)
    if ask.is_on("ring"):
        desk.say(lay_in_ring(desk, passphrase))
    return OPENED.given(go("/welcome"), ask.headers, key)


def locked(desk: Desk, ask: Ask) -> Response:
    """Where the passphrase is typed."""
    return go("/today") if is_let_in(desk, ask) else _locked(desk, "")


def unlock(desk: Desk, ask: Ask) -> Response:
    """Open the companion. What was wrong is said, and how long to wait; never whether it was nearly right."""
    try:
        passphrase = _from_ring(desk) if ask.is_on("ring") else ask.text("passphrase", most=MOST)
        key = desk.unlock(passphrase, ask.now)
    except TooSoon as error:
        return _locked(desk, sentence(error), status=TOO_MANY)
    except WrongPassphrase as error:
        return _locked(desk, sentence(error), status=FORBIDDEN)
    except (StoreError, Refused) as error:
        return _locked(desk, sentence(error), status=CONFLICT)
    return OPENED.given(go("/today"), ask.headers, key)


def lock(desk: Desk, ask: Ask) -> Response:
    """Lock now."""
    desk.lock()
    return OPENED.given(go("/unlock"), ask.headers, "")


def is_let_in(desk: Desk, ask: Ask) -> bool:
    """Whether the companion is open, and for this browser."""
    if not desk.session.knows(ask.key):
        return False
    try:
        desk.room(ask.now)
    except Locked:
        return False
    return True


def lay_in_ring(desk: Desk, passphrase: str) -> str:
    """Give the passphrase to the operating system's keyring; a sentence about what came of it."""
    if desk.ring is None:
        return "This computer has no keyring; type the passphrase each time."
    try:
        desk.ring.keep(passphrase.encode())
    except StoreError as error:
        return f"The passphrase works, but the keyring does not hold it: {error}."
    return "This computer's keyring holds the passphrase too: whoever is logged in here can open the companion by one click."


def _from_ring(desk: Desk) -> str:
    """What the keyring holds; Refused if it holds nothing."""
    held = desk.ring.witness() if desk.ring is not None else b""
    if not held:
        raise Refused("this computer's keyring does not hold the passphrase; type it")
    return held.decode()


def _begin(desk: Desk, problem: str, *, status: int = 200) -> Response:
    shown = {"problem": problem, "shortest": SHORTEST, "has_ring": desk.ring is not None, "folder": str(desk.home.folder)}
    return desk.page("begin.html", "Begin", status=status, **shown)


def _locked(desk: Desk, problem: str, *, status: int = 200) -> Response:
    return desk.page("unlock.html", "Locked", status=status, problem=problem, has_ring=desk.ring is not None)
