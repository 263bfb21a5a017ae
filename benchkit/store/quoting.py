"""Words and names of files as DuckDB reads them in a statement, for where it takes no parameters."""

from __future__ import annotations


def quoted(text: str) -> str:
    """As a string of SQL.

    >>> quoted("the far end's")
    "'the far end''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def unglobbed(file: str) -> str:
    """A file's name, with what would be taken for a pattern put in brackets.

    >>> unglobbed("/runs[1]/rtt.parquet")
    '/runs[[]1]/rtt.parquet'
    """
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in file)
