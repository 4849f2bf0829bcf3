"""Vectors in PostgreSQL, searched there by pgvector: exactly, or by its graph (HNSW) where many."""

from __future__ import annotations

import numpy as np
from pgvector import HalfVector, Vector

from indexer.catalog.filter import Filter
from indexer.catalog.postgres.database import Connection, Database, Row, fetched, run_many
from indexer.catalog.postgres.half_vectors import halves
from indexer.catalog.records import Watermark
from indexer.vectors import pgvector_graph
from indexer.vectors.exact_search import ROUNDING, best, exact_scores
from indexer.vectors.pgvector_choice import Choice, Chooser, choice_of
from indexer.vectors.store import Floats, Hits, Ints, VectorStore, as_questions

EXACT_UP_TO = 50_000
"""Segments that conditions leave, up to which all of them are compared."""
EF_LEAST = 800
"""Candidates that the graph keeps at the least: of nano's texts among 210,000 real segments 800
found all of the first 20 and 98 % of the first 400, and 400 found 97 and 93 %."""
MOST_BY_GRAPH = 5000
"""Answers up to which the graph is followed: beyond, comparing all takes no longer."""
MOST_SCANNED = 200_000
"""Vectors that the graph is followed to under conditions, before all are compared instead."""

_MOST_EF = 1000  # of pgvector
_SPARE = 16
"""Candidates beyond those asked for: the server rounds scores otherwise than stores do."""
_HALVING = 2.0**-11 + ROUNDING
_ORDER = "v.vector <#> %b"


