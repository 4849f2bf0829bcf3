"""Phrases judged by names: the right regions, and no phrase that means something else."""

import pytest

from model.curation.phrases import lemmas
from model.datasets.ground_truth import Region
from model.evaluation.curation.judging import RegionNames, Synonyms, shipped_synonyms

SYNONYMS = Synonyms(
    {"person": ("man", "rider"), "bicycle": ("bike",), "motorcycle": ("bike",)},
    ("cd rider",),
)
NAMES = RegionNames(["person", "dog", "hot dog", "trees", "Bicycle"], SYNONYMS)


@pytest.mark.parametrize(
    ("head", "names"),
    [
        ("dog", {"dog"}),
        ("big brown dogs", {"dog"}),
        ("hot dog", {"hot dog"}),
        ("young men", {"person"}),
        ("people", {"person"}),
        ("bike rider", {"person"}),
        ("cd rider", set()),
        ("cd riders", set()),
        ("tree", {"tree"}),
        ("bike", {"bicycle", "motorcycle"}),
        ("Bicycles", {"bicycle"}),
        ("dog food", set()),
        ("manhole", set()),
    ],
)
def test_the_longest_end_names_what_is_meant(head: str, names: set[str]) -> None:
    assert NAMES.of(head) == names


def test_a_phrase_means_all_regions_of_its_names_and_no_others() -> None:
    said = [("person",), ("dog", "animal"), (), ("person",), ("trees", "tree")]
    regions = [Region(b"", phrases, "object", None) for phrases in said]
    assert NAMES.regions("two men", regions) == (0, 3)
    assert NAMES.regions("dog", regions) == (1,)
    assert NAMES.regions("tall tree", regions) == (4,)
    assert NAMES.regions("bike", regions) == ()  # not there, so it cannot be judged


def test_the_shipped_words_are_each_for_another_name() -> None:
    shipped = shipped_synonyms()
    names = RegionNames(("towel", "book"), shipped)
    for name, words in shipped.words.items():
        assert len(set(words)) == len(words)
        assert name not in words
        for word in words:
            assert word == word.lower().strip()
            assert lemmas(name) in names.of(word)
    for other in shipped.others:
        assert names.of(other) == set()
        assert names.of(other.split()[-1])  # else it need not be told
    assert names.of("woman") == {"person"}
