from pathlib import Path

import pytest

from model.datasets.corpus import AnnotatedPhoto
from model.datasets.pairs import TrainingPair
from model.training.calibration.kinship import Kinship, implied_names

DATA = """\
00000001 03 n 01 thing 0 000 | anything
00000002 03 n 01 animal 0 001 @ 00000001 n 0000 | what lives
00000003 03 n 02 dog 0 hound 0 001 @ 00000002 n 0000 | what barks
00000004 03 n 01 cat 0 001 @ 00000002 n 0000 | what purrs
"""
INDEX = """\
animal n 1 0 1 0 00000002
cat n 1 1 @ 1 0 00000004
dog n 1 1 @ 1 0 00000003
hound n 1 1 @ 1 0 00000003
thing n 1 0 1 0 00000001
"""


@pytest.fixture
def wordnet(tmp_path: Path) -> Path:
    (tmp_path / "data.noun").write_text(DATA)
    (tmp_path / "index.noun").write_text(INDEX)
    return tmp_path


def photos(*texts: tuple[str, ...]) -> list[AnnotatedPhoto]:
    pairs = tuple(TrainingPair(Path("x.jpg"), (9, 9), b"", each, "object") for each in texts)
    return [AnnotatedPhoto("coco", Path("x.jpg"), (4, 4), "train", pairs)]


def test_a_kind_is_kin_and_a_sibling_is_a_rival(wordnet: Path) -> None:
    kinship = Kinship([], wordnet)
    assert kinship.related("dog", "animal")
    assert kinship.related("dogs", "hound")
    assert not kinship.related("dog", "cat")
    assert not kinship.related("dog", "unicorn")
    assert kinship.pairs(["dog", "cat", "animal", "hound"]) == [
        (0, 2),
        (0, 3),
        (1, 2),
        (3, 0),
        (3, 2),
    ]


def test_people_tell_what_wordnet_does_not() -> None:
    told = photos(("car door", "door"), ("door",), ("Shop front", "store"))
    assert implied_names(told) == {
        "car door": {"door"},
        "door": {"car door"},
        "shop front": {"store"},
        "store": {"shop front"},
    }
    assert implied_names(photos(("car door", "door"), ("door",), ("door",)))["door"] == set()
    kinship = Kinship(told)
    assert kinship.related("store", "shop front")
    assert not kinship.related("store", "door")


def test_what_is_shown_answers_for_all_that_it_can_be_called(wordnet: Path) -> None:
    kinship = Kinship(photos(("puppy", "dog")), wordnet)
    shown = kinship.names(["puppy"])
    assert not shown.isdisjoint(kinship.asked("dog"))
    assert shown.isdisjoint(kinship.asked("cat"))
    assert kinship.names(["dog"]).isdisjoint(kinship.asked("cat"))
    assert not kinship.names(["dog"]).isdisjoint(kinship.asked("animal"))
