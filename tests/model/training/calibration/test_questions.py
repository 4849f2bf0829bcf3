from dataclasses import replace
from pathlib import Path

import numpy as np

from model.datasets.corpus import AnnotatedPhoto
from model.datasets.pairs import TrainingPair
from model.training.calibration.candidate_masks import CandidateMasks
from model.training.calibration.kinship import Kinship
from model.training.calibration.questions import (
    absent_questions,
    named_questions,
    without_answers,
    word_list,
)


def photo(source: str, *regions: tuple[str, str], split: str = "val") -> AnnotatedPhoto:
    pairs = tuple(TrainingPair(Path("x.jpg"), (9, 9), b"", (text,), kind) for text, kind in regions)
    return AnnotatedPhoto(source, Path("x.jpg"), (4, 4), split, pairs)


PHOTOS = [
    photo("coco", ("dog", "object"), ("grass", "stuff")),
    photo("coco", ("cat", "object")),
    photo("cars", ("wheel", "part")),
    photo("coco", ("dog", "object"), split="train"),
]


def table(links: list[tuple[int, int, float, float]]) -> CandidateMasks:
    """Three proposals in each of the four photos."""
    columns = np.array(links, np.float64).reshape(-1, 4)
    return CandidateMasks(
        np.zeros((12, 2), np.float32),
        np.repeat(np.arange(4), 3),
        columns[:, 0].astype(np.int64),
        columns[:, 1].astype(np.int64),
        columns[:, 2].astype(np.float32),
        columns[:, 3].astype(np.float32),
    )


LINKS = [(0, 0, 0.7, 0.9), (1, 0, 0.2, 0.4), (2, 1, 0.1, 0.9), (6, 0, 0.6, 0.6), (9, 0, 0.9, 1.0)]


def test_only_what_can_be_judged_is_asked() -> None:
    asked = {q.text: q for q in named_questions(PHOTOS, table(LINKS), "val")}
    dog = asked["dog"]  # row 1 is partly the dog; the cars' source would not name dogs
    assert dict(zip(dog.rows.tolist(), dog.shows.tolist(), strict=True)) == {
        0: True,
        2: False,
        3: False,
        4: False,
        5: False,
    }
    grass = asked["grass"]  # mostly inside is enough; the cat's photo has no stuff named
    assert dict(zip(grass.rows.tolist(), grass.shows.tolist(), strict=True)) == {
        0: False,
        1: False,
        2: True,
    }
    assert asked["wheel"].rows.tolist() == [6, 7, 8]
    assert not asked["cat"].present


def test_without_its_photos_a_phrase_is_absent() -> None:
    proposals = table(LINKS)
    asked = named_questions(PHOTOS, proposals, "val")
    rest = without_answers(asked, PHOTOS, proposals, Kinship([]), fewest=1)
    assert {q.text: q.rows.tolist() for q in rest} == {"cat": [0, 1, 2], "dog": [3, 4, 5]}
    assert not any(q.present for q in rest)


def test_a_kind_of_a_thing_is_an_answer_too() -> None:
    proposals = table(LINKS)
    puppies = photo("coco", ("dog", "object"))
    pairs = (replace(puppies.pairs[0], texts=("cat", "dog")),)  # whatever is a cat is a dog here
    kinship = Kinship([replace(puppies, pairs=pairs)])
    rest = without_answers(named_questions(PHOTOS, proposals, "val"), PHOTOS, proposals, kinship, 1)
    assert [q.text for q in rest if q.text in ("dog", "cat")] == []


def test_absent_words_are_asked_of_all_proposals_of_the_split() -> None:
    (question,) = absent_questions(["anvil"], PHOTOS, table(LINKS), "val")
    assert question.rows.tolist() == list(range(9))
    assert not question.present


def test_the_word_lists_are_bundled_and_clean() -> None:
    for name in ("everyday_words", "absent_words", "absent_compounds"):
        words = word_list(name)
        assert len(words) > 70
        assert len(set(words)) == len(words)
        assert all(word == word.strip() != "" for word in words)
