"""A treebank of a few sentences."""

from __future__ import annotations

from pathlib import Path

from model.language.dependency_tree import Tree

EATING = Tree(
    ("A", "small", "kid", "is", "eating", "the", "cake", "."),
    ("DET", "ADJ", "NOUN", "AUX", "VERB", "DET", "NOUN", "PUNCT"),
    (2, 2, 4, 4, 4, 6, 4, 4),
    ("det", "amod", "nsubj", "aux", "root", "det", "obj", "punct"),
)
LYING = Tree(
    ("The", "cat", "was", "in", "his", "box", "!"),
    ("DET", "NOUN", "AUX", "ADP", "PRON", "NOUN", "PUNCT"),
    (1, 5, 5, 5, 5, 5, 5),
    ("det", "nsubj", "cop", "case", "nmod:poss", "root", "punct"),
)
CARRIED = Tree(
    ("We", "saw", "a", "bag", "carried", "by", "Ann"),
    ("PRON", "VERB", "DET", "NOUN", "VERB", "ADP", "PROPN"),
    (1, 1, 3, 1, 3, 6, 4),
    ("nsubj", "root", "det", "obj", "acl", "case", "obl:agent"),
)
TREES = (EATING, LYING, CARRIED)


def write_treebank(folder: Path, copies: int = 1) -> None:
    """Write the sentences as all three parts of a treebank."""
    text = "\n".join(map(_rows, TREES * copies))
    for split in ("train", "dev", "test"):
        (folder / f"small-ud-{split}.conllu").write_text(text, encoding="utf-8")


def _rows(tree: Tree) -> str:
    lines = ""
    columns = zip(tree.words, tree.tags, tree.heads, tree.relations, strict=True)
    for at, (word, tag, head, relation) in enumerate(columns):
        number = 0 if head == at else head + 1
        lines += f"{at + 1}\t{word}\t_\t{tag}\t_\t_\t{number}\t{relation}\t_\t_\n"
    return lines
