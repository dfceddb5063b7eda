"""What `choral trace phishing` says of the functions of links and of draw and discard, beside those of the path.

Numbers are rounded to four places, so that they are the same whatever a machine's last bits are.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from choral.apps.phishing.device import features, records
from choral.apps.phishing.device.book import LabelBook
from choral.apps.phishing.device.detector import Detector
from choral.cli.trace.tracing import Watched
from choral.cli.trace.words import PATH
from choral.device import journal
from choral.learning.draw_and_discard import DrawAndDiscard
from choral.mechanisms.laplace_model import LaplaceModel, unpacked
from choral.mechanisms.laplace_vector import LaplaceVector
from choral.server.release import release_once
from choral.server.versions import candidate

SHOWN = 5  # numbers of a model of 53
TOLD = ("length_url", "nb_dots", "phish_hints", "login_form", "ratio_extHyperlinks", "password_boxes", "forms_elsewhere")


def _drawn(known: Mapping[str, Any], params: Any) -> str:
    held = known["state"]["instances"]
    number = int(np.flatnonzero((held.astype(np.float32) == params["params"]).all(axis=1))[0])
    return f"of {len(held)} instances number {number} is drawn: {_numbers(params['params'])}"


def _looked(_: Mapping[str, Any], seen: Any) -> str:
    told = ", ".join(f"{name} {seen.features[name]:.3g}" for name in TOLD)
    words = f"; its host looks like {seen.brand}" if seen.brand else ""
    return f"{len(seen.features)} features, counted here, nothing fetched{words}\n{told}"


def _judged(_: Mapping[str, Any], verdict: Any) -> str:
    reasons = "; ".join(one.text for one in verdict.reasons)
    return f"{verdict.score:.1%} likely to be phishing, says {verdict.model}\n{reasons}"


def _recorded(known: Mapping[str, Any], _: Any) -> str:
    marks = known["of_link"]
    return f"instead of the link {len(marks)} hash prefixes, by which a label can find it; the most exact: {marks[0]:016x}"


def _kept(known: Mapping[str, Any], _: Any) -> str:
    names = len(known["event"].data)
    return f"journalled for {known['signal'].name}, encrypted, {known['ttl_days']} days at most: {names} values, not the link"


def _labelled(known: Mapping[str, Any], count: Any) -> str:
    entry = known["self"].feed
    said = "phishing" if entry.phishing[0] else "legitimate"
    return f"signed by a trusted operator; {count} entry: {int(entry.marks[0]):016x} is {said}"


def _scaled(known: Mapping[str, Any], arrays: Any) -> str:
    if not arrays["weight"].any():
        return ""
    names = known["layout"].names[:SHOWN]
    inputs = ", ".join(f"{name} {value:.3f}" for name, value in zip(names, arrays["inputs"][0], strict=False))
    return f"label {arrays['label'][0]:g}; {len(arrays['inputs'][0])} features within [0, 1] by public constants: {inputs}, …"


def _stepped(known: Mapping[str, Any], step: Any) -> str:
    algorithm = known["self"]
    return (
        f"a step of gradient descent at rate {algorithm.rate:g}, the L1 norm of a row's gradient cut at "
        f"{algorithm.clip_micro / 1e6:g}, of their mean at {algorithm.longest:g}: {_numbers(step)}"
    )


def _on_grid(known: Mapping[str, Any], steps: Any) -> str:
    vector = known["self"]
    length = float(np.abs(steps).sum() * vector.step)
    return f"clipped, on a grid of {vector.step:.3g}: L1 norm {length:.3f} of at most {vector.clip_norm:g}"


def _noisy(known: Mapping[str, Any], noisy: Any) -> str:
    vector = known["self"]
    noise = (noisy - known["steps"]) * vector.step
    deviation = vector.noise.variance**0.5 * vector.step
    return f"discrete Laplace noise of standard deviation {deviation:.3f} in each number: {_numbers(noise[0])}"


def _randomized(known: Mapping[str, Any], payloads: Any) -> str:
    model = known["self"]
    weights = unpacked(payloads["steps"])[0] * model.update.step
    size = model.payload.itemsize
    return f"instance and noisy step, added: {_numbers(weights)}\n{size} bytes are all that leaves; epsilon {model.epsilon:.6f}"


def _used(known: Mapping[str, Any], _: Any) -> str:
    return f"the record that was used is deleted from the journal of {known['signal']}, in the same transaction"


def _legal(_: Mapping[str, Any], mask: Any) -> str:
    return f"could a device have sent it? {mask.tolist()}"


def _folded(known: Mapping[str, Any], state: Any) -> str:
    limit, rows = known["self"].limit, enumerate(state["instances"])
    held = "\n".join(f"instance {number}: {_numbers(row)}" for number, row in rows)
    return (
        f"{known['nearest']:.3f} from the nearest instance, at most {limit:.3f}: taken; instance {known['discarded']} is "
        f"discarded, whichever was drawn\n{held}"
    )


def _judged_version(_: Mapping[str, Any], version: Any) -> str:
    return f"version {version.number}, from version {version.parent} and {version.reports} report: {version.state}"


def _released(_: Mapping[str, Any], release: Any) -> str:
    spread, law = (float(release.arrays[name][0]) for name in ("spread", "spread_law"))
    served = _numbers(release.arrays["params"])
    return f"served, the mean of the instances: {served}\nvariance between them {spread:.3g}, in the long run {law:.3g}"


def _numbers(values: Any) -> str:
    rounded = [float(one) + 0.0 for one in np.round(np.asarray(values, np.float64)[:SHOWN], 4)]
    return f"[{', '.join(map(str, rounded))}, … {len(values)} numbers]"


WATCHED: Watched = (
    *PATH,
    (DrawAndDiscard.check_out, _drawn),
    (features.look, _looked),
    (Detector.judge, _judged),
    (records.recorded, _recorded),
    (journal.append, _kept),
    (LabelBook.take, _labelled),
    (records.examples_of, _scaled),
    (DrawAndDiscard.local_step, _stepped),
    (LaplaceVector.on_grid, _on_grid),
    (LaplaceVector.noisy, _noisy),
    (LaplaceModel.randomize, _randomized),
    (journal.drop_used, _used),
    (LaplaceModel.legal, _legal),
    (DrawAndDiscard.fold, _folded),
    (candidate, _judged_version),
    (release_once, _released),
)
