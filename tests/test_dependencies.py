"""What is imported is declared, and the oldest versions that are declared are those tested."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PACKAGES = ("model", "indexer", "searchengine", "cli")


def normal(name: str) -> str:
    """A distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def bounds(requirements: Iterable[str]) -> dict[str, str]:
    """The least version of each requirement, by name; our own extras are none."""
    found = {}
    for requirement in requirements:
        name, _, version = requirement.partition(">=")
        if not name.startswith("segsearch["):
            found[normal(name.partition("[")[0])] = version
    return found


OPTIONAL = {extra: bounds(each) for extra, each in PROJECT["optional-dependencies"].items()}
RUNTIME = bounds(PROJECT["dependencies"])


def imported(folder: str) -> dict[str, str]:
    """Top-level packages of others that a folder's files import, each with one that does."""
    files = sorted((ROOT / folder).rglob("*.py"))
    own = {*PACKAGES, *(path.stem for path in files)} | {
        path.stem for place in ("tests/toys", "bench") for path in (ROOT / place).glob("*.py")
    }
    found: dict[str, str] = {}
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for name in names:
                found.setdefault(name.split(".")[0], str(path.relative_to(ROOT)))
    return {n: at for n, at in found.items() if n not in sys.stdlib_module_names and n not in own}


@pytest.mark.parametrize("folder", [*PACKAGES, "bench", "examples", "tests"])
def test_what_is_imported_is_declared(folder: str) -> None:
    declared = set(RUNTIME).union(*OPTIONAL.values())
    if folder in PACKAGES:  # users have no development tools
        declared -= set(OPTIONAL["dev"]) - set(RUNTIME).union(
            *(each for extra, each in OPTIONAL.items() if extra != "dev")
        )
    makers = packages_distributions()
    undeclared = {
        name: path
        for name, path in imported(folder).items()
        if not declared & {normal(maker) for maker in makers.get(name, [])}
    }
    assert undeclared == {}


def test_the_oldest_that_are_tested_are_the_oldest_that_are_declared() -> None:
    """`make test-oldest` installs what tests/oldest.txt names, exactly."""
    lines = (ROOT / "tests" / "oldest.txt").read_text(encoding="utf-8").splitlines()
    pinned = dict(
        line.partition("#")[0].strip().split("==") for line in lines if line and line[0] != "#"
    )
    declared = RUNTIME.copy()
    for extra, each in OPTIONAL.items():
        if extra not in ("gpu", "peers"):  # faiss-cpu's place; tools that are tried by hand
            declared |= each
    # pip refuses constraints with extras: their names stand alone
    assert {normal(name): version for name, version in pinned.items()} == declared
