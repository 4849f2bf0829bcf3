"""What PostgreSQL says of a catalog, in our words: one line, without secrets."""

from __future__ import annotations

import psycopg

from indexer.location import Location
from model.errors import (
    IndexDamaged,
    IndexMissing,
    IndexReadOnly,
    IndexTooNew,
    QueryError,
    StorageAway,
    StorageError,
    StorageFull,
    shown,
)

OLDEST_SERVER = 15
OLDEST_EXTENSION = (0, 8)
"""The first version of pgvector that goes on looking where conditions leave too little."""

_AGAIN = frozenset({"40001", "40P01", "55P03"})
"""Two transactions were in each other's way: the same may be tried at once."""
_AWAY = frozenset({"53300", "57P01", "57P02", "57P03", "57P05", "25P03", "25P04"})


def is_passing(error: BaseException) -> bool:
    """Whether the same transaction may succeed a little later."""
    if isinstance(error, StorageAway):
        return True
    if not isinstance(error, psycopg.Error):
        return False
    code = error.sqlstate or ""
    if code in _AGAIN or code in _AWAY or code.startswith("08"):
        return True
    return isinstance(error, psycopg.OperationalError) and not code


def explained(error: psycopg.Error, location: Location) -> Exception | None:
    """The error as one of ours; None for one that is a fault of the program."""
    code = error.sqlstate or ""
    where = shown(location)
    told = first_line(error)
    if code in ("53100", "53200") or "No space left" in told:
        return StorageFull(
            f"the database server of {where} has no room left ({told})",
            "free some space there, then run the same command again; it goes on where it stopped",
        )
    if code in ("25006", "42501"):
        return IndexReadOnly(
            f"{where} cannot be written to or read by this user ({told})",
            "grant the user rights on the schema, or name another user or server in the URI",
        )
    if code in ("42P01", "3F000"):
        return index_missing(location)
    if code in ("XX001", "XX002", "58030", "58P01"):
        return IndexDamaged(
            f"the database server of {where} finds its own files damaged ({told})",
            "restore a back-up of the database",
        )
    if code == "2201B":
        return QueryError(f"the pattern is too much for the database ({told})", "give a shorter")
    if code == "57014":
        return StorageError(
            f"the database server of {where} stopped a statement ({told})",
            "raise its statement_timeout for this user",
        )
    if code.startswith("22"):  # what no column can hold
        return OverflowError(told)
    if is_passing(error):
        return StorageAway(
            f"the database server of {where} broke off ({told})",
            "run the same command again when it is back; it goes on where it stopped",
        )
    if code[:2] in ("42", "0A", "26", "34") and not code.startswith("425"):
        return None
    if not code and not isinstance(error, psycopg.OperationalError):
        return None
    return StorageError(f"the database of {where} refuses ({told})", "see the server's log")


def not_connected(error: psycopg.Error, location: Location) -> StorageError:
    """The error for a server that lets nobody in."""
    where, told = shown(location), first_line(error)
    lower = told.lower()
    if "password" in lower or "authentication" in lower or "pg_hba" in lower:
        return StorageError(
            f"the database server of {where} does not let this user in ({told})",
            "set PGPASSWORD or PGPASSFILE, or name another user in the URI",
        )
    if "does not exist" in lower:
        return StorageError(
            f"the database server of {where} does not know that user or database ({told})",
            "make it there, or correct the URI",
        )
    return StorageAway(
        f"the database server of {where} does not answer ({told})",
        "start it, or correct the URI, then run the same command again",
    )


def index_missing(location: Location) -> IndexMissing:
    """The error for a schema without a catalog."""
    return IndexMissing(
        f"there is no index in {shown(location)}",
        f"make one with: segsearch index FOLDER --index '{shown(location)}'",
    )


def replaced(location: Location) -> StorageError:
    """The error for a catalog that went while it was open."""
    return StorageError(
        f"the index in {shown(location)} has been dropped and made anew meanwhile",
        "run the command again, which opens the new one",
    )


def too_new(location: Location, version: int) -> IndexTooNew:
    """The error for tables of a later segsearch."""
    return IndexTooNew(
        f"a newer segsearch made the index in {shown(location)} (version {version})",
        "update segsearch on this machine",
    )


def first_line(error: psycopg.Error) -> str:
    """What the server says, on one line."""
    primary = error.diag.message_primary if error.diag is not None else None
    text = primary or str(error)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # a failed connection tells of each address that was tried, the reason last
    line = lines[0] if lines else type(error).__name__
    if ": FATAL:" in text or "failed: " in line:
        line = line.rpartition("FATAL:")[2].strip() or line
        line = line.partition("failed: ")[2].strip() or line
    return shown(line)[:300]
