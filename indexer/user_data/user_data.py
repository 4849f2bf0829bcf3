"""UserData: what a user keeps beside an index, by name and in the order it was kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from indexer.user_data.rescue import rescue
from indexer.user_data.user_database import UserDatabase, damaged, put
from model.errors import NameTaken, NameUnknown, QueryError, shown

MOST_HISTORY = 1000
LONGEST_NAME = 200
_OFF = "history"

Record = dict[str, Any]


@dataclass(frozen=True)
class StoredSearch:
    """A saved search.

    Attributes:
        name: its name.
        created_at: time at which it was saved, ISO 8601 in UTC.
        record: question, as JSON has it.
        seen: state of the index at which its matches were last looked at, as JSON has it.
    """

    name: str
    created_at: str
    record: Record
    seen: Record


@dataclass(frozen=True)
class Asked:
    """A question of the history.

    Attributes:
        id: number of the entry; later ones have higher numbers.
        at: time at which it was asked, ISO 8601 in UTC.
        record: question, as JSON has it.
    """

    id: int
    at: str
    record: Record


@dataclass(frozen=True)
class StoredJudgement:
    """A judgement that is kept under a name.

    Attributes:
        name: name that it is kept under.
        item: text by which what was judged is told from all else.
        at: time of the judgement, ISO 8601 in UTC.
        record: judgement, as JSON has it.
    """

    name: str
    item: str
    at: str
    record: Record


class UserData:
    """Saved searches, history and judgements of one index folder.

    Any number of processes may use it, also while one writes the index.

    Args:
        folder: index folder; it need not be there yet.

    Raises (every method):
        UserDataDamaged: the file is not what was written.
        StorageError: the file cannot be read or written; the name tells why.
    """

    def __init__(self, folder: Path) -> None:
        self._database = UserDatabase(folder)

    def searches(self) -> list[StoredSearch]:
        """The saved searches, by name."""
        rows = self._database.rows("searches", order="name")
        return [
            StoredSearch(name, created_at, self._read(record), self._read(seen))
            for _, name, created_at, record, seen in rows
        ]

    def search(self, name: str) -> StoredSearch:
        """The saved search of a name.

        Raises:
            NameUnknown: there is none.
        """
        rows = self._database.rows("searches", "name = ?", _name(name))
        if not rows:
            raise no_such_search(name)
        _, kept_as, created_at, record, seen = rows[0]
        return StoredSearch(kept_as, created_at, self._read(record), self._read(seen))

    def save_search(
        self, name: str, record: Record, seen: Record, *, overwrite: bool = False
    ) -> None:
        """Keep a search under a name.

        Raises:
            NameTaken: another one has this name, and is not to be overwritten.
        """
        _require_name(name)
        with self._database.writing() as connection:
            taken = connection.exec_driver_sql("SELECT 1 FROM searches WHERE name = ?", (name,))
            if taken.first() is not None and not overwrite:
                raise NameTaken(
                    f"there is a saved search '{shown(name)}' already",
                    "take another name, or remove it first",
                )
            put(connection, "searches", (name, _now(), _text(record), _text(seen)))

    def see_search(self, name: str, seen: Record) -> None:
        """Note that the matches of a saved search were looked at; one that is gone stays so."""
        with self._database.writing() as connection:
            row = connection.exec_driver_sql(
                "SELECT name, created_at, record FROM searches WHERE name = ?", (_name(name),)
            ).first()
            if row is not None:
                put(connection, "searches", (*row, _text(seen)))

    def forget_search(self, name: str) -> None:
        """Forget the saved search of a name.

        Raises:
            NameUnknown: there is none.
        """
        if not self._database.forget("searches", "name = ?", _name(name)):
            raise no_such_search(name)

    def history(self, most: int = MOST_HISTORY) -> list[Asked]:
        """The latest questions, the last first."""
        rows = self._database.rows(
            "history", "id IN (SELECT id FROM history ORDER BY id DESC LIMIT ?)", most
        )
        return [Asked(number, at, self._read(record)) for number, at, record in reversed(rows)]

    def remember(self, record: Record) -> bool:
        """Put a question at the end of the history, unless it is off; whether it was put there.

        One that is just what was asked before takes its place.
        """
        if not self.remembers():
            return False
        with self._database.writing() as connection:
            connection.exec_driver_sql(
                "DELETE FROM history WHERE id = (SELECT max(id) FROM history) AND record = ?",
                (_text(record),),
            )
            put(connection, "history", (_now(), _text(record)))
            connection.exec_driver_sql(
                "DELETE FROM history WHERE id NOT IN"
                f" (SELECT id FROM history ORDER BY id DESC LIMIT {MOST_HISTORY})"
            )
        return True

    def remembers(self) -> bool:
        """Whether questions are put into the history."""
        return not self._database.rows("settings", "name = ? AND value = 'off'", _OFF)

    def let_remember(self, on: bool) -> None:
        """Say whether questions are put into the history from now on; what is in it stays."""
        with self._database.writing() as connection:
            put(connection, "settings", (_OFF, "on" if on else "off"))

    def forget_history(self) -> int:
        """Forget all questions, so that no byte of them is left; returns how many there were."""
        return self._database.forget("history")

    def judgements(self, name: str | None = None) -> list[StoredJudgement]:
        """The judgements under a name, by default all, in the order they were made.

        Raises:
            NameUnknown: there is none under that name.
        """
        if name is None:
            rows = self._database.rows("judgements")
        else:
            rows = self._database.rows("judgements", "name = ?", _name(name))
        if name is not None and not rows:
            raise no_judgements(name)
        return [
            StoredJudgement(under, item, at, self._read(record))
            for _, under, item, at, record in rows
        ]

    def judge(self, name: str, records: Sequence[tuple[str, Record]]) -> None:
        """Keep judgements under a name; a later one of the same item replaces the former.

        Args:
            name: name to keep them under.
            records: item and judgement of each.
        """
        _require_name(name)
        with self._database.writing() as connection:
            for item, record in records:
                put(connection, "judgements", (name, item, _now(), _text(record)))

    def forget_judgements(self, name: str) -> int:
        """Forget the judgements under a name; returns how many there were.

        Raises:
            NameUnknown: there is none.
        """
        gone = self._database.forget("judgements", "name = ?", _name(name))
        if not gone:
            raise no_judgements(name)
        return gone

    def counts(self) -> dict[str, int]:
        """Numbers of what is kept, by what it is; empty where nothing ever was."""
        tables = {"saved searches": "searches", "questions": "history", "judgements": "judgements"}
        if not self._database.path.exists():
            return {}
        return {what: self._database.count(table) for what, table in tables.items()}

    def check(self) -> list[str]:
        """Faults of what is kept, a line each."""
        return self._database.check()

    def repair(self) -> list[str]:
        """Carry what is whole of a damaged file into a new one; says what was done."""
        return rescue(self._database.folder) if self.check() else []

    def _read(self, text: str) -> Record:
        try:
            read = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise damaged(self._database.path, "a record is no JSON") from error
        if type(read) is not dict:
            raise damaged(self._database.path, "a record is no JSON object")
        return read


def no_such_search(name: str) -> NameUnknown:
    """The error for a name that no saved search has."""
    return NameUnknown(
        f"there is no saved search '{shown(name)}'", "segsearch saved list tells their names"
    )


def no_judgements(name: str) -> NameUnknown:
    """The error for a name that no judgement is kept under."""
    return NameUnknown(
        f"no judgements are kept under '{shown(name)}'", "segsearch feedback list tells the names"
    )


def _name(name: str) -> str:
    """The name as SQLite can compare it: what is no UTF-8 is no name of anything kept."""
    return name.encode("utf-8", "replace").decode("utf-8")


def _require_name(name: str) -> None:
    """Raise QueryError unless something can be kept under that name."""
    if not name.strip() or name != name.strip() or not name.isprintable() or "/" in name:
        raise QueryError(
            f"'{shown(name)}' is no name", "give one line of text, without '/' or space around it"
        )
    if len(name) > LONGEST_NAME:
        raise QueryError(
            f"a name of {len(name)} characters is too long", f"give {LONGEST_NAME} at most"
        )


def _text(record: Record) -> str:
    return json.dumps(record, sort_keys=True)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
