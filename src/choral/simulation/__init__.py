"""The whole system in one process, and whole populations without it.

Knows: both halves, virtual time, faults. Must not know: production secrets, real clocks.
Interface: `World` and `run` (a story in it), `Population`, `study`.
Add here: a fault as an Op, or a population; each with the data or the paper it comes from.
Tested in: tests/simulation, tests/world.
"""

from choral.simulation.population import Events, Population
from choral.simulation.study import Cohort, Rows, Shard, Study, shards, study

__all__ = ["Cohort", "Events", "Population", "Rows", "Shard", "Study", "shards", "study"]
