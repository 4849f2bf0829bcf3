"""What the four packages name as their own: it is there, documented, and all that users need."""

import ast
import importlib
import inspect
import re
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import model.errors
import searchengine
from searchengine import Example

HOME = Path(__file__).resolve().parents[1]
PACKAGES = ("model", "indexer", "searchengine", "cli")
OUR_CLASSES = {
    node.name
    for package in ("model", "indexer", "searchengine")
    for file in (HOME / package).rglob("*.py")
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
}


def of_ours(value: object) -> bool:
    return str(getattr(value, "__module__", "")).partition(".")[0] in PACKAGES


@pytest.mark.parametrize("name", PACKAGES)
def test_all_that_a_package_names_is_there_and_documented(name: str) -> None:
    package = importlib.import_module(name)
    named: list[str] = getattr(package, "__all__", [])
    assert len(named) == len(set(named))
    assert package.__doc__
    for each in named:
        value = getattr(package, each)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert value.__doc__, each


@pytest.mark.parametrize("name", PACKAGES)
def test_nothing_of_ours_is_public_unnamed(name: str) -> None:
    package = importlib.import_module(name)
    public = {
        each
        for each, value in vars(package).items()
        if not each.startswith("_") and not isinstance(value, ModuleType) and of_ours(value)
    }
    assert public <= set(getattr(package, "__all__", []))


def test_every_error_can_be_caught_by_its_name() -> None:
    errors = {
        name
        for name, value in vars(model.errors).items()
        if inspect.isclass(value) and issubclass(value, model.errors.SegsearchError)
    }
    assert errors <= set(searchengine.__all__)


@pytest.mark.parametrize("name", searchengine.__all__)
def test_what_a_public_name_takes_and_gives_is_public_too(name: str) -> None:
    value = getattr(searchengine, name)
    mentioned = set().union(*(classes_in(each) for each in callables(value)))
    assert mentioned <= set(searchengine.__all__)


def callables(value: Any) -> list[Any]:
    """A function, or the public methods and properties of a class of ours that is made by users."""
    if inspect.isfunction(value):
        return [value]
    if value is not searchengine.SearchEngine:
        return []
    found = []
    for name, member in vars(value).items():
        if isinstance(member, property):
            member = member.fget
        elif isinstance(member, cached_property):
            member = member.func
        elif isinstance(member, classmethod):
            member = member.__func__
        if inspect.isfunction(member) and not name.startswith("_"):
            found.append(member)
    return found


def classes_in(function: Any) -> set[str]:
    words = re.findall(r"\b[A-Z]\w+", " ".join(map(str, function.__annotations__.values())))
    known = function.__globals__  # what is imported for type checkers only is not there
    return {word for word in words if word in OUR_CLASSES and of_ours(known.get(word, Example))}


def test_examples_import_nothing_from_below() -> None:
    readme = (HOME / "README.md").read_text(encoding="utf-8")
    sources = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    sources += [file.read_text(encoding="utf-8") for file in (HOME / "examples").glob("*.py")]
    assert len(sources) > 1
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom):
                package = (node.module or "").partition(".")[0]
                assert package not in PACKAGES or node.module == "searchengine", node.module
            elif isinstance(node, ast.Import):
                assert all(a.name not in {"model", "indexer", "cli"} for a in node.names)
