"""Collections of a Milvus server: rows of ids and vectors, and one row that tells their state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import numpy as np

from indexer.vectors.milvus_index import METRIC, MilvusIndex
from indexer.vectors.milvus_server import MilvusServer
from indexer.vectors.store import Floats, Ints
from model.errors import StorageError, shown

Answer = TypeVar("Answer")

DEEPEST = 16_384
"""Answers that Milvus gives to one question at the most."""
_ROWS = 1000
"""Rows a request: 64 MB are the most that a server takes, at 4 bytes a component."""
_STATE = 0
"""Id of the one row of the collection that holds the state."""


class MilvusCollection:
    """Two collections: one of vectors under ids, and one whose single row holds a text.

    Both are made when they are first needed, and those that are there are looked at.

    Args:
        server: the server.
        name: name of the vectors' collection: letters, digits and "_".
        dimension: components of a vector.
        index: type of the index that a new collection is made with.

    Raises (every method):
        StorageError: the server does not answer, or holds another kind of collection.
    """

    def __init__(self, server: MilvusServer, name: str, dimension: int, index: MilvusIndex) -> None:
        self._server = server
        self._name = name
        self._state = f"{name}_state"
        self._dimension = dimension
        self._index = index
        self._prepared = False

    def __len__(self) -> int:
        (told,) = self.ask(lambda c: c.query(self._name, output_fields=["count(*)"]))
        return int(told["count(*)"])

    def is_made(self) -> bool:
        """Whether the collections are there; all else that is asked of them makes them."""
        return self._prepared or self._sent(
            lambda c: c.has_collection(self._name) and c.has_collection(self._state)
        )

    def ids(self) -> Ints:
        """All ids, int64 ascending."""

        def question(client: Any) -> list[int]:
            pages = client.query_iterator(self._name, batch_size=DEEPEST, output_fields=["id"])
            found: list[int] = []
            try:
                while page := pages.next():
                    found += [row["id"] for row in page]
            finally:
                pages.close()
            return found

        return np.sort(np.array(self.ask(question), np.int64))

    def known(self, ids: Ints) -> list[int]:
        """Those of some ids that are there."""
        return [row["id"] for row in self._rows(ids, "id")]

    def vectors(self, ids: Ints) -> Iterator[tuple[int, list[float]]]:
        """Those of some ids that are there, and their vectors; some are held at a time."""
        return ((row["id"], row["vector"]) for row in self._rows(ids, "vector"))

    def upsert(self, ids: Ints, vectors: Floats) -> None:
        """Have vectors (n×D) under ids (n), whether these are known or not."""
        for some in _pieces(len(ids)):
            rows = [
                {"id": i, "vector": row}
                for i, row in zip(ids[some].tolist(), vectors[some], strict=True)
            ]
            self.ask(partial(_upsert, name=self._name, rows=rows))

    def delete(self, ids: list[int]) -> None:
        """Forget ids."""
        for some in _pieces(len(ids)):
            self.ask(partial(_delete, name=self._name, ids=ids[some]))

    def nearest(self, query: Floats, depth: int) -> tuple[Ints, Floats, float]:
        """The best of a question by the server's index, as many as `depth`, or fewer.

        Returns:
            n int64 ids, their vectors (n×D float32) and the least of the server's scores.
        """
        length = float(np.linalg.norm(query.astype(np.float64)))
        asked = (query / max(length, 1e-30)).astype(np.float32).tolist()
        (found,) = self.ask(
            lambda c: c.search(
                self._name,
                data=[asked],
                limit=depth,
                output_fields=["vector"],
                search_params={"metric_type": METRIC, "params": self._index.searching(depth)},
            )
        )
        ids = np.array([hit["id"] for hit in found], np.int64)
        vectors = np.array([hit["entity"]["vector"] for hit in found], np.float32)
        last = min((float(hit["distance"]) for hit in found), default=0.0) * length
        return ids, vectors.reshape(len(ids), self._dimension), last

    def told(self) -> str:
        """The text that was noted last; "" where there is none."""
        rows = self.ask(lambda c: c.get(self._state, ids=[_STATE], output_fields=["told"]))
        return str(rows[0]["told"]) if rows else ""

    def note(self, told: str) -> None:
        """Note a text of 200 characters at the most."""
        row = {"id": _STATE, "told": told, "vector": [0.0, 0.0]}
        self.ask(partial(_upsert, name=self._state, rows=[row]))

    def seal(self) -> bool:
        """Have the server put new rows under its index now, which it does by itself some time;
        False where it was told so too often."""
        with suppress(StorageError):
            self.ask(partial(_flush, name=self._name))
            return True
        return False

    def drop(self) -> None:
        """Forget both, the state first."""
        for name in (self._state, self._name):
            self._sent(partial(_drop, name=name))
        self._prepared = False

    def ask(self, question: Callable[[Any], Answer]) -> Answer:
        """The answer to a question, which is given the client of pymilvus once both are there."""
        if not self._prepared:
            self._sent(self._made)
            self._prepared = True
        return self._sent(question)

    def _rows(self, ids: Ints, field: str) -> Iterator[dict[str, Any]]:
        for some in _pieces(len(ids)):
            yield from self.ask(partial(_get, name=self._name, ids=ids[some].tolist(), field=field))

    def _sent(self, question: Callable[[Any], Answer]) -> Answer:
        try:
            return self._server.ask(question)
        except StorageError:
            self._prepared = False  # a server that was started anew may have nothing loaded
            raise

    def _made(self, client: Any) -> None:
        from pymilvus import DataType

        for name, dimension, index in (
            (self._state, 2, "FLAT"),
            (self._name, self._dimension, self._index.name),
        ):
            if client.has_collection(name):
                self._require_ours(client, name, dimension, index)
                client.load_collection(name)
                continue
            schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
            schema.add_field("id", DataType.INT64, is_primary=True)
            schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimension)
            if name == self._state:
                schema.add_field("told", DataType.VARCHAR, max_length=200)
            kept = client.prepare_index_params()
            building = self._index.building if name == self._name else {}
            kept.add_index("vector", index_type=index, metric_type=METRIC, params=building)
            client.create_collection(
                name, schema=schema, index_params=kept, consistency_level="Strong"
            )

    def _require_ours(self, client: Any, name: str, dimension: int, index: str) -> None:
        fields = {field["name"]: field for field in client.describe_collection(name)["fields"]}
        held = fields.get("vector", {}).get("params", {}).get("dim")
        told = client.describe_index(name, index_name=client.list_indexes(name)[0])
        if held is None or int(held) != dimension:
            raise StorageError(
                f"the collection {shown(name)} of {shown(self._server.uri)} holds vectors of"
                f" {held} components, not of {dimension}",
                "name another one",
            )
        if told.get("index_type") != index or told.get("metric_type") != METRIC:
            raise StorageError(
                f"the collection {shown(name)} of {shown(self._server.uri)} is kept by"
                f" {told.get('index_type')}, not by {index}",
                f"ask for {told.get('index_type')}, or drop the collection: it is made anew",
            )


def _upsert(client: Any, name: str, rows: list[dict[str, Any]]) -> None:
    client.upsert(name, rows)


def _delete(client: Any, name: str, ids: list[int]) -> None:
    client.delete(name, ids=ids)


def _flush(client: Any, name: str) -> None:
    client.flush(name)


def _drop(client: Any, name: str) -> None:
    client.drop_collection(name)


def _get(client: Any, name: str, ids: list[int], field: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(name, ids=ids, output_fields=["id", field])
    return found


def _pieces(count: int) -> Iterator[slice]:
    for start in range(0, count, _ROWS):
        yield slice(start, start + _ROWS)
