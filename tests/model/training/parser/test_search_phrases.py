from random import Random

from small_treebank import CARRIED, EATING, LYING, TREES

from model.language.dependency_tree import Tree
from model.training.parser.search_phrases import lowered, search_phrases, without_articles


def phrases(tree: Tree) -> set[tuple[str, str]]:
    """Words of all phrases that chance may cut out, and their roots."""
    found = [each for seed in range(20) for each in search_phrases([tree], Random(seed))]
    return {(" ".join(each.words), each.words[each.root]) for each in found}


def test_what_a_clause_says_of_its_subject_is_said_of_a_noun_phrase() -> None:
    assert {("a small kid eating the cake", "kid"), ("small kid eating cake", "kid")} <= phrases(
        EATING
    )
    assert {("the cat in his box", "cat"), ("cat in box", "cat")} <= phrases(LYING)


def test_a_noun_phrase_keeps_what_hangs_on_it() -> None:
    assert {("a bag carried by ann", "bag"), ("bag carried by ann", "bag")} <= phrases(CARRIED)
    assert ("the cake", "cake") in phrases(EATING)


def test_phrases_are_trees() -> None:
    for phrase in search_phrases(TREES * 10, Random(0)):
        assert len(phrase.words) == len(phrase.tags) == len(phrase.heads) == len(phrase.relations)
        roots = [at for at, head in enumerate(phrase.heads) if at == head]
        assert [phrase.relations[at] for at in roots] == ["root"]
        assert phrase.below(phrase.root) == set(range(len(phrase)))


def test_one_seed_gives_the_same_phrases() -> None:
    first, again = (list(search_phrases(TREES, Random(3))) for _ in range(2))
    assert first == again


def test_queries_have_neither_capitals_nor_full_stops_nor_articles() -> None:
    assert lowered(EATING).words == ("a", "small", "kid", "is", "eating", "the", "cake")
    assert without_articles(lowered(LYING)).words == ("cat", "was", "in", "box")
