"""A device that has nothing but what a device needs: import, first report, and what was loaded for it."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys, time
start = time.perf_counter()
sys.path[:0] = sys.argv[2:]
from choral.device import Agent, Conditions, Budget, Event, HttpTransport, Signal
from choral.learning import ALGORITHMS
from choral.mechanisms import MECHANISMS
from choral.numerics import SystemEntropy
from tests.device.sketch_example import ANSWERS, NOW, OPERATORS, SIGNAL

class Desk:
    def __init__(self): self.received = []
    def fetch(self, path): return ANSWERS[path]
    def send(self, report, token=b""): self.received.append(report)

if sys.argv[1] == "memory":
    from choral.storage.device_memory import MemoryDeviceStore
    store, witness = MemoryDeviceStore(), None
else:
    from pathlib import Path
    from choral.device.home import Home
    home = Home(Path(sys.argv[1]))
    witness = home.vault()
    store = home.store(witness)
desk = Desk()
agent = Agent(store=store, witness=witness, signals=(SIGNAL,), names={**MECHANISMS, **ALGORITHMS}, operators=OPERATORS,
              transport=desk, entropy=SystemEntropy(), budget=Budget.nats(day=8, year=100, life=100))
agent.refresh(NOW)
agent.agree(agent.offers()[0].terms_hash, NOW)
agent.record(Event("words.typed", NOW, {"word": "hello"}), NOW)
agent.tick(NOW, Conditions(idle=True, charging=True, unmetered=True))
seconds = time.perf_counter() - start
assert len(desk.received) == 1, desk.received
heavy = {"numba", "scipy", "jax", "starlette", "uvicorn", "matplotlib", "pyarrow", "httpx", "typer", "rich", "asyncio"}
assert not heavy & set(sys.modules), sorted(heavy & set(sys.modules))
assert not [name for name in sys.modules if name.startswith(("choral.server", "choral.simulation", "choral.cli"))]
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024
print(f"{seconds:.3f} s to the first report, {peak:.0f} MB at most")
assert peak < 90, peak
"""


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_bare_device_makes_its_first_report_without_the_servers_libraries(kind, tmp_path, request):
    if not sys.platform.startswith("linux"):
        pytest.skip("peak memory is read from /proc, which only Linux has")
    place = "memory" if kind == "memory" else str(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, place, str(request.config.rootpath)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    print(kind, done.stdout)
