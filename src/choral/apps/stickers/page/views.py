"""What the chat page says of the person's own model, of consent, reports and prices."""

from dataclasses import dataclass

from choral.apps.stickers.device.phone import Phone
from choral.device.statement import Left, Purpose, purposes, what_left

MOST_LIKED = 8  # stickers shown


@dataclass(frozen=True, slots=True)
class PanelView:
    """All that the page shows beside the chat.

    said: what the last act did; waiting: choices not learnt from yet; liked: sticker and count
    """

    said: tuple[str, ...]
    purposes: tuple[Purpose, ...]
    left: Left
    version: int
    waiting: int
    liked: tuple[tuple[str, str, int], ...]


def panel_view(phone: Phone, said: tuple[str, ...]) -> PanelView:
    """The phone as it is now."""
    learnt = phone.learnt
    liked = sorted(learnt.history.items(), key=lambda one: -one[1])[:MOST_LIKED]
    return PanelView(
        said=said,
        purposes=purposes(phone.agent),
        left=what_left(phone.agent),
        version=phone.version,
        waiting=len(learnt.choices),
        liked=tuple((*phone.shelf.symbol(id_), count) for id_, count in liked),
    )
