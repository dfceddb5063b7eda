"""The last line of a run of mutants."""


def pytest_terminal_summary(terminalreporter):
    """Say how many of the mutants that were planted were caught."""
    ran = {outcome: terminalreporter.stats.get(outcome, []) for outcome in ("passed", "failed")}
    caught, missed = (sum("mutant" in dict(one.user_properties) for one in ran[outcome]) for outcome in ran)
    if caught + missed:
        terminalreporter.write_line(f"{caught} of {caught + missed} caught")
