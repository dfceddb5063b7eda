"""Training on a device that has nothing but what a device needs, and how long it takes there."""

import subprocess
import sys
import time

import numpy as np

from choral.learning import FederatedAveraging
from choral.numerics import SeededEntropy
from tests.learning.examples import choices

PROGRAM = """
import sys
sys.path[:0] = sys.argv[1:]
from choral.learning import BufferedGradient, FederatedAveraging
from choral.mechanisms.priv_unit import PrivUnit
from choral.numerics import SystemEntropy
from tests.learning.examples import choices

entropy = SystemEntropy()
for kind in (FederatedAveraging, BufferedGradient):
    algorithm = kind(model="bilinear-ranking/1", shape="10x20")
    params = algorithm.check_out(algorithm.init(entropy), entropy)
    values = algorithm.contribute(params, choices(20, personal=10, item=20))
    assert values.any() and values.shape == (1, 200)
    PrivUnit.for_epsilon(4.0, 200, clip_norm=1.0).randomize(values, entropy)
heavy = {"jax", "numba", "scipy"}
assert not heavy & set(sys.modules), sorted(heavy & set(sys.modules))
"""


def test_a_bare_device_trains_and_randomizes_without_jax_numba_or_scipy(request):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(request.config.rootpath)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_device_trains_200_numbers_on_20_choices_within_50_ms():
    algorithm = FederatedAveraging(model="bilinear-ranking/1", shape="10x20", epochs=5, batch=5)
    examples = choices(20, personal=10, item=20, places=20)
    params = algorithm.check_out(algorithm.init(SeededEntropy(1)), SeededEntropy(2))
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        algorithm.contribute(params, examples)
        seconds.append(time.perf_counter() - start)
    print(f"{min(seconds) * 1000:.1f} ms for 5 epochs of 4 steps")
    assert min(seconds) < 0.05, seconds
    assert np.isfinite(algorithm.contribute(params, examples)).all()
