"""Keeps each outcome of the receiver once, and knows when a batch is complete.

Pub/Sub delivers at least once and in any order. So what counts are the distinct
outcome_ids of a batch's batch.result messages, against results.total of its
batch.completed, which may come before them; each may come twice.

The standard library is enough for this file. The table is SQLite's here: where
several instances consume, put it into a database that they share.
"""

import json
import sqlite3
import sys
import threading

TABLES = """
CREATE TABLE IF NOT EXISTS outcomes (outcome_id TEXT PRIMARY KEY, attributes TEXT NOT NULL, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS batches (
  resource_id TEXT PRIMARY KEY,
  results INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  duplicates INTEGER NOT NULL DEFAULT 0,
  total INTEGER,
  reported INTEGER NOT NULL DEFAULT 0
);
"""


class NotAnOutcome(ValueError):
    """The message is none of the receiver's, and will be none when it comes again."""


class Store:
    """Outcomes by their outcome_id, and the state of each batch. For many threads."""

    def __init__(self, path):
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False)
        self._db.executescript(TABLES)

    def keep(self, attributes, data):
        """Keeps a message: its attributes (a dict of texts) and its data (bytes).

        When it returns, the message may be acknowledged. An outcome that is there
        already is counted as a duplicate and changes nothing else.
        """
        outcome_id, kind, batch = (attributes.get(name) for name in ("outcome_id", "type", "resource_id"))
        if not outcome_id or not kind or batch is None:
            raise NotAnOutcome("it lacks an outcome_id, a type or a resource_id")
        total = total_of(data) if kind == "batch.completed" else None
        with self._lock, self._db:  # one transaction
            kept = self._db.execute(
                "INSERT OR IGNORE INTO outcomes VALUES (?, ?, ?)", (outcome_id, json.dumps(attributes), data)
            )
            if kept.rowcount == 0:
                self._count(batch, "duplicates = duplicates + 1")
            elif kind == "batch.result":
                # What to do with a result goes here, in this transaction.
                failed = attributes.get("status") == "failed"
                self._count(batch, "results = results + 1, failed = failed + ?", failed)
            elif kind == "batch.completed":
                self._count(batch, "total = ?", total)
        self.report(batch)

    def _count(self, batch, change, *values):
        self._db.execute("INSERT OR IGNORE INTO batches (resource_id) VALUES (?)", (batch,))
        self._db.execute(f"UPDATE batches SET {change} WHERE resource_id = ?", (*values, batch))

    def report(self, batch):
        """Says that a batch is complete. Also a duplicate leads here: if the process
        died before it had said so, the message was not acknowledged and comes again."""
        with self._lock, self._db:
            row = self._db.execute(
                "SELECT results, failed, duplicates FROM batches"
                " WHERE resource_id = ? AND results >= total AND NOT reported",
                (batch,),
            ).fetchone()
            if row is None:
                return
            complete = dict(zip(("results", "failed", "duplicates"), row), resource_id=batch)
            print(json.dumps(complete), flush=True)  # what waits for the whole batch goes here
            self._db.execute("UPDATE batches SET reported = 1 WHERE resource_id = ?", (batch,))


def total_of(data):
    """How many batch.results a batch.completed announces."""
    try:
        total = json.loads(data)["results"]["total"]
    except (ValueError, TypeError, KeyError, RecursionError) as err:
        raise NotAnOutcome("its data is no batch.completed") from err
    if type(total) is not int:
        raise NotAnOutcome("results.total is no number")
    return total


def log(severity, message, **fields):
    """One line of JSON, as Cloud Logging reads it."""
    print(json.dumps({"severity": severity, "message": message, **fields}), file=sys.stderr, flush=True)
