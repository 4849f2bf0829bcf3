"""What `search`, `similar` and `export` can be told is the same."""

from dataclasses import fields
from datetime import datetime

import pytest
import typer
import typer.main

from cli.app import app
from cli.search_options import FEW, SearchOptions, moment

COMMANDS = typer.main.get_command(app).commands


@pytest.mark.parametrize("verb", ["search", "similar", "export"])
def test_every_verb_that_searches_takes_every_search_option(verb: str) -> None:
    known = {parameter.name: parameter for parameter in COMMANDS[verb].params}
    of_search = {parameter.name: parameter for parameter in COMMANDS["search"].params}
    for field in fields(SearchOptions):
        assert known[field.name].opts == of_search[field.name].opts
        assert known[field.name].help == of_search[field.name].help


def test_options_become_a_query() -> None:
    options = SearchOptions(
        k=3, not_=["blue", "0.8:grey"], after=moment("2023"), camera="leica", neighbours=2
    )
    query = options.query("red")
    assert (query.words, query.k, query.neighbours) == ("red", 3, 2)
    assert [(n.words, n.weight) for n in query.negatives] == [("blue", 0.5), ("grey", 0.8)]
    assert query.where == options.where()
    assert query.where.after == datetime(2023, 1, 1)


def test_a_place_and_sizes_become_conditions() -> None:
    options = SearchOptions(near="48.2,16.4,5", max_area=0.2, unique_photos=True)
    assert options.where().near == (48.2, 16.4, 5.0)
    assert options.where().max_area == 0.2
    assert options.query("red").per_photo == 1
    with pytest.raises(typer.BadParameter, match="Vienna"):
        SearchOptions(near="Vienna").where()


def test_where_matches_are_shown_a_photo_gives_few() -> None:
    assert SearchOptions().query("red").per_photo is None
    assert SearchOptions().spread().query("red").per_photo == FEW
    assert SearchOptions(per_photo=5).spread().query("red").per_photo == 5
    assert SearchOptions(per_photo=0).spread().query("red").per_photo is None
    assert SearchOptions(unique_photos=True).spread().query("red").per_photo == 1


@pytest.mark.parametrize("text", ["yesterday", "2023-13", "2023-02-30", "", "2023-05-17T25"])
def test_what_is_no_date_is_told(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="no date"):
        moment(text)
