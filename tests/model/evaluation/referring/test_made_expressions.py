from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.datasets.ground_truth import Region, TruePhoto
from model.evaluation.referring.facts import Fact, facts, seen_facts
from model.evaluation.referring.made_expressions import PARAPHRASES, PLAIN, made_expressions, said
from model.masks import rle

SIZE = (100, 200)
# three cups on a line, the middle one the largest, a table under them and a lamp on the left
BOXES = {
    "cup": [(10, 40, 30, 55), (80, 30, 110, 55), (170, 45, 190, 60)],
    "table": [(62, 56, 103, 95)],
    "lamp": [(2, 5, 14, 30)],
}  # fmt: skip


def photo(folder: Path = Path(), source: str = "rooms") -> TruePhoto:
    regions = []
    for name, boxes in BOXES.items():
        for x0, y0, x1, y1 in boxes:
            mask = np.zeros((1, *SIZE), np.bool_)
            mask[0, y0:y1, x0:x1] = True
            regions.append(Region(rle.encode(mask)[0], (name,), "object", None))
    return TruePhoto(source, folder / "a.png", SIZE, tuple(regions), ())


def told(source: str = "rooms") -> dict[str, set[tuple[int, str]]]:
    found: dict[str, set[tuple[int, str]]] = {}
    for fact in facts(photo(source=source)):
        words = " ".join(fact.words.values())
        found.setdefault(fact.said, set()).add((fact.region, words))
    return found


def test_what_sets_one_apart_is_told() -> None:
    found = told()
    assert found["leftmost"] == {(0, "")}
    assert found["on the right"] == {(2, "")}
    assert found["in the middle"] == {(1, "")}
    assert found["largest"] == {(1, "")}
    assert found["from the left"] == {(1, "second 2")}
    assert found["left of"] == {(0, "table")}
    assert "right of" not in found  # two are
    assert found["next to"] == {(1, "table")}
    assert found["on"] == {(1, "table")}
    assert "smallest" not in found  # two are as small
    assert "between" not in found


def test_regions_that_are_parts_of_things_are_not_counted() -> None:
    assert told("voc_cosegmentation") == {}


def test_colours_are_told_where_one_has_one(tmp_path: Path) -> None:
    pixels = np.full((*SIZE, 3), 250, np.uint8)
    pixels[40:55, 10:30] = (225, 20, 20)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert list(seen_facts(photo(), pixels)) == [Fact("colour", 0, "cup", {"c": "red"})]
    made = made_expressions([photo(tmp_path)])
    styles = [case.style for case in made.cases]
    assert styles.count(PLAIN) == styles.count(PARAPHRASES) == len(styles) / 2
    assert {case.kind for case in made.cases} >= {"colour", "place", "size", "ordinal", "relation"}
    again = made_expressions([photo(tmp_path)])
    assert made.cases == again.cases


@pytest.mark.parametrize(
    ("template", "fact", "text"),
    [
        ("the littlest of the {xs}", Fact("smallest", 0, "person"), "the littlest of the people"),
        ("{x} in {a}{y}", Fact("wearing", 0, "man", {"y": "dress"}), "man in a dress"),
        ("{x} in {a}{y}", Fact("wearing", 0, "man", {"y": "jeans"}), "man in jeans"),
        ("{x} in {a}{y}", Fact("wearing", 0, "man", {"y": "apron"}), "man in an apron"),
        ("one of the {xs}", Fact("largest", 0, "park bench"), "one of the park benches"),
    ],
)
def test_facts_are_said_in_english(template: str, fact: Fact, text: str) -> None:
    assert said(template, fact) == text


def test_clothes_are_worn_by_whom_they_lie_on() -> None:
    masks = np.zeros((3, *SIZE), np.bool_)
    masks[0, 10:90, 20:60], masks[1, 10:90, 120:160], masks[2, 30:50, 22:58] = True, True, True
    names = ("person", "person", "coat")
    regions = tuple(
        Region(counts, (name,), "object", None)
        for counts, name in zip(rle.encode(masks), names, strict=True)
    )
    street = TruePhoto("clothing", Path("a.png"), SIZE, regions, ())
    pixels = np.zeros((*SIZE, 3), np.uint8)
    assert Fact("wearing", 0, "person", {"y": "coat"}) in list(seen_facts(street, pixels))
