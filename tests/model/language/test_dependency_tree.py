import pytest
from small_treebank import CARRIED, EATING, LYING

from model.language.dependency_tree import Tree

LAMP = Tree(  # in the corner a tall lamp
    ("in", "the", "corner", "a", "tall", "lamp"),
    ("ADP", "DET", "NOUN", "DET", "ADJ", "NOUN"),
    (2, 2, 2, 5, 5, 2),
    ("case", "det", "root", "det", "amod", "dep"),
)
DARK = Tree(("dark", "here"), ("ADJ", "ADV"), (0, 0), ("root", "advmod"))


@pytest.mark.parametrize(
    ("tree", "noun"),
    [(EATING, "kid"), (LYING, "cat"), (CARRIED, "We"), (LAMP, "lamp"), (DARK, None)],
)
def test_a_sentence_is_about_a_noun(tree: Tree, noun: str | None) -> None:
    place = tree.target()
    assert (None if place is None else tree.words[place]) == noun


def test_chunks_are_nouns_and_what_stands_before_them() -> None:
    chunks = [" ".join(EATING.words[at] for at in chunk) for chunk in EATING.chunks()]
    assert chunks == ["A small kid", "the cake"]
    assert [list(chunk) for chunk in LYING.chunks()] == [[0, 1], [4, 5]]
    assert list(DARK.chunks()) == []
