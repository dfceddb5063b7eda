"""Bytes and their meaning: messages, strict codec, seals, signatures, problems.

Knows: what a message says and how it looks on the wire. Must not know: sockets, tables, time.
Interface: `encode`, `decode`, `seal`, `unseal`, `sign`, `verify`, `disclosure` and the messages.
Add here: a message as a frozen dataclass with KIND and WIRE, and its golden vectors.
Tested in: tests/protocol, tests/vectors.
"""

from choral.protocol.codec import decode, encode
from choral.protocol.disclosure import disclosure, disclosure_schema
from choral.protocol.messages import Bundle, Checkout, Opening, Openings, Release, Signed, question_of
from choral.protocol.problems import PROBLEMS, Problem
from choral.protocol.report import SIZE_CLASSES, Report, report_id
from choral.protocol.sealing import open_checkout, seal, sign, unseal, verify, verify_any
from choral.protocol.task import BatchRule, Spec, Task, Terms

__all__ = [
    "PROBLEMS",
    "SIZE_CLASSES",
    "BatchRule",
    "Bundle",
    "Checkout",
    "Opening",
    "Openings",
    "Problem",
    "Release",
    "Report",
    "Signed",
    "Spec",
    "Task",
    "Terms",
    "decode",
    "disclosure",
    "disclosure_schema",
    "encode",
    "open_checkout",
    "question_of",
    "report_id",
    "seal",
    "sign",
    "unseal",
    "verify",
    "verify_any",
]
