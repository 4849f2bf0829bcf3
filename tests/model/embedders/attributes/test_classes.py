import bz2
from pathlib import Path

import numpy as np
import pytest
import torch
from closeness import assert_close, assert_unit
from safetensors.torch import load_file, save_file

from model.datasets.sighting import Sighting
from model.embedders.attributes import classes
from model.embedders.attributes.classes import CODE, ClassCodes
from model.embedders.attributes.joint_space import CLASS_DIMENSIONS
from model.errors import WeightsMismatch

DOGS, CAT, MISSILE = (0, 1), 2, 3
WORDS = {
    "dog": Sighting(DOGS, 1.0),
    "cat": Sighting((CAT,), 1.0),
    "rocket": Sighting((MISSILE,), 0.5),
    "t-shirt": Sighting((CAT,), 0.3),
}
NAMES = np.eye(4, dtype=np.float32)
NOTHING = np.full(4, 0.5, np.float32)


@pytest.fixture(scope="module")
def codes() -> ClassCodes:
    return ClassCodes(np.eye(4, CODE, dtype=np.float32), WORDS)


def asked(codes: ClassCodes, text: str, sentence: np.ndarray = NOTHING) -> np.ndarray:
    (row,) = codes.of_texts([text], sentence[None], NAMES)
    return row


def test_what_the_classifier_is_sure_of_lies_at_its_code(codes: ClassCodes) -> None:
    rows = codes.of_segments(np.array([[9, 0, 0, 0], [9, 9, 0, 0], [0, 0, 0, 0]], np.float32))
    assert rows.shape == (3, CLASS_DIMENSIONS)
    assert_unit(rows)
    assert rows[0, 0] == pytest.approx(1, abs=1e-5)
    assert_close(rows[1, :2], [0.5, 0.5], terms=4)
    assert rows[2, -1] > rows[1, -1] > rows[0, -1], "doubt is the last number"


@pytest.mark.parametrize(
    ("text", "classes", "length"),
    [
        ("dog", DOGS, 1.0),
        ("the dogs", DOGS, 1.0),
        ("a red DOG", DOGS, 1.0),
        ("rocket", (MISSILE,), 0.2),
        ("old rocket", (MISSILE,), 0.1),
        ("old dog", DOGS, 0.2),
        ("white T-shirt", (CAT,), 0.12),
        ("wolf", (), 0.0),
        ("a dog that runs after a cat", (), 0.0),
        ("", (), 0.0),
    ],
)
def test_words_ask_for_their_classes(
    codes: ClassCodes, text: str, classes: tuple[int, ...], length: float
) -> None:
    row = asked(codes, text)
    assert np.flatnonzero(row).tolist() == list(classes)
    assert np.linalg.norm(row) == pytest.approx(length)


def test_unknown_words_ask_for_the_class_whose_name_means_nearly_the_same(
    codes: ClassCodes,
) -> None:
    assert np.flatnonzero(asked(codes, "tom", NAMES[CAT])).tolist() == [CAT]
    assert 0 < np.linalg.norm(asked(codes, "tom", 0.85 * NAMES[CAT])) < 1
    assert not asked(codes, "tom and all of his friends", NAMES[CAT]).any()


def test_a_file_holds_codes_and_words(codes: ClassCodes, tmp_path: Path) -> None:
    codes.save(tmp_path / "classes.safetensors")
    again = ClassCodes.load(tmp_path / "classes.safetensors")
    np.testing.assert_array_equal(asked(again, "dog"), asked(codes, "dog"))
    assert again.sighting("rocket") == codes.sighting("rocket")


@pytest.mark.parametrize(
    "words",
    [b"dog\t1.0\t1000", b"dog\t1.0", b"x" * (classes.MOST_TEXT + 1)],
    ids=["an unknown class", "half a line", "a bomb"],
)
def test_a_file_that_lies_is_refused(codes: ClassCodes, tmp_path: Path, words: bytes) -> None:
    file = tmp_path / "classes.safetensors"
    codes.save(file)
    tensors = load_file(file)
    packed = np.frombuffer(bz2.compress(words), np.uint8).copy()
    save_file(tensors | {"words": torch.from_numpy(packed)}, file)
    with pytest.raises(WeightsMismatch, match="does not hold codes of classes"):
        ClassCodes.load(file)


def test_codes_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="41"):
        ClassCodes(np.eye(4, dtype=np.float32), WORDS)


def test_the_bundled_words_have_synonyms_and_kinds() -> None:
    codes = ClassCodes.load()
    for text, like in (("puppy", "dog"), ("lighthouse", "beacon"), ("rocket", "missile")):
        seen, same = codes.sighting(text), codes.sighting(like)
        assert seen is not None
        assert same is not None
        assert seen.classes == same.classes or set(seen.classes) <= set(same.classes)
    spaceship = codes.sighting("spaceship")
    assert spaceship is not None
    assert spaceship.coverage < 0.5
    assert codes.sighting("person") is None, "grooms and divers are few of all people"
