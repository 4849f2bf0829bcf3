from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from searchengine import Match, Matches, QueryError, SearchEngine
from searchengine.matches.labels import Label, as_labels, labelled, read_labels


def box(x: int, width: int = 10) -> np.ndarray[Any, Any]:
    mask = np.zeros((40, 60), np.bool_)
    mask[10:20, x : x + width] = True
    return mask


def answer(*items: Match) -> Matches:
    return Matches(items, "", "", "nano")


def test_a_file_names_labels_and_their_words(tmp_path: Path) -> None:
    file = tmp_path / "labels.txt"
    file.write_bytes("\ufeff# parts\r\n\r\nwheel\r\ndoor: car door\r\n door : gate \r\n".encode())
    assert read_labels(file) == (
        Label("wheel", ("wheel",)),
        Label("door", ("car door", "gate")),
    )


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"\xff\xfe\x00", b": car\n"])
def test_a_file_without_labels_is_one_line(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "labels.txt"
    file.write_bytes(content)
    with pytest.raises(QueryError) as refused:
        read_labels(file)
    assert "\n" not in str(refused.value)
    with pytest.raises(QueryError, match="cannot be read"):
        read_labels(tmp_path / "none.txt")


def test_a_thing_gets_the_label_that_it_fits_best(made_match: Callable[..., Match]) -> None:
    door, wheel = Label("door", ("door",)), Label("wheel", ("wheel",))
    doors = answer(
        made_match(box(0), 1, rank=1, confidence=0.9),
        made_match(box(20), 2, rank=2, confidence=0.6),
        made_match(box(0), 5, photo_id=2, rank=3, confidence=0.4),
    )
    wheels = answer(
        made_match(box(21), 3, rank=1, confidence=0.8),  # of one thing with the door's second
        made_match(box(0), 1, rank=2, confidence=0.7),  # the door's first itself
        made_match(box(0, 3), 4, rank=3, confidence=0.65),  # a part of it
    )
    found = labelled([(door, doors), (wheel, wheels)], least=0.5)
    assert [(m.rank, m.segment_id, m.label) for m in found] == [
        (1, 1, "door"),
        (2, 3, "wheel"),
        (3, 4, "wheel"),
    ]


def test_no_segment_has_two_labels_and_ranks_follow_confidence(
    made_match: Callable[..., Match],
) -> None:
    labels = as_labels(["a", "b", "c"])
    scored = st.tuples(st.integers(0, 5), st.floats(0, 1), st.integers(0, 2))

    @given(st.lists(scored, max_size=12))
    def holds(made: list[tuple[int, float, int]]) -> None:
        answers = [
            (labels[label], answer(made_match(box(9 * number, 9), number, confidence=confidence)))
            for number, confidence, label in made
        ]
        found = labelled(answers)
        assert {m.segment_id for m in found} == {number for number, _, _ in made}
        assert len({m.segment_id for m in found}) == len(found)
        sure = [m.confidence for m in found]
        assert sure == sorted(sure, key=lambda value: -(value or 0))
        assert [m.rank for m in found] == list(range(1, len(found) + 1))

    holds()


def test_an_engine_labels_what_it_finds(engine: SearchEngine) -> None:
    found = engine.label({"red thing": "red", "blue thing": ["blue", "navy"]}, min_confidence=0)
    assert {match.label for match in found} == {"red thing", "blue thing"}
    assert found.to_dict()["matches"][0]["label"] == found[0].label
    assert len({match.segment_id for match in found}) == len(found)
