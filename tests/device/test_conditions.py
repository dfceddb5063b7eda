"""Conditions of a Linux device, read from a tree of files."""

import os
from datetime import UTC, datetime

import pytest

from choral.device import Conditions, FixedConditions, LinuxConditions
from choral.device.conditions import ask

NOW = datetime(2027, 1, 4, 9, tzinfo=UTC)


def silent(command):
    return None


def write(root, **files):
    for path, text in files.items():
        place = root / path.replace("__", "/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text + "\n")
    return LinuxConditions(root, ask=silent)


def supply(root, name, **files):
    return write(root, **{f"sys__class__power_supply__{name}__{file}": text for file, text in files.items()})


@pytest.mark.parametrize(
    ("files", "charging"),
    [
        ({"type": "Battery", "status": "Discharging"}, False),
        ({"type": "Battery", "status": "Not charging"}, False),
        ({"type": "Battery", "status": "Charging"}, True),
        ({"type": "Battery", "status": "Full"}, True),
        ({"type": "Battery", "scope": "Device", "status": "Discharging"}, True),  # a mouse
    ],
)
def test_a_battery_says_whether_it_charges(tmp_path, files, charging):
    assert supply(tmp_path, "BAT0", **files).read(NOW).charging is charging


@pytest.mark.parametrize(("online", "charging"), [("1", True), ("0", False)])
def test_mains_say_whether_they_are_online(tmp_path, online, charging):
    supply(tmp_path, "BAT0", type="Battery", status="Not charging")
    assert supply(tmp_path, "AC", type="Mains", online=online).read(NOW).charging is charging


def test_a_machine_without_a_battery_is_on_mains(tmp_path):
    assert LinuxConditions(tmp_path, ask=silent).read(NOW).charging


@pytest.mark.parametrize(("minutes", "load", "idle"), [(11, "0.10", True), (9, "0.10", False), (11, "900.0", False)])
def test_idle_is_a_terminal_unused_and_a_low_load(tmp_path, minutes, load, idle):
    conditions = write(tmp_path, dev__tty1="", proc__loadavg=f"{load} 0.20 0.30 1/100 1234")
    used = NOW.timestamp() - 60 * minutes
    os.utime(tmp_path / "dev/tty1", (used, used))
    assert conditions.read(NOW).idle is idle


@pytest.mark.parametrize(("hint", "idle"), [("b true", True), ("b false", False)])
def test_logind_knows_best_whether_a_person_is_there(tmp_path, hint, idle):
    conditions = LinuxConditions(tmp_path, ask=lambda command: hint if "IdleHint" in command else None)
    assert conditions.read(NOW).idle is idle


@pytest.mark.parametrize(("said", "unmetered"), [("u 1", False), ("u 3", False), ("u 2", True), ("u 4", True)])
def test_the_network_manager_says_whether_it_is_metered(tmp_path, said, unmetered):
    conditions = LinuxConditions(tmp_path, ask=lambda command: said if "Metered" in command else None)
    assert conditions.read(NOW).unmetered is unmetered


@pytest.mark.parametrize(("name", "unmetered"), [("wwan0", False), ("ppp0", False), ("eth0", True), ("wlan0", True)])
def test_without_it_a_modem_is_metered(tmp_path, name, unmetered):
    routes = f"Iface\tDestination\tGateway\n{name}\t00000000\t0100A8C0\n{name}\t0000A8C0\t00000000"
    assert write(tmp_path, proc__net__route=routes).read(NOW).unmetered is unmetered


def test_a_missing_program_is_no_answer():
    assert ask(("a-program-that-is-not-there-at-all",)) is None
    assert ask(("false",)) is None
    assert ask(("echo", "b true")) == "b true"


def test_this_machine_answers():
    assert isinstance(LinuxConditions().read(NOW), Conditions)


def test_fixed_conditions_stay_as_they_are():
    conditions = Conditions(idle=False, charging=False, unmetered=True)
    assert FixedConditions(conditions).read(NOW) is conditions
    assert conditions.missing == ("the device is in use", "it is on battery")
