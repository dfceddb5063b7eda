"""All mutants: what is planted, the law that it breaks, and that law's tests. Nothing of choral is imported here."""

from dataclasses import replace

from tests.mutants.mutant import Edit, Mutant
from tests.mutants.of_consent import CONSENT_AND_SILENCE
from tests.mutants.of_devices import DEVICE
from tests.mutants.of_letting_in import LETTING_IN
from tests.mutants.of_mechanisms import MECHANISM
from tests.mutants.of_servers import SERVER
from tests.mutants.of_stores import STORE

MUTANTS: tuple[Mutant, ...] = (*CONSENT_AND_SILENCE, *DEVICE, *LETTING_IN, *MECHANISM, *STORE, *SERVER)
HARMLESS = replace(  # no bug at all: what proves that the harness counts none
    next(one for one in MUTANTS if one.name == "price-unchecked"),
    name="harmless",
    edits=(Edit("choral.device.judging", "MOST_OPERATIONS = 2**31", "MOST_OPERATIONS = 2 * 2**30"),),
)
