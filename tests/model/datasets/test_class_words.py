from pathlib import Path

import pytest

from model.datasets import class_words
from model.datasets.class_words import words_of_classes

DATA = (
    "00000001 05 n 01 dog 0 001 @ 00000009 n 0000 | an animal that barks\n"
    "00000002 05 n 01 poodle 0 001 @ 00000001 n 0000 | a dog with curls\n"
    "00000003 05 n 01 collie 0 001 @ 00000001 n 0000 | a dog of shepherds\n"
    "00000004 05 n 01 puppy 0 001 @ 00000001 n 0000 | a young dog\n"
    "00000005 05 n 02 toy_poodle 0 toy 0 001 @ 00000002 n 0000 | a small poodle\n"
    "00000006 06 n 01 toy 0 000 | something to play with\n"
    "00000009 05 n 01 animal 0 000 | a living thing\n"
) + "".join(f"000001{n:02} 05 n 01 beast{n} 0 001 @ 00000009 n 0000 | one\n" for n in range(40))
INDEX = (
    "animal n 1 0 1 0 00000009\n"
    "collie n 1 0 1 0 00000003\n"
    "dog n 1 0 1 0 00000001\n"
    "poodle n 1 0 1 0 00000002\n"
    "puppy n 1 0 1 0 00000004\n"
    "toy n 2 0 2 0 00000006 00000005\n"
    "toy_poodle n 1 0 1 0 00000005\n"
)


def test_words_stand_for_classes_by_what_is_a_kind_of_what(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data.noun").write_text("  1 a licence\n" + DATA)
    (tmp_path / "index.noun").write_text("  1 a licence\n" + INDEX)
    monkeypatch.setattr(class_words, "class_names", lambda: [["poodle"], ["collie"]])
    found = {
        word: (seen.classes, seen.coverage) for word, seen in words_of_classes(tmp_path).items()
    }
    assert found["poodle"] == ((0,), 1)
    assert found["toy poodle"] == ((0,), 0.6), "a kind of a class, one step up"
    assert found["dog"] == ((0, 1), 1), "most dogs are one of the two"
    assert found["puppy"] == ((0, 1), 0.6)
    assert found["toy"] == ((0,), 0.42), "another sense counts less"
    assert "animal" not in found, "few animals are dogs"
