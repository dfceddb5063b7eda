"""Which new words people type, for studies: real shares of real words. Study half: devices never import it."""

import csv
from functools import lru_cache
from importlib.resources import files


@lru_cache(maxsize=1)
def new_words() -> dict[str, float]:
    """The 1,000 commonest words of Twitter 2015 that are in no dictionary, with their shares among them, commonest first."""
    lines = (files("choral.apps.keyboard") / "data" / "new_words.csv").read_text(encoding="utf-8").splitlines()
    return {row["word"]: float(row["share"]) for row in csv.DictReader(lines)}
