"""Messages name options on the command line, parameters in Python."""

import re
from pathlib import Path

import pytest

import searchengine
from cli.spoken import as_options

PACKAGES = [Path(searchengine.__file__).parents[1] / name for name in ("indexer", "searchengine")]


@pytest.mark.parametrize(
    ("said", "typed"),
    [
        ("add `overwrite=True`", "add --overwrite"),
        ("ask with `refer=False`", "ask with --no-refer"),
        ("raise `max_megapixels` to read it", "raise --max-megapixels to read it"),
        ("take `jobs=1`, or use `preset=mine.toml`", "take --jobs 1, or use --preset mine.toml"),
        ("a `b and c` of d`", "a `b and c` of d`"),
        ("`Upper=1`, ``, `=1`, a=True", "`Upper=1`, ``, `=1`, a=True"),
    ],
)
def test_parameters_are_said_as_options(said: str, typed: str) -> None:
    assert as_options(said) == typed


def test_packages_below_the_command_line_name_no_option_of_theirs() -> None:
    """Commands may be named whole, as `segsearch doctor --fix`, and options of `serve`."""
    names = "overwrite|force|retry|jobs|no-refer|preset|max-megapixels|polygons"
    own = re.compile(rf"--({names})(?![\w-])")
    named = [
        f"{file.name}: {line.strip()}"
        for package in PACKAGES
        for file in package.rglob("*.py")
        if file.parts[-2] != "routes"
        for line in file.read_text().splitlines()
        if own.search(line)
    ]
    assert not named
