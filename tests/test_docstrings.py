"""Descriptions of arguments, attributes and errors begin with a noun, so each stands alone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parents[1]
PACKAGES = ("model", "indexer", "searchengine", "cli")
BARE = ("that", "of", "by", "whose", "what", "how", "they", "it")
SECTION = re.compile(r"(Args|Attributes|Raises):")
ENTRY = re.compile(r" {4}(?P<names>\S[^:]*): (?P<first>\w+)")
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def entries(text: str) -> Iterator[tuple[str, str]]:
    """Names of each entry of the sections, and the first word that describes it."""
    inside = False
    for line in text.splitlines():
        if line and not line.startswith(" "):
            inside = SECTION.fullmatch(line) is not None
        elif inside and (entry := ENTRY.match(line)):
            yield entry["names"], entry["first"]


def bare_entries(source: str) -> list[str]:
    """Entries of a module's docstrings that begin with a bare word, as "NAME: names: word"."""
    return [
        f"{getattr(node, 'name', 'module')}: {names}: {first}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, DOCUMENTED)
        for names, first in entries(ast.get_docstring(node) or "")
        if first in BARE
    ]


@pytest.mark.parametrize("package", PACKAGES)
def test_each_argument_attribute_and_error_begins_with_a_noun(package: str) -> None:
    files = sorted((HOME / package).rglob("*.py"))
    assert files
    faults = {
        file.relative_to(HOME).as_posix(): found
        for file in files
        if (found := bare_entries(file.read_text(encoding="utf-8")))
    }
    assert not faults


@pytest.mark.parametrize("section", ["Args", "Attributes", "Raises"])
@pytest.mark.parametrize("word", BARE)
def test_a_bare_word_is_found_in_every_section(section: str, word: str) -> None:
    source = f'''
class Photo:
    """Photo.

    {section}:
        path: path of the file.
        pixels, size: {word} the file,
            of: that the line before goes on with.

    Returns:
        it: that it is no section of names.
    """
'''
    assert bare_entries(source) == [f"Photo: pixels, size: {word}"]
