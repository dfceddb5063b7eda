"""What `choral trace companion` says of diary, shared model and sum, beside what every trace says of the path.

Numbers are rounded to three places, so that they are the same whatever a machine's last bits are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from choral.apps.companion.device import signals
from choral.apps.companion.device.blend import blended
from choral.apps.companion.device.diary import Diary
from choral.cli.trace.tracing import Watched
from choral.cli.trace.words import PATH
from choral.device import journal
from choral.device.ledger import BudgetLedger
from choral.learning import factor_solver
from choral.learning.alternating_least_squares import AlternatingLeastSquares
from choral.mechanisms.gaussian_vector import GaussianVector
from choral.mechanisms.vectors import on_grid
from choral.numerics.discrete_gaussian import DiscreteGaussian
from choral.privacy import MICRO
from choral.protocol import sealing
from choral.server.release import release_once, total
from choral.server.versions import candidate

SHOWN = 48  # bytes of a payload


@dataclass(slots=True)
class Words:
    """What is said of one device's story, of whose payload the server's shuffler tells. items: what each of them is"""

    items: Sequence[str]
    payload: bytes = field(default=b"", init=False)

    def watched(self) -> Watched:
        """The functions with what is said of them."""
        return (
            *PATH,
            *TOLD,
            (sealing.seal, self._sealed),
            (sealing.unseal, self._unsealed),
            (AlternatingLeastSquares.contribute, self._dense),
            (factor_solver.items_from, self._solved),
        )

    def _sealed(self, known: Mapping[str, Any], report: Any) -> str:
        self.payload = known["payload"]
        return (
            f"{len(self.payload)} bytes padded to {len(known['padded'])} and sealed: {len(report.to_bytes())} bytes in all\n"
            f"header {report.header.hex()}, to which the seal is bound"
        )

    def _unsealed(self, _: Mapping[str, Any], payload: Any) -> str:
        if payload != self.payload:
            return ""  # another device's
        return f"one payload of many, this device's: {payload[:SHOWN].hex()}… {len(payload)} bytes"

    def _dense(self, _: Mapping[str, Any], values: Any) -> str:
        table = values.reshape(len(self.items), -1)
        rows = "\n".join(f"{_numbers(row)} for {name}" for name, row in zip(self.items, table, strict=True))
        return (
            f"before noise, dense: of every item, rated or not, 3 numbers of x xT and 2 of x y; L2 norm {_norm(values)}\n{rows}"
        )

    def _solved(self, _: Mapping[str, Any], items: Any) -> str:
        rows = zip(self.items, items.biases, items.factors, items.doubt, strict=True)
        told = [f"{name}: {_number(bias):+} and {_numbers(ones)}, doubt {_number(doubt)}" for name, bias, ones, doubt in rows]
        return "\n".join([f"mean {_number(items.mean)}; what each item adds for everyone, and hidden numbers", *told])


def _labelled(known: Mapping[str, Any], _: Any) -> str:
    names = ", ".join(f"{hour}:00 {label.activity}" for hour, label in known["labels"].items())
    return f"in the encrypted diary, for the person alone: {names}"


def _felt(known: Mapping[str, Any], _: Any) -> str:
    moods = (
        f"{hour}:00 {mood.valence}{' (because of something else)' if mood.external else ''}"
        for hour, mood in known["moods"].items()
    )
    return f"moods of 100, there too: {', '.join(moods)}"


def _rated(_: Mapping[str, Any], event: Any) -> str:
    return "nothing: it had another cause" if event is None else f"the event: {dict(event.data)}"


def _kept(known: Mapping[str, Any], _: Any) -> str:
    return f"journalled for {known['signal'].name}, encrypted, {known['ttl_days']} days at most"


def _examples(_: Mapping[str, Any], arrays: Any) -> str:
    if not arrays["weight"].any():
        return ""  # only asked how nothing looks
    return f"{len(arrays['item'])} rows: items {arrays['item'].tolist()}, ratings {_numbers(arrays['rating'])}"


def _solved_person(_: Mapping[str, Any], people: Any) -> str:
    hidden, usual = _numbers(people.factors[0]), _number(people.bias[0])
    return f"the person's own numbers, which never leave: hidden {hidden}, usual mood {usual:+} from everyone's mean"


def _on_grid(known: Mapping[str, Any], _: Any) -> str:
    return f"clipped to {known['clip_norm']:g} and put on a grid where that is {known['radius']:.0f} steps"


def _noise(known: Mapping[str, Any], steps: Any) -> str:
    return f"this device's share of the noise, of standard deviation {known['self'].sigma} steps: {steps[0].tolist()}"


def _randomized(known: Mapping[str, Any], payloads: Any) -> str:
    vector = known["self"]
    return (
        f"{payloads['steps'][0].tolist()}\n{vector.payload.itemsize} bytes are all that leaves; "
        "alone they hide next to nothing: that is why only their sum is used"
    )


def _spent(known: Mapping[str, Any], ledger: Any) -> str:
    paid = ledger.account("sum").life_micro / MICRO
    return f"account `sum`: {paid:.6f} of {known['budget'].for_life_micro / MICRO:g} nats for life are spent"


def _used(known: Mapping[str, Any], _: Any) -> str:
    return f"the events that were used are deleted from the journal of {known['signal']}, in the same transaction"


def _legal(_: Mapping[str, Any], mask: Any) -> str:
    return f"could devices have sent them? {int(mask.sum())} of {len(mask)} could"


def _total(_: Mapping[str, Any], state: Any) -> str:
    return f"all reports added: {state.tolist()}"


def _estimated(_: Mapping[str, Any], estimate: Any) -> str:
    error = _number(estimate.stderr[0])
    return f"unbiased sum of {estimate.n} people's numbers, standard error {error} each: {_numbers(estimate.values)}"


def _judged(_: Mapping[str, Any], version: Any) -> str:
    return f"version {version.number}, from version {version.parent} and {version.reports} reports: {version.state}"


def _released(_: Mapping[str, Any], release: Any) -> str:
    numbers, noise = _numbers(release.arrays["params"]), _number(release.arrays["noise"][0])
    promises = (f"trusting {one.trust}: {one.sentence}" for one in release.guarantees)
    return "\n".join([f"the release: {numbers}, and how noisy the sum was: {noise}", *promises])


def _weighed(_: Mapping[str, Any], found: Any) -> str:
    shared, alone, both = (_numbers(one[0]) for one in (found.shared, found.alone, found.blend))
    weight = _number(found.weights[0, -1])
    return (
        f"moods by the shared model {shared}\nby this person alone {alone}, which weighs {weight}\n"
        f"by both, as each foretells what the person said: {both}"
    )


def _norm(values: Any) -> float:
    return _number(np.linalg.norm(values))


def _numbers(values: Any) -> list[float]:
    return [float(one) + 0.0 for one in np.round(np.asarray(values, np.float64), 3)]


def _number(value: Any) -> float:
    return _numbers([value])[0]


TOLD: Watched = (
    (Diary.label, _labelled),
    (Diary.feel, _felt),
    (signals.rated, _rated),
    (journal.append, _kept),
    (signals.ratings_of, _examples),
    (factor_solver.solved_people, _solved_person),
    (on_grid, _on_grid),
    (DiscreteGaussian.draw, _noise),
    (GaussianVector.randomize, _randomized),
    (journal.drop_used, _used),
    (BudgetLedger.spend, _spent),
    (GaussianVector.legal, _legal),
    (total, _total),
    (GaussianVector.estimate, _estimated),
    (candidate, _judged),
    (release_once, _released),
    (blended, _weighed),
)
