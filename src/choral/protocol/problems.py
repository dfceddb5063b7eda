"""Problem documents (RFC 9457): every way a server says no, with a stable type, a status and a remedy."""

import json
import re
import unicodedata
from dataclasses import dataclass

PREFIX = "urn:choral:problem:"
MEDIA_TYPE = "application/problem+json"


MOST_SHOWN = 500  # characters of what another side said that are shown or kept
UNSEEN = ("C", "Zl", "Zp")  # categories of characters that are not seen, or turn what is: controls, marks of direction, joiners
BLANK = re.compile(  # letters and marks that Unicode says to ignore, or that look like nothing
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def shown(text: str) -> str:
    """What another side said, fit to be shown to a person: no control, bidi or zero-width character, and not too long."""
    kept = (one for one in BLANK.sub("", text[: 4 * MOST_SHOWN]) if not unicodedata.category(one).startswith(UNSEEN))
    return "".join(kept)[:MOST_SHOWN]


@dataclass(frozen=True, slots=True)
class Problem:
    """One kind of refusal. `retry` says whether the same bytes may succeed later."""

    type: str
    status: int
    title: str
    remedy: str
    retry: bool = False

    def document(self, detail: str = "") -> bytes:
        """The problem as application/problem+json."""
        members = {
            "type": PREFIX + self.type,
            "title": self.title,
            "status": self.status,
            "detail": detail,
            "remedy": self.remedy,
        }
        return json.dumps({name: value for name, value in members.items() if value != ""}, ensure_ascii=False).encode()


_ALL = (
    Problem("malformed-message", 400, "The message cannot be read", "Send it as the wire format says; do not retry."),
    Problem("wrong-size", 400, "The report has none of the three sizes", "Pad the payload to its size class; do not retry."),
    Problem("too-large", 413, "The body is larger than any message here", "Send one report a request; do not retry."),
    Problem("unknown-task", 404, "No live task has this hash", "Download the latest check-out."),
    Problem("unknown-name", 400, "A mechanism or algorithm is not known", "Update, or leave the task alone."),
    Problem("round-closed", 409, "The round takes no more reports", "Delete the report; it is not refunded."),
    Problem("round-unopened", 409, "The round has not begun", "Use the round of the latest check-out."),
    Problem("task-expired", 410, "The task has expired", "Delete the report; it is not refunded."),
    Problem("bad-signature", 403, "The signature does not hold", "Sign with the key that this server trusts."),
    Problem("broken-seal", 400, "The seal does not open", "Seal to the key of the task in the latest check-out."),
    Problem("not-authorized", 401, "This needs a token that is known here", "Send it as a bearer token."),
    Problem("token-refused", 401, "A token of the task's issuer is needed", "Ask the issuer for one; send the same report."),
    Problem("token-spent", 409, "The token was spent on another report", "Delete the report; it is not refunded."),
    Problem("allowance-used", 429, "This account has its tokens of this period", "Ask again in the next period.", retry=True),
    Problem("unknown-page", 404, "There is nothing here", "See the index page for what there is."),
    Problem("wrong-method", 405, "This address does not take this method", "See the API description."),
    Problem("conflict", 409, "This contradicts what is stored", "Read the current state and decide again."),
    Problem("storage-full", 507, "The server cannot store anything now", "Send the same bytes again later.", retry=True),
    Problem("overloaded", 503, "The server has too much to do", "Send the same bytes again later.", retry=True),
    Problem("unavailable", 503, "The server is stopping or broken", "Send the same bytes again later.", retry=True),
)
PROBLEMS = {problem.type: problem for problem in _ALL}
