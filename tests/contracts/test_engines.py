"""Every engine gives the bits that one worker gives."""

from choral.engines import Processes, Serial, check_engine


def test_the_serial_engine_keeps_the_contract():
    check_engine(Serial())


def test_the_processes_engine_keeps_the_contract():
    check_engine(Processes(2))
