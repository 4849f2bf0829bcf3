import csv
from pathlib import Path

import pytest

from model.language import dependency_parser as parsing
from model.language.dependency_tree import Tree
from model.referring import parse as parsed
from model.referring.arrangement import arranged, unclear
from model.referring.grammar import items
from model.referring.parts import Part, divided

TREES = {
    "kid eating cake": (["NOUN", "VERB", "NOUN"], [0, 0, 1], ["root", "acl", "obj"]),
    "couple dancing under the chandelier": (
        ["NOUN", "VERB", "ADP", "DET", "NOUN"],
        [0, 0, 4, 4, 1],
        ["root", "acl", "case", "det", "obl"],
    ),
    "window the cat looks at": (
        ["NOUN", "DET", "NOUN", "VERB", "ADP"],
        [0, 2, 3, 0, 3],
        ["root", "det", "nsubj", "acl:relcl", "obl"],
    ),
    "behind the fence a brown cow grazing": (
        ["ADP", "DET", "NOUN", "DET", "ADJ", "NOUN", "VERB"],
        [2, 2, 5, 5, 5, 5, 5],
        ["case", "det", "nmod", "det", "amod", "root", "acl"],
    ),
    "cup of tea steaming": (
        ["NOUN", "ADP", "NOUN", "VERB"],
        [0, 2, 0, 0],
        ["root", "case", "nmod", "acl"],
    ),
    "balcony railing shown here": (  # the parser may take the first noun for the meant one
        ["NOUN", "NOUN", "VERB", "ADV"],
        [0, 0, 0, 2],
        ["root", "flat", "acl", "advmod"],
    ),
}


class Knowing:
    """A parser that knows some texts."""

    def read(self, words: list[str]) -> Tree:
        tags, heads, relations = TREES[" ".join(words)]
        return Tree(tuple(words), tuple(tags), tuple(heads), tuple(relations))


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("kid eating cake", "'kid', with ('cake')"),
        ("couple dancing under the chandelier", "'couple', below ('chandelier')"),
        ("window the cat looks at", "'window', near ('cat')"),
        ("behind the fence a brown cow grazing", "'brown cow', behind ('fence')"),
        ("cup of tea steaming", "'cup of tea'"),
        ("balcony railing shown here", "'balcony railing'"),
    ],
)
def test_a_tree_tells_what_is_meant(text: str, read: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsed, "dependency_parser", Knowing)
    assert str(parsed.parse.__wrapped__(text)) == read


def test_without_a_parser_closed_lists_read_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "find_spec", lambda name: None)
    parsing._parser.cache_clear()
    assert str(parsed.parse.__wrapped__("kid eating cake")) == "'kid'"
    parsing._parser.cache_clear()


@pytest.mark.parametrize(
    "text",
    [
        "red car",
        "the really big dog on the left",
        "black and white cow",
        "cup of tea",
        "dog",
        "balcony railing",
    ],
)
def test_what_closed_lists_understand_needs_no_parser(text: str) -> None:
    assert not unclear(divided(items(text))[0])


@pytest.mark.parametrize(
    "text", ["couple dancing", "window the cat", "shelf full", "kid eats cake"]
)
def test_words_that_closed_lists_do_not_explain_are_noticed(text: str) -> None:
    assert unclear(divided(items(text))[0])


def test_a_tree_that_names_no_thing_changes_nothing() -> None:
    parts = [Part(words=["one"], at=[0])]
    assert arranged(parts, Tree(("one",), ("PRON",), (0,), ("root",))) == parts
    assert arranged(parts, Tree(("one",), ("NUM",), (0,), ("root",))) == parts


def test_the_bundled_parser_names_heads() -> None:
    table = (Path(__file__).parents[3] / "recipes" / "expression-heads.tsv").read_text("utf-8")
    rows = list(csv.DictReader(table.splitlines(), delimiter="\t"))
    right = [row for row in rows if parsed.parse(row["expression"]).head == row["head"]]
    assert len(right) >= len(rows) - 6
