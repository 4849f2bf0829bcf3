"""What language models wrap their sentences in does not reach the captions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.curation.engines.answer_text import plain_prose


@pytest.mark.parametrize(
    ("answer", "prose"),
    [
        ("A cat on a seat.", "A cat on a seat."),
        (" A cat\n\ton a seat. \n\nA dog! ", "A cat. on a seat. A dog!"),
        (
            "- a red door\n* a *small* window.\n2) the roof",
            "a red door. a *small* window. the roof.",
        ),
        ("## Objects\n1. **Door**: red `oak`", "Objects. Door: red oak."),
        ("Here is what I see:\n- a door", "a door."),
        ("A list:", "A list:"),
        ("<think>A cat?\nNo.</think>\nA dog.", "A dog."),
        ("<think>A cat? It may", ""),
        ("3.5 metres of rope\n-5 degrees", "3.5 metres of rope. -5 degrees."),
        ("half \ud83d of a pair\0", "half of a pair."),
        (" \n\t\n", ""),
        ('A sign that says "Stop!"', 'A sign that says "Stop!"'),
    ],
)
def test_markup_and_thoughts_are_left_out(answer: str, prose: str) -> None:
    assert plain_prose(answer) == prose


@pytest.mark.parametrize(
    ("answer", "prose"),
    [
        ("A cat. A dog! A bir", "A cat. A dog!"),
        ("A cat of 3.5 kg. A do", "A cat of 3.5 kg."),
        ("- a cat\n- a do", "a cat."),
        ("A cat that sits on", "A cat that sits on."),
        ("A cat.", "A cat."),
        ("", ""),
    ],
)
def test_a_sentence_that_was_cut_is_left_out(answer: str, prose: str) -> None:
    assert plain_prose(answer, cut=True) == prose


@given(st.text(), st.booleans())
def test_captions_are_one_printable_line(answer: str, cut: bool) -> None:
    prose = plain_prose(answer, cut)
    assert prose.isprintable()
    assert prose == " ".join(prose.split())
    prose.encode("utf-8")
