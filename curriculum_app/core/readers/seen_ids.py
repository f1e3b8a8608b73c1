"""Ids that were seen before, in constant memory."""

from __future__ import annotations

import hashlib
import sqlite3


class SeenIds:
    """The place where each id was seen first. SQLite keeps a few megabytes of it in memory and the rest in a file
    that has no name and is gone with the connection."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("CREATE TABLE seen (id BLOB PRIMARY KEY, place TEXT) WITHOUT ROWID")
        self._database.execute("BEGIN")

    def first_place(self, document_id: str, place: str) -> str | None:
        """Where the id was seen before; None, and `place` is remembered, if it is new."""
        key = hashlib.blake2b(document_id.encode(), digest_size=16).digest()
        added = self._database.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (key, place)).rowcount
        if added:
            return None
        (found,) = self._database.execute("SELECT place FROM seen WHERE id = ?", (key,)).fetchone()
        return str(found)

    def close(self) -> None:
        self._database.close()
