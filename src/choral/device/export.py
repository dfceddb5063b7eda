"""Everything a device keeps about its person, as plain values: what the law calls access and portability."""

from datetime import UTC, datetime
from typing import Any

from choral.device import journal
from choral.device.checkouts import CHECKOUTS
from choral.device.consent import CONSENTS
from choral.device.contribution import TURNS, ledger
from choral.device.ledger import BudgetLedger
from choral.device.outbox import LOST, OUTBOX, SENT, Outgoing
from choral.device.records import RECORDS, RESERVOIRS
from choral.device.tokens import TOKENS
from choral.privacy import MICRO
from choral.protocol import Terms, report_id
from choral.storage.device import DeviceTransaction


def export(tx: DeviceTransaction) -> dict[str, Any]:
    """All of it, fit for JSON: bytes in hexadecimal, times in ISO 8601 (UTC), prices in nats."""
    return {
        "consents": [{**terms(row.terms), "since": moment(row.since)} for _, row in CONSENTS.scan(tx)],
        "ledger": totals(ledger(tx)),
        "journal": [
            {"kind": event.kind, "at": event.at.isoformat(), "data": dict(event.data)} for event in journal.all_events(tx)
        ],
        "private_records": [{"task": key[:32].hex(), "payload": row.payload.hex()} for key, row in RECORDS.scan(tx)],
        "offered": [{"task": key.hex(), "values_seen": row.seen, "kept": row.kept} for key, row in RESERVOIRS.scan(tx)],
        "waiting": [{**outgoing(row), "due": moment(row.due)} for _, row in OUTBOX.scan(tx)],
        "sent": [{**outgoing(row.outgoing), "sent": moment(row.sent), "outcome": row.outcome} for _, row in SENT.scan(tx)],
        "tasks": [
            {"task": key.hex(), "signal": row.signal, "round": row.round, "live": row.live, "bytes": row.signed.body.hex()}
            for key, row in CHECKOUTS.scan(tx)
        ],
        "lost": [{"terms": key.hex(), "reports": row.reports} for key, row in LOST.scan(tx)],
        "tokens": [{"task": key[:32].hex(), "bytes": row.token.hex()} for key, row in TOKENS.scan(tx)],
        "turns": [
            {"task": key.hex(), "round": one.round, "coin": one.coin, "reports": one.reports, "day": one.day}
            for key, row in TURNS.scan(tx)
            for one in row.turns
        ],
    }


def terms(row: Terms) -> dict[str, Any]:
    """What a person agreed to."""
    return {
        "terms": row.hash.hex(),
        "purpose": row.purpose,
        "signal": row.signal,
        "unit": row.unit,
        "trust": row.trust,
        "epsilon_per_report": row.epsilon,
        "reports_per_day": row.reports_per_day,
        "reports_for_life": row.reports_for_life,
        "minimum": row.minimum,
        "retention_days": row.retention_days,
        "sending_is_visible": row.sending_is_visible,
    }


def outgoing(row: Outgoing) -> dict[str, Any]:
    """One report: the exact bytes, what they mean, what they cost."""
    return {
        "id": report_id(row.report).hex(),
        "task": row.task.hex(),
        "terms": row.terms.hex(),
        "signal": row.signal,
        "meaning": row.meaning,
        "epsilon": row.price_micro / MICRO,
        "made": moment(row.made),
        "attempts": row.attempts,
        "bytes": row.report.hex(),
        "token": row.token.hex(),
        "sealed_payload": row.payload.hex(),
    }


def totals(row: BudgetLedger) -> dict[str, Any]:
    """What was paid, by account and by Terms."""
    day = row.mark // 86_400
    return {
        "latest": moment(row.mark) if row.mark else None,
        "accounts": [
            {
                "trust": account.trust,
                "day": account.on(day) / MICRO,
                "year": account.year_to(day) / MICRO,
                "life": account.life_micro / MICRO,
            }
            for account in row.accounts
        ],
        "terms": [
            {"terms": use.terms.hex(), "reports_that_day": use.day_reports, "reports_for_life": use.life_reports}
            for use in row.uses
        ],
    }


def moment(second: int) -> str:
    """A time as ISO 8601 in UTC."""
    return datetime.fromtimestamp(second, UTC).isoformat()
