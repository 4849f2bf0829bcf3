"""Expressions made from annotations: each fact said plainly and, by others, paraphrased."""

from __future__ import annotations

import hashlib
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from model.datasets.ground_truth import TruePhoto
from model.datasets.referring_expressions import ReferringCase, ReferringSet
from model.evaluation.referring.facts import Fact, facts, seen_facts
from model.language.closed_words import pairs
from model.language.plurals import is_plural

PLAIN, PARAPHRASES = "plain", "paraphrases"
MOST_OF_A_KIND = 6
"""Facts that one photo is asked for by one kind of templates at most."""


def made_expressions(photos: Sequence[TruePhoto]) -> ReferringSet:
    """Expressions of photos' regions: two of each fact, one plain and one paraphrased.

    Args:
        photos: photos with named regions.
    """
    cases: list[ReferringCase] = []
    for number, photo in enumerate(photos):
        if len(photo.named) < 2:
            continue
        found = [*facts(photo), *seen_facts(photo, photo.read().pixels)]
        cases += _cases(number, photo, found)
    return ReferringSet(tuple(photos), tuple(cases))


def _cases(number: int, photo: TruePhoto, found: Sequence[Fact]) -> Iterator[ReferringCase]:
    """Cases of a photo, of each kind of fact no more than a few; chance decides by their words."""
    taken: Counter[str] = Counter()
    for fact in sorted(found, key=lambda fact: _drawn(photo.path.name, fact, "")):
        if taken[fact.said] == MOST_OF_A_KIND:
            continue
        taken[fact.said] += 1
        kind = str(_templates()[fact.said]["kind"])
        for style in (PLAIN, PARAPHRASES):
            among = _templates()[fact.said][style]
            template = among[_drawn(photo.path.name, fact, style) % len(among)]
            text = said(template, fact)
            yield ReferringCase(number, fact.region, text, kind, style, text)


def said(template: str, fact: Fact) -> str:
    """The fact in a template's words."""
    words = {"x": fact.name, "xs": _plural(fact.name), **fact.words}
    return template.format(a=_article(words.get("y", "")), **words)


def _drawn(photo: str, fact: Fact, style: str) -> int:
    """A number that the words alone decide."""
    key = f"{photo}/{fact.said}/{fact.region}/{fact.name}/{sorted(fact.words.items())}/{style}"
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:6], "big")


def _plural(name: str) -> str:
    before, _, last = name.rpartition(" ")
    irregular = {one: many for many, one in pairs("irregular_plurals").items()}
    many = {"person": "people"}.get(last) or irregular.get(last)
    if many is None:
        many = f"{last}es" if last.endswith(("s", "x", "ch", "sh")) else f"{last}s"
    return f"{before} {many}".strip()


def _article(name: str) -> str:
    last = name.split()[-1] if name else ""
    if not name or is_plural(last) or (last.endswith("s") and not last.endswith("ss")):
        return ""
    return "an " if name[0] in "aeiou" else "a "


@cache
def _templates() -> Mapping[str, Mapping[str, Any]]:
    text = files("model.evaluation.referring").joinpath("expression_templates.toml")
    return tomllib.loads(text.read_text(encoding="utf-8"))
