import numpy as np
import pytest
from closeness import assert_close

from model.errors import QueryError
from searchengine import Query, SearchEngine
from searchengine.search.neighbour_rescoring import CROWD, with_neighbours
from searchengine.search.recall import questions, recall


def naive(engine: SearchEngine, vector: np.ndarray, asked: np.ndarray, photo: int, k: int) -> float:
    """Half of the segment's own score, half of its nearest segments' of other photos."""
    blocks = list(engine.reader.catalog.vector_blocks())
    ids = np.concatenate([ids for ids, _ in blocks])
    vectors = np.concatenate([vectors for _, vectors in blocks])
    rows = engine.reader.catalog.segments(ids.tolist())
    near = np.lexsort((ids, -(vectors @ vector)))[: 1 + CROWD * k]
    elsewhere = [i for i in near if rows[int(ids[i])].photo_id != photo][:k]
    own = float(vector @ asked)
    if not elsewhere:
        return own
    return 0.5 * own + 0.5 * float(np.mean([vectors[i] @ asked for i in elsewhere]))


@pytest.mark.parametrize("count", [1, 3])
def test_scores_are_shared_with_neighbours_of_other_photos(
    engine: SearchEngine, count: int
) -> None:
    query = Query(words="red")
    (asked,) = questions([query], engine.models.embedder)
    (plain,) = recall(engine.reader, asked[None], [query], [8])
    found = with_neighbours(plain, asked, engine.reader, count)
    assert set(found.ids.tolist()) == set(plain.ids.tolist())
    assert (np.diff(found.scores) <= 0).all()
    assert_close(found.vectors @ asked, found.scores, terms=len(asked), scale=1)
    rows = engine.reader.catalog.segments(plain.ids.tolist())
    own = dict(zip(plain.ids.tolist(), plain.vectors, strict=True))
    for i, score in zip(found.ids.tolist(), found.scores.tolist(), strict=True):
        expected = naive(engine, own[i], asked, rows[i].photo_id, count)
        assert score == pytest.approx(expected, abs=1e-3)


def test_a_query_may_ask_for_them_and_gets_matches(engine: SearchEngine) -> None:
    plain = engine.search(Query(words="red", k=3))
    shared = engine.search(Query(words="red", k=3, neighbours=2))
    assert [match.rank for match in shared] == [1, 2, 3]
    assert {match.photo.path for match in shared[:2]} == {match.photo.path for match in plain[:2]}
    assert [match.score for match in shared] != [match.score for match in plain]
    assert all(0 <= (match.confidence or 0) <= 1 for match in shared)


@pytest.mark.parametrize("count", [-1, 101])
def test_an_odd_number_of_them_is_refused(count: int) -> None:
    with pytest.raises(QueryError, match="0 to 100"):
        Query(words="red", neighbours=count)
