"""The model that ships: logistic regression on published links, judged on domains that it has not seen."""

from typing import Any

import numpy as np

from choral.apps.phishing.device.detector import thresholds
from choral.apps.phishing.device.features import DIGITS, PUBLIC, Constants
from choral.apps.phishing.device.scaling import Scaling
from choral.apps.phishing.study.data import Links, split
from choral.apps.phishing.study.ground import CENTRAL_RIDGE, fit
from choral.errors import UsageError
from choral.learning.classification import auc, recall_at

SEED = 1


def public_document(links: Links) -> dict[str, Any]:
    """Constants from all rows; a model from 70 % of the domains, its thresholds and figures from the other 30 %."""
    if links.names != PUBLIC or links.synthetic:
        raise UsageError("the model that ships is learnt from the 52 columns of published links; give their CSV")
    scales = Constants(Scaling.standard(links.features), Scaling.unit(links.features))
    scales = Constants.of(scales.document())  # as they will be read
    inputs, parts = scales.standard(links.features), split(links, SEED)
    known = np.concatenate([parts.public, parts.devices])
    params = fit(inputs[known], links.labels[known], CENTRAL_RIDGE)
    test, labels = inputs[parts.test], links.labels[parts.test]
    canaries = {"inputs": test, "label": labels, "weight": np.ones(len(test))}
    area, recall = (judge(test @ params[:-1] + params[-1], labels) for judge in (auc, recall_at))
    both = thresholds(params, scales.public, canaries)
    return {
        "source": links.source,
        **scales.document(),
        "params": [round(float(one), DIGITS) for one in params],
        "thresholds": {"with_page": round(both.with_page, DIGITS), "link_alone": round(both.link_alone, DIGITS)},
        "figures": {
            "auc": round(area[0], 4),
            "auc_stderr": round(area[1], 4),
            "recall_at_1pct_fpr": round(recall[0], 4),
            "recall_stderr": round(recall[1], 4),
            "links": len(test),
        },
    }