class PgVectors(VectorStore):
    """The table of a catalog's vectors, as they are in float16.

    Few are compared one by one; so are those that conditions leave, where they are few. Otherwise
    the graph is followed until there are as many as were asked for, and where it ends before that,
    all are compared: conditions starve no search. Candidates are scored anew here, as every store
    scores them.

    Args:
        database: connections, within whose `reading` of a thread a search takes place.
        dimension: components of a vector.
        choose: meaning of conditions in SQL.
        exact_up_to: number of vectors up to which all that are chosen are compared.
    """

    def __init__(
        self,
        database: Database,
        dimension: int,
        *,
        choose: Chooser = choice_of,
        exact_up_to: int = EXACT_UP_TO,
    ) -> None:
        self.dimension = dimension
        self._database = database
        self._choose = choose
        self._exact_up_to = exact_up_to
        self._watermark: Watermark | None = None
        self._covered: int | None = None  # by the graph, when it was last looked for

    def __len__(self) -> int:
        with self._database.reading() as connection:
            counted = self._choose(connection, Filter()).counted
            ((count,),) = fetched(connection, counted or "SELECT count(*) FROM vectors")
        return int(count or 0)

    @property
    def watermark(self) -> Watermark | None:
        """State of the catalog that the store was marked with."""
        return self._watermark

    def mark(self, watermark: Watermark) -> None:
        """Note that the store holds this state of the catalog."""
        self._watermark = watermark

    def add(self, ids: Ints, vectors: Floats) -> None:
        """Remember vectors (n×D) under new ids (n); ValueError, and nothing added, otherwise."""
        ids = np.asarray(ids, np.int64)
        if ids.ndim != 1 or vectors.shape != (len(ids), self.dimension):
            raise ValueError(f"ids of shape {ids.shape}, vectors of {vectors.shape}")
        if not np.isfinite(vectors).all():
            raise ValueError("a vector has a value that is not finite")
        given = ids.tolist()
        if len(set(given)) < len(given) or min(given, default=0) < 0:
            raise ValueError("an id is negative or given twice")
        if not given:
            return
        kept = map(HalfVector, vectors.astype(np.float16))
        rows = list(zip(given, kept, strict=True))

        def deed(connection: Connection) -> None:
            if fetched(
                connection, "SELECT 1 FROM vectors WHERE segment_id = ANY(%s::bigint[])", given
            ):
                raise ValueError("an id is known already")
            run_many(connection, "INSERT INTO vectors (segment_id, vector) VALUES (%s, %b)", rows)

        self._database.write(deed, again=False)
        self._watermark = None

    def remove(self, ids: Ints) -> int:
        """Forget ids and return how many were known; unknown ones are passed over."""
        given = np.asarray(ids, np.int64).tolist()
        gone = self._database.write(
            lambda connection: (
                connection.execute(
                    "DELETE FROM vectors WHERE segment_id = ANY(%s::bigint[])", (given,)
                ).rowcount
            )
        )
        if gone:
            self._watermark = None
        return gone

    def search_many(self, queries: Floats, k: int, where: Filter | None = None) -> list[Hits]:
        """Best k for each of N×D questions, among those that conditions allow."""
        queries = as_questions(queries, self.dimension)
        if k < 0:
            raise ValueError(f"k is {k}, expected 0 or more")
        if k == 0 or not len(queries):
            return [Hits.empty(self.dimension) for _ in queries]
        with self._database.reading() as connection:
            choice, many = self._plan(connection, k, where)
            found = []
            for query in queries:
                hits = self._followed(connection, query, k, choice) if many else None
                found.append(hits or self._compared(connection, query, k, choice))
            return found

    def ranked(self, query: Floats, where: Filter | None = None) -> tuple[Ints, Floats]:
        """All ids that conditions allow, by their inner products with one question (D float32)."""
        (question,) = as_questions(np.asarray(query, np.float32)[None], self.dimension)
        with self._database.reading() as connection:
            choice = self._chosen(connection, where)
            rows = fetched(
                connection,
                "SELECT int8send(v.segment_id),"
                f" float8send(-(v.vector::vector({self.dimension}) <#> %s::vector))"
                f" FROM {choice.source}",
                Vector(question).to_text(),
                *choice.values,
            )
        ids = np.frombuffer(b"".join(row[0] for row in rows), ">i8").astype(np.int64)
        scores = np.frombuffer(b"".join(row[1] for row in rows), ">f8").astype(np.float32)
        order = np.lexsort((ids, -scores))
        return ids[order], scores[order]

    def _chosen(self, connection: Connection, where: Filter | None) -> Choice:
        if where is None or where == Filter():
            return Choice()
        return self._choose(connection, where)

    def _plan(self, connection: Connection, k: int, where: Filter | None) -> tuple[Choice, bool]:
        """What is chosen, and whether the graph is followed for it."""
        choice = self._chosen(connection, where)
        if self._covered is None:
            self._covered = pgvector_graph.covered(connection)
        if k > MOST_BY_GRAPH or self._covered is None:
            return choice, False
        if not choice.where:
            return choice, True
        counted = choice.counted or (
            "SELECT count(*) FROM"
            f" (SELECT 1 FROM {choice.source} LIMIT {self._exact_up_to + 1}) AS chosen"
        )
        ((many,),) = fetched(connection, counted, *choice.values)
        return choice, (many or 0) > self._exact_up_to

    def _followed(
        self, connection: Connection, query: Floats, k: int, choice: Choice
    ) -> Hits | None:
        """Best k by the graph and of those that came after it; None where the graph ends before
        there are as many, or has gone."""
        for last in (self._covered, None):
            known = pgvector_graph.covered(connection) if last is None else last
            if known is None:
                break
            told, rows = self._near(connection, query, k, choice, known)
            if told and told[0]:
                self._covered = known
                if len(rows) < k:
                    return None
                if told[1]:
                    rows += self._near_since(connection, query, k, choice, known)
                return self._scored(rows, query, k)
        self._covered = None  # it was made anew meanwhile, or dropped
        return None

    def _near(
        self, connection: Connection, query: Floats, k: int, choice: Choice, last: int
    ) -> tuple[Row | None, list[Row]]:
        """What is told of the graph up to an id, and the best by it.

        All is asked in one go: an answer that is waited for takes as long as many rows.
        """
        asked = min(_MOST_EF, max(EF_LEAST, 2 * k))
        # what a graph gives up without conditions need not be kept to go on from
        deeper = "relaxed_order" if choice.where or k + _SPARE > asked // 2 else "off"
        with connection.pipeline():
            told = connection.execute(
                pgvector_graph.state(
                    last,
                    "set_config('hnsw.ef_search', %s, true)",
                    "set_config('hnsw.iterative_scan', %s, true)",
                    "set_config('hnsw.max_scan_tuples', %s, true)",
                    "set_config('enable_sort', 'off', true)",
                ),
                (str(asked), deeper, str(MOST_SCANNED)),
            )
            near = connection.execute(
                f"SELECT v.segment_id, halfvec_send(v.vector) FROM {choice.source}"
                f" AND v.segment_id <= {last} ORDER BY {_ORDER} LIMIT %s",
                (*choice.values, _direction(query), k + _SPARE),
                binary=True,
            )
            connection.execute("SET LOCAL enable_sort = on")
            return told.fetchone(), near.fetchall()

    def _near_since(
        self, connection: Connection, query: Floats, k: int, choice: Choice, last: int
    ) -> list[Row]:
        """The best of what came after the graph, all of which is compared."""
        return fetched(
            connection,
            "SELECT segment_id, halfvec_send(vector) FROM"
            f" (SELECT v.segment_id, v.vector FROM {choice.source}"
            f" AND v.segment_id > {last} ORDER BY ({_ORDER}) + 0 LIMIT %s) AS near",
            *choice.values,
            _direction(query),
            k + _SPARE,
        )

    def _compared(self, connection: Connection, query: Floats, k: int, choice: Choice) -> Hits:
        """The exact best k: candidates by the server's own scores, and as many more as may be
        among the best by ours."""
        margin = 2 * _HALVING * float(np.linalg.norm(query))
        depth = k + _SPARE
        while True:
            rows = fetched(
                connection,
                # sent only once they are chosen
                "SELECT segment_id, halfvec_send(vector) FROM"
                f" (SELECT v.segment_id, v.vector FROM {choice.source}"
                f" ORDER BY ({_ORDER}) + 0, v.segment_id LIMIT %s) AS near",
                *choice.values,
                _direction(query),
                depth,
            )
            hits = self._scored(rows, query, k)
            if len(rows) < depth:
                return hits
            last = exact_scores(halves([rows[-1][1]], self.dimension), query)[0]
            if last < hits.scores[-1] - margin:
                return hits
            depth *= 4

    def _scored(self, rows: list[Row], query: Floats, k: int) -> Hits:
        if not rows:
            return Hits.empty(self.dimension)
        ids = np.array([row[0] for row in rows], np.int64)
        vectors = halves((row[1] for row in rows), self.dimension)
        return best(ids, exact_scores(vectors, query), vectors, k)


def _direction(query: Floats) -> HalfVector:
    """A question at length one: float16 holds no large numbers."""
    length = float(np.linalg.norm(query.astype(np.float64)))
    return HalfVector((query / max(length, 1e-30)).astype(np.float16))
