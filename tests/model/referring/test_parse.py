import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.referring.expression import Expression, Ordinal
from model.referring.parse import LONGEST, parse


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("second door of the red car", "'door', number 2 from the left, of ('red car')"),
        ("man in the blue shirt left of the bus", "'man', wearing ('blue shirt'), left ('bus')"),
        ("the cat lying on the couch", "'cat', on ('couch')"),
        ("3rd chair from the right", "'chair', number 3 from the right"),
        ("the second to last car", "'car', number -2 from the left"),
        ("man in a hat and glasses", "'man', wearing ('hat'), wearing ('glasses')"),
        ("woman in red", "'woman in red'"),
        ("the tallest of the three women", "'women', most tall"),
        ("chair between the table and the sofa", "'chair', between ('table' and 'sofa')"),
        ("dog on the left", "'dog', left"),
        ("the leftmost dog", "'dog', most left"),
        ("zebra on the far left of the group", "'zebra', most left"),
        ("left zebra", "'zebra', left"),
        ("left mirror", "'left mirror'"),
        ("bus behind the tree in the background", "'bus', background, behind ('tree')"),
        ("man without a helmet", "'man', not wearing ('helmet')"),
        ("the dog that is not black", "'dog', not 'black'"),
        ("elephant bigger than the tree", "'elephant', larger ('tree')"),
        ("bigger elephant", "'elephant', most large"),
        ("smallest person in the picture", "'person', most small"),
        ("person closest to the camera", "'person', most near"),
        ("the wheel closest to the bumper", "'wheel', near ('bumper')"),
        ("black and white cow", "'black and white cow'"),
        ("cup of tea next to the laptop", "'cup of tea', near ('laptop')"),
        ("small boat on the left", "'small boat', left, small"),
        ("top left window", "'window', top, left"),
        ("woman in a white tank top", "'woman', wearing ('white tank top')"),
        ("the left half of the sandwich", "'sandwich', left"),
        ("dog right next to the man", "'dog', near ('man')"),
        ("car on the right side of the photo", "'car', right"),
        ("boy in front of the net", "'boy', front ('net')"),
        ("woman in the front row", "'woman', foreground"),
    ],
)  # fmt: skip
def test_what_is_said_of_a_thing_is_told_apart(text: str, read: str) -> None:
    assert str(parse(text)) == read


def test_what_another_thing_is_like_belongs_to_it() -> None:
    (relation,) = parse("handle of the second door from the left").relations
    assert relation.others[0].ordinal == Ordinal(2, "left")
    assert parse("man next to the largest dog").superlative is None


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("left chair on the right", "left and right at once: neither is heeded"),
        ("the leftmost chair on the right", "left and right at once: neither is heeded"),
        ("the one on the left", "names no thing: not read as an expression"),
        ("", "no English word: not read as an expression"),
        ("左の椅子", "no English word: not read as an expression"),
        ("стул слева", "no English word: not read as an expression"),
        ("the dog " * 250, f"more than {LONGEST} words: searched as a whole"),
    ],
)
def test_what_cannot_be_heeded_is_told(text: str, note: str) -> None:
    read = parse(text)
    assert read.bare
    assert read.notes[0].startswith(note)


def test_another_rule_may_name_the_target() -> None:
    assert parse("the man on the horse", lambda text: "horse").head == "horse"
    assert parse("the man on the horse", lambda text: "").head == "man"


NOUNS = st.sampled_from(["dog", "chair", "red car", "tall man", "cup", "tennis racket"])
SIDES = st.sampled_from(["left", "right"])


@given(st.text(max_size=200))
def test_any_text_is_an_expression(text: str) -> None:
    read = parse(text)
    assert isinstance(read, Expression)
    assert read.bare or read.phrase
    assert all(phrase.strip() for phrase in read.phrases())
    assert str(read)
    assert read.to_dict()["phrase"] == read.phrase


@given(NOUNS, NOUNS, SIDES)
def test_a_relation_keeps_both_things_apart(one: str, other: str, side: str) -> None:
    read = parse(f"the {one} to the {side} of the {other}")
    (relation,) = read.relations
    assert (read.phrase, relation.kind, relation.others[0].phrase) == (one, side, other)
    assert parse(f"The {one.upper()} to the {side} of the {other}").phrase == one


@given(NOUNS, st.integers(1, 10), st.sampled_from(["left", "right", "top", "bottom"]))
def test_an_ordinal_counts_from_its_side(noun: str, number: int, side: str) -> None:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number, "th")
    read = parse(f"the {number}{ending} {noun} from the {side}")
    assert (read.phrase, read.ordinal) == (noun, Ordinal(number, side))


@given(NOUNS, SIDES)
def test_where_it_stands_is_no_part_of_the_phrase(noun: str, side: str) -> None:
    said = [f"{noun} on the {side}", f"the {noun} at the {side} side of the picture"]
    for text in said:
        assert (parse(text).phrase, parse(text).places) == (noun, (side,))
