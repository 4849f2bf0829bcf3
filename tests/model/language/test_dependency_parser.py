import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import spacy
from spacy.tokens import Doc

from model.errors import ExtraMissing
from model.language import dependency_parser as parsing
from model.language.dependency_parser import DependencyParser, dependency_parser
from model.referring.target_phrase import root_phrase


class Told:
    """A pipeline that knows one text, with the labels of spaCy's published ones."""

    vocab = spacy.blank("en").vocab
    words = ("the", "kid", "is", "eating", "a", "cake")

    def __call__(self, text: Any) -> Doc:
        return Doc(
            self.vocab, self.words, pos=["DET", "NOUN", "AUX", "VERB", "DET", "NOUN"],
            heads=[1, 3, 3, 3, 5, 3], deps=["det", "nsubj", "aux", "ROOT", "det", "dobj"],
        )  # fmt: skip


def released_rule(doc: Doc) -> str:
    """The target phrase as Global-Local CLIP's authors' code finds it, written from its
    description."""
    (root,) = [token for token in doc if token.head.i == token.i][-1:]
    for token in (root, *list(root.children)[:1]):
        for chunk in doc.noun_chunks:
            if chunk.start <= token.i < chunk.end:
                return str(chunk.text)
    return ""


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    parsing._parser.cache_clear()
    yield
    parsing._parser.cache_clear()


def test_published_labels_are_read_as_universal_ones() -> None:
    tree = DependencyParser(Told(), "en_core_web_sm").read(Told.words)
    assert tree.relations == ("det", "nsubj", "aux", "root", "det", "obj")
    assert tree.tags[1] == "NOUN"


def test_the_papers_target_phrase_is_that_of_the_released_code() -> None:
    parser = DependencyParser(Told(), "en_core_web_sm")
    assert parser.root_phrase("the kid is eating a cake") == released_rule(Told()("")) == "the kid"


def test_a_published_pipeline_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    found = parsing.find_spec
    monkeypatch.setattr(
        parsing, "find_spec", lambda name: True if name == "en_core_web_sm" else found(name)
    )
    monkeypatch.setattr(spacy, "load", lambda name, exclude: Told())
    parser = dependency_parser()
    assert parser is not None
    assert parser.name == "en_core_web_sm"
    assert root_phrase("The kid is eating a cake") == "the kid"


def test_without_spacy_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "find_spec", lambda name: None)
    assert dependency_parser() is None
    with pytest.raises(ExtraMissing, match=r"segsearch\[language\]"):
        root_phrase("a dog")


def test_threads_share_one_parser() -> None:
    with ThreadPoolExecutor(4) as threads:
        parsers = list(threads.map(lambda _: dependency_parser(), range(8)))
    assert len({id(parser) for parser in parsers}) == 1


def test_spacy_is_imported_on_use() -> None:
    code = "import sys, model.referring.parse; sys.exit('spacy' in sys.modules)"
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
