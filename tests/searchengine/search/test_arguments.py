"""Arguments as scripts give them: texts, several questions, pictures, conditions by name."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from model.errors import QueryError
from searchengine import Example, Filter, Negative, Query, SearchEngine


def ids(matches: Any) -> list[int]:
    return [match.segment_id for match in matches]


def test_conditions_are_told_by_their_names(engine: SearchEngine) -> None:
    where = Filter(path_glob="2023", min_area=0.01)
    whole = engine.search("red", where=where)
    assert ids(engine.search("red", path_glob="2023", min_area=0.01)) == ids(whole)
    assert engine.search("red", where=Filter(path_glob="2023"), min_area=0.01).asked == whole.asked
    dated = engine.search("red", after="2023-05", before=date(2024, 1, 1))
    assert {Path(match.photo.path).name for match in dated} == {"red.jpg"}
    with pytest.raises(TypeError, match="min_are"):
        engine.search("red", min_are=0.01)  # type: ignore[call-arg]


def test_several_texts_are_answered_as_each_is(engine: SearchEngine) -> None:
    told = engine.search_many(["red", Query(words="blue", k=2)], k=3, negatives="0.8:grey")
    assert [matches.query for matches in told] == ["red", "blue"]
    assert ids(told[0]) == ids(engine.search("red", 3, negatives=[Negative("grey", 0.8)]))
    assert len(told[1]) == 2
    with pytest.raises(TypeError, match="one text"):
        engine.search_many("red")
    with pytest.raises(TypeError, match="search_many"):
        engine.search(["red", "blue"])  # type: ignore[arg-type]


def test_a_picture_asks_as_its_file_does(engine: SearchEngine, photos: Path) -> None:
    path = photos / "yellow.png"
    with Image.open(path) as picture:
        pixels = np.asarray(picture)
        by_file = engine.embed(path)[0].vectors[0]
        for given in (picture, pixels, picture.convert("CMYK")):
            assert engine.embed(given)[0].vectors[0] @ by_file > 0.99
        found = engine.similar(picture, 2, at=(30, 100), path_glob="*.jpg")
    assert found.query == "like a picture at 30,100"
    assert "yellow.png" not in {Path(match.photo.path).name for match in found}
    grey = engine.similar(np.full((40, 60), 128, np.uint8), 1)
    assert len(grey) == 1


@pytest.mark.parametrize(
    "pixels", [np.zeros((4, 4, 3)), np.zeros((4, 4, 4), np.uint8), np.zeros(4, np.uint8)]
)
def test_what_is_no_picture_is_told(engine: SearchEngine, pixels: Any) -> None:
    with pytest.raises(TypeError, match="uint8"):
        engine.similar(pixels)


def test_a_place_is_told_beside_a_photo(engine: SearchEngine, photos: Path) -> None:
    path = str(photos / "2024" / "two.jpg")
    blue = engine.search("blue", 1, path_glob="two.jpg")[0]
    at = engine.similar(path, at=(240, 160))
    assert ids(at) == ids(engine.similar(Example(Path(path), at=(240, 160))))
    assert ids(engine.similar(path, box=blue.box)) == ids(engine.similar(blue))
    with pytest.raises(QueryError, match="beside a whole example"):
        engine.similar(blue, at=(1, 1))
    with pytest.raises(QueryError, match="outside"):
        engine.similar(path, at=(400, 10))


def test_the_photo_of_a_match_is_upright(engine: SearchEngine) -> None:
    match = engine.search("red", 1)[0]
    image = match.image()
    assert (image.mode, image.size[::-1]) == ("RGB", match.photo.size)
    x, y, width, height = match.box
    red, green, blue = np.asarray(image)[y + height // 2, x + width // 2].tolist()
    assert red > 150 > max(green, blue)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Query(words=3),  # type: ignore[arg-type]
        lambda: Query(words="red", k="3"),  # type: ignore[arg-type]
        lambda: Query(words="red", k=2.5),  # type: ignore[arg-type]
        lambda: Query(words="red", where="2023/*"),  # type: ignore[arg-type]
        lambda: Query(words="red", negatives=[3]),  # type: ignore[arg-type, list-item]
        lambda: Query(example=np.zeros(4)),  # type: ignore[arg-type]
        lambda: Negative("red", "much"),  # type: ignore[arg-type]
        lambda: Filter(min_area="0.1"),  # type: ignore[arg-type]
        lambda: Filter(camera=3),  # type: ignore[arg-type]
        lambda: Example(3),  # type: ignore[arg-type]
        lambda: Example("a.jpg", at="1,2"),  # type: ignore[arg-type]
        lambda: Example("a.jpg", at=(1, "2")),  # type: ignore[arg-type]
        lambda: Example(segment="3"),  # type: ignore[arg-type]
    ],
)
def test_a_wrong_type_is_told_where_it_is_given(wrong: Any) -> None:
    with pytest.raises(TypeError, match="expected"):
        wrong()


def test_a_query_takes_negatives_as_texts() -> None:
    assert Query(words="red", negatives="0.8:blue").negatives == (Negative("blue", 0.8),)  # type: ignore[arg-type]
