"""Dependency parser: what depends on what in a text, by spaCy where it is installed.

One of spaCy's published English pipelines where it is installed, else the bundled one, else none.
Nothing is fetched, and nothing is imported before a text has to be read.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from model.language.dependency_tree import Tree

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

BUNDLED = Path(__file__).with_name("parser") / "parser.safetensors"
PUBLISHED = ("en_core_web_lg", "en_core_web_md", "en_core_web_sm")

# published pipelines name dependencies as ClearNLP does
_UNIVERSAL = {
    "ROOT": "root", "nsubjpass": "nsubj:pass", "dobj": "obj", "dative": "iobj",
    "poss": "nmod:poss", "relcl": "acl:relcl", "nn": "compound",
}  # fmt: skip
_LOADING = Lock()


class DependencyParser:
    """A pipeline that reads texts, one at a time: its parts hand results on through themselves.

    Args:
        pipeline: spaCy's, with a parser and a tagger.
        name: one of `PUBLISHED`, or any other.
    """

    def __init__(self, pipeline: Language, name: str) -> None:
        self._pipeline = pipeline
        self._lock = Lock()
        self._chunked = name in PUBLISHED
        self.name = name

    def read(self, words: Sequence[str]) -> Tree:
        """The tree of a sentence of these words."""
        from spacy.tokens import Doc

        with self._lock:
            starts = [place == 0 for place in range(len(words))]
            doc = Doc(self._pipeline.vocab, list(words), sent_starts=starts)
            return _tree(self._pipeline(doc))

    def root_phrase(self, text: str) -> str:
        """The noun phrase in which a text's root stands, else the root's first child; else "".

        So Global-Local CLIP chooses the target phrase (Yu et al., CVPR 2023).
        """
        with self._lock:
            doc = self._pipeline(text)
            tree, chunks = _tree(doc), list(self._chunks(doc))
            for place in (tree.root, *tree.children(tree.root)[:1]):
                for chunk in chunks:
                    if place in chunk:
                        return str(doc[chunk.start : chunk.stop].text)
        return ""

    def _chunks(self, doc: Doc) -> Iterator[range]:
        """Places of noun phrases; spaCy's own where the pipeline names dependencies as it does."""
        if self._chunked:
            return (range(chunk.start, chunk.end) for chunk in doc.noun_chunks)
        return _tree(doc).chunks()


def dependency_parser() -> DependencyParser | None:
    """The parser, made once; None where spaCy is not installed.

    Raises:
        WeightsMismatch: the bundled pipeline's file is damaged.
    """
    with _LOADING:
        return _parser()


@cache
def _parser() -> DependencyParser | None:
    if find_spec("spacy") is None:
        return None
    # torch comes with them, which a search by a bare phrase need not wait for
    from model.language.dependency_pipeline import read_pipeline
    from model.weights.tensor_file import without_warnings

    with without_warnings():
        import spacy

        for name in PUBLISHED:
            if find_spec(name) is not None:
                try:
                    return DependencyParser(spacy.load(name, exclude=["ner"]), name)
                except (OSError, ValueError, ImportError) as error:  # of another version of spaCy
                    logging.getLogger(__name__).debug("%s cannot be used: %s", name, error)
        return DependencyParser(read_pipeline(BUNDLED), "bundled")


def _tree(doc: Doc) -> Tree:
    return Tree(
        tuple(token.text for token in doc),
        tuple(token.pos_ or token.tag_ for token in doc),
        tuple(token.head.i for token in doc),
        tuple(_UNIVERSAL.get(token.dep_, token.dep_) for token in doc),
    )
