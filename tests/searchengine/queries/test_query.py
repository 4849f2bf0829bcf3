import pytest

from model.embeddings import Embeddings, EmbeddingSpace
from model.errors import QueryError, SpaceMismatch
from model.presets.preset import load_preset
from searchengine.queries.query import Negative, Query, as_negatives
from searchengine.search.recall import questions

EMBEDDER = load_preset("colours").build().embedder


def test_a_question_is_the_weighted_sum_of_its_terms() -> None:
    red, blue, green = EMBEDDER.embed_texts(["red", "blue", "green"]).vectors
    example = EMBEDDER.embed_texts(["green"])
    query = Query(words="red", example=example, negatives=(Negative("blue", 0.7),))
    assert questions([query], EMBEDDER)[0] == pytest.approx(red - 0.7 * blue + green)


def test_an_example_alone_is_a_question() -> None:
    example = EMBEDDER.embed_texts(["green"])
    assert questions([Query(example=example)], EMBEDDER)[0] == pytest.approx(example.vectors[0])


def test_an_example_of_another_space_is_refused() -> None:
    vectors = EMBEDDER.embed_texts(["green"]).vectors
    foreign = Embeddings(vectors, EmbeddingSpace("other", vectors.shape[1], "feed"))
    with pytest.raises(SpaceMismatch, match="other"):
        questions([Query(example=foreign)], EMBEDDER)


@pytest.mark.parametrize("weight", [0, -1, 11, float("nan")])
def test_a_weight_out_of_range_is_told(weight: float) -> None:
    with pytest.raises(QueryError, match="weight"):
        Negative("snow", weight)


def test_a_negative_without_words_is_told() -> None:
    with pytest.raises(QueryError):
        Negative(" ")


def test_an_example_is_one_vector() -> None:
    with pytest.raises(ValueError, match="expected 1"):
        Query(example=EMBEDDER.embed_texts(["red", "blue"]))


def test_a_query_is_told_by_names_alone() -> None:
    with pytest.raises(TypeError):
        Query("red", None, (), 5)  # type: ignore[misc]


def test_negatives_come_as_a_text_as_texts_or_ready() -> None:
    ready = Negative("blue", 0.7)
    assert as_negatives("blue") == (Negative("blue"),)
    assert as_negatives(["red", ready]) == (Negative("red"), ready)
    assert as_negatives(ready) == (ready,)
    assert as_negatives("0.8:deep blue") == (Negative("deep blue", 0.8),)


@pytest.mark.parametrize("text", ["x:grass", "-1:grass", "inf:grass", ":grass", "0.5:", " "])
def test_what_is_no_negative_is_told(text: str) -> None:
    with pytest.raises(QueryError):
        Negative.read(text)
