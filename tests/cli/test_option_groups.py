"""Groups of options stand among a verb's own, and reach it whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer
from typer.testing import CliRunner

from cli.option_groups import takes_groups

Colour = Annotated[str, typer.Option("--colour", help="Colour.")]


@dataclass(frozen=True, kw_only=True)
class Paint:
    colour: Colour
    thick: Annotated[bool, typer.Option("--thick", help="Twice.")] = False


def test_a_groups_options_stand_where_the_group_does() -> None:
    told: list[tuple[str, Paint, int]] = []

    @takes_groups
    def verb(
        *,
        place: Annotated[str, typer.Argument()],
        paint: Paint,
        coats: Annotated[int, typer.Option("--coats")] = 1,
    ) -> None:
        told.append((place, paint, coats))

    app = typer.Typer()
    app.command()(verb)
    names = [each.name for each in typer.main.get_command(app).params]
    assert names[:4] == ["place", "colour", "thick", "coats"]
    runner = CliRunner()
    assert runner.invoke(app, ["wall", "--colour", "red", "--thick"]).exit_code == 0
    assert told == [("wall", Paint(colour="red", thick=True), 1)]
    assert runner.invoke(app, ["wall"]).exit_code == 2  # a group may hold what must be given
