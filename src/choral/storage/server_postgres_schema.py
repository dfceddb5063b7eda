"""The server's tables in PostgreSQL, in a schema of their own. Foreign and newer schemas are refused by name.

Truth is kept as 0 or 1 and bytes as bytea, so that one SQL serves SQLite too. docs/data_model.md tells each table's life.
"""

from typing import Any

import psycopg
from psycopg import sql

from choral.errors import StoreError

LOCK_FAMILY = 0x63686F72  # "chor": the first half of this program's advisory locks
TABLES_TO_TIDY = "report, payload"
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE task (
        hash bytea PRIMARY KEY, signal text NOT NULL, expires bigint NOT NULL, signed bytea NOT NULL, round bigint NOT NULL,
        state bytea NOT NULL, revision bigint NOT NULL DEFAULT 0, version bigint NOT NULL DEFAULT 0
    );
    CREATE TABLE batch (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, task bytea NOT NULL REFERENCES task (hash),
        round bigint NOT NULL, state text NOT NULL CHECK (state IN ('open', 'cut', 'shuffled', 'released', 'erased')),
        reports bigint NOT NULL, minimum bigint NOT NULL, goal bigint NOT NULL,
        closes bigint NOT NULL, erase_by bigint NOT NULL,
        legal bigint NOT NULL DEFAULT 0, dropped bigint NOT NULL DEFAULT 0,
        lease bigint NOT NULL DEFAULT 0, lease_until bigint NOT NULL DEFAULT 0, why text NOT NULL DEFAULT '',
        has_ids bigint NOT NULL DEFAULT 1, chance bigint NOT NULL DEFAULT 0, late bigint NOT NULL DEFAULT 0,
        streams bigint NOT NULL DEFAULT 0, cut_at bigint NOT NULL DEFAULT 0,
        UNIQUE (task, round)
    );
    CREATE INDEX unfinished ON batch (number) WHERE state IN ('open', 'cut', 'shuffled');
    CREATE INDEX with_ids ON batch (closes) WHERE has_ids = 1;
    CREATE TABLE report (
        batch bigint NOT NULL REFERENCES batch (number), id bytea NOT NULL, body bytea, PRIMARY KEY (batch, id)
    );
    CREATE TABLE payload (
        batch bigint NOT NULL REFERENCES batch (number), part bigint NOT NULL, records bytea NOT NULL,
        PRIMARY KEY (batch, part)
    );
    CREATE TABLE release (
        hash bytea PRIMARY KEY, task bytea NOT NULL, round bigint NOT NULL, kind text NOT NULL, reports bigint NOT NULL,
        created bigint NOT NULL, signed bytea NOT NULL, unpublished bytea NOT NULL
    );
    CREATE UNIQUE INDEX released_once ON release (task, round) WHERE task <> decode(repeat('00', 32), 'hex');
    CREATE TABLE version (
        task bytea NOT NULL REFERENCES task (hash), number bigint NOT NULL, parent bigint NOT NULL, round bigint NOT NULL,
        state text NOT NULL CHECK (state IN ('published', 'refused', 'rolled back')),
        release bytea NOT NULL, reports bigint NOT NULL, created bigint NOT NULL,
        metric double precision, stderr double precision, parent_metric double precision, parent_stderr double precision,
        why text NOT NULL, start bytea NOT NULL, PRIMARY KEY (task, number)
    );
    CREATE TABLE audit (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at bigint NOT NULL, task bytea NOT NULL,
        deed text NOT NULL, detail text NOT NULL
    );
    CREATE TABLE spent (task bytea NOT NULL REFERENCES task (hash), token bytea NOT NULL, PRIMARY KEY (task, token));
    """,
    """
    CREATE TABLE opening (
        batch bigint PRIMARY KEY REFERENCES batch (number), issued bigint NOT NULL, params bytea NOT NULL
    );
    """,
)


def migrate(connection: "psycopg.Connection[Any]", schema: str) -> None:
    """Bring the tables to the newest version in one transaction; safe when two processes start. StoreError if not ours."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (LOCK_FAMILY, schema))
        version = _version(connection, schema)
        if version > len(MIGRATIONS):
            raise StoreError(
                f"the store in schema {schema!r} has version {version}, this program knows {len(MIGRATIONS)}; "
                "update choral, nothing was changed"
            )
        for number in range(version, len(MIGRATIONS)):
            connection.execute(MIGRATIONS[number])
            connection.execute("UPDATE choral_store SET version = %s", (number + 1,))


def _version(connection: "psycopg.Connection[Any]", schema: str) -> int:
    """Of the tables that are there; 0, and a table that will tell, if there are none."""
    connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
    tables = {name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", (schema,))}
    if tables and "choral_store" not in tables:
        raise StoreError(
            f"schema {schema!r} holds tables that are not choral's ({min(tables)}); name another database, nothing was changed"
        )
    if not tables:
        connection.execute("CREATE TABLE choral_store (version bigint NOT NULL)")
        connection.execute("INSERT INTO choral_store VALUES (0)")
    row = connection.execute("SELECT version FROM choral_store").fetchone()
    return int(row[0]) if row else 0
