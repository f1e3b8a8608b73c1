"""Rows of a query in PostgreSQL's binary format: for many bytes, which Django would receive as hex digits."""

from __future__ import annotations

from typing import Any

import psycopg
from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import Model, QuerySet
from psycopg.pq import Format


def binary_rows(rows: QuerySet[Model, tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """All rows of a `values_list` of integers, floats, texts and bytes; no other types, as Django converts nothing.

    Bytes arrive half as long and need no decoding. The query is seen by Django's wrappers and its log like any other.
    """
    connection = connections[rows.db]
    connection.ensure_connection()
    cursor: Any = psycopg.Cursor(connection.connection)  # Django's own cursors know only text
    cursor.format = Format.BINARY
    try:
        sql, parameters = rows.query.sql_with_params()
    except EmptyResultSet:  # a condition that nothing can meet
        return []
    with connection.make_cursor(cursor) as reading:
        reading.execute(sql, parameters)
        return list(reading.fetchall())
