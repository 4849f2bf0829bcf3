"""The dependency parser, fitted to a treebank and to search phrases cut out of it.

python -m model.training.parser.fit --data TREEBANK --out FILE
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from model.datasets.treebank import read_treebank
from model.errors import ExtraMissing, SegsearchError
from model.language.dependency_pipeline import (
    fresh_pipeline,
    read_pipeline,
    write_pipeline,
)
from model.language.dependency_tree import Tree
from model.training.parser.search_phrases import lowered, search_phrases

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.training import Example
    from spacy.vocab import Vocab

EPOCHS = 10
LOWERED = 0.4  # of the sentences
DROPOUT = 0.1
SMALLEST, LARGEST, GROWTH = 400.0, 1000.0, 1.002  # words of a batch
SEED = 0


def training_trees(trees: Sequence[Tree], random: Random) -> list[Tree]:
    """The sentences, some in lower case, and search phrases of all.

    Args:
        trees: sentences of the treebank.
        random: source of chance.
    """
    sentences = [lowered(tree) if random.random() < LOWERED else tree for tree in trees]
    return [*sentences, *search_phrases(trees, random)]


def example(tree: Tree, vocab: Vocab) -> Example:
    """The sentence as spaCy learns from it."""
    from spacy.tokens import Doc
    from spacy.training import Example

    words = list(tree.words)
    relations = ["ROOT" if each == "root" else each for each in tree.relations]
    starts = [place == 0 for place in range(len(words))]
    told = Doc(
        vocab, words, tags=list(tree.tags), heads=list(tree.heads), deps=relations,
        sent_starts=starts,
    )  # fmt: skip
    return Example(Doc(vocab, words, sent_starts=starts), told)


def fit(
    trees: Sequence[Tree],
    held_out: Sequence[Tree],
    epochs: int,
    keep: Callable[[Language], None],
) -> None:
    """Train a parser, which is kept after every epoch with the mean that its weights had so far.

    Args:
        trees: sentences to learn from.
        held_out: others, on which every epoch is measured.
        epochs: rounds over all of them.
        keep: called with the parser; what was kept last is the result.
    """
    import spacy
    from spacy.util import fix_random_seed

    fix_random_seed(SEED)
    random = Random(SEED)
    chosen = training_trees(trees, random)
    vocab = spacy.blank("en").vocab
    pipeline = fresh_pipeline(example(tree, vocab) for tree in chosen)
    shown = [example(tree, pipeline.vocab) for tree in chosen]
    phrases = list(search_phrases(held_out, Random(SEED)))
    optimizer = pipeline.create_optimizer()
    started, words = time.process_time(), SMALLEST
    for epoch in range(1, epochs + 1):
        random.shuffle(shown)
        for batch in _batches(shown, words):
            pipeline.update(batch, drop=DROPOUT, sgd=optimizer)
            words = min(words * GROWTH, LARGEST)
        with pipeline.use_params(optimizer.averages):
            keep(pipeline)
            found = accuracy(pipeline, held_out), accuracy(pipeline, phrases)
        spent = time.process_time() - started
        sys.stderr.write(f"epoch {epoch}, {spent:.0f} s: {found[0]}; phrases: {found[1]}\n")


@dataclass(frozen=True)
class Accuracy:
    """Shares of words, punctuation marks among them, for which something is found.

    Attributes:
        tags: universal part of speech (UPOS).
        heads: word that it depends on (UAS).
        relations: both that word and the universal relation to it, without its subtype (LAS).
        roots: share of sentences of which the root is found.
    """

    tags: float
    heads: float
    relations: float
    roots: float

    def __str__(self) -> str:
        return (
            f"UPOS {self.tags:.3f}, UAS {self.heads:.3f}, LAS {self.relations:.3f}, "
            f"roots {self.roots:.3f}"
        )


def accuracy(pipeline: Language, trees: Sequence[Tree]) -> Accuracy:
    """Accuracy on sentences whose words are told."""
    tags = heads = relations = roots = count = 0
    for tree in trees:
        found = pipeline(example(tree, pipeline.vocab).predicted)
        for at, token in enumerate(found):
            tags += token.tag_ == tree.tags[at]
            right = token.head.i == tree.heads[at]
            heads += right
            relation = token.dep_.lower().partition(":")[0]
            relations += right and relation == tree.relations[at].partition(":")[0]
            roots += right and tree.heads[at] == at
        count += len(tree)
    return Accuracy(tags / count, heads / count, relations / count, roots / len(trees))


def _batches(shown: Sequence[Example], words: float) -> Iterator[list[Example]]:
    """Sentences in their order, so many together that they have a number of words."""
    batch: list[Example] = []
    held = 0
    for each in shown:
        batch.append(each)
        held += len(each.predicted)
        if held >= words:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="model.training.parser.fit", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the treebank")
    parser.add_argument("--out", type=Path, required=True, help="safetensors file to write")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="rounds over all sentences")
    asked = parser.parse_args(arguments)
    try:
        if find_spec("spacy") is None:
            raise ExtraMissing(
                "spaCy is not installed", "install the extra: pip install 'segsearch[language]'"
            )
        trees, held_out, last = (
            read_treebank(asked.data, split) for split in ("train", "dev", "test")
        )
        fit(trees, held_out, asked.epochs, lambda parser: write_pipeline(parser, asked.out))
        written = read_pipeline(asked.out)
        phrases = list(search_phrases(last, Random(SEED)))
        sys.stdout.write(f"test: {accuracy(written, last)}\n")
        sys.stdout.write(f"search phrases of test: {accuracy(written, phrases)}\n")
    except SegsearchError as error:
        sys.stderr.write(f"{parser.prog}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
