import ast
import json
from pathlib import Path

import choral
from choral.protocol import PROBLEMS


def raised_problems():
    """The problem types that the code raises, read from its syntax."""
    for path in Path(choral.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "PeerError" and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    yield first.value


def test_every_problem_that_is_raised_is_documented_with_a_remedy():
    assert set(raised_problems()) <= set(PROBLEMS)
    assert all(problem.remedy and problem.title and 400 <= problem.status < 600 for problem in PROBLEMS.values())


def test_a_problem_is_a_document_of_rfc_9457():
    document = json.loads(PROBLEMS["round-closed"].document("round 3 closed on Monday"))
    assert document["type"] == "urn:choral:problem:round-closed"
    assert document["status"] == 409
    assert document["detail"] == "round 3 closed on Monday"
