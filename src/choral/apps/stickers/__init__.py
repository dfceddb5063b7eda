"""Which sticker suits a message: ranked on the device, learnt under local privacy, no text ever kept.

Knows: stickers, keywords, download logs. Must not know: other apps; its device half knows no server and no study.
Interface: `shipped`, `Catalogue`, `Sticker`, `item_features` on both sides; `service` for an operator; `downloads` for a study.
Add here: stickers with their keywords in data/, under their own licence; a team's own come through `Catalogue.read`.
Tested in: tests/apps.
"""

from choral.apps.stickers.device.catalogue import Catalogue, Sticker, normal, shipped
from choral.apps.stickers.device.embedding import item_features

__all__ = ["Catalogue", "Sticker", "item_features", "normal", "shipped"]
