"""`segsearch history`: the last questions that were asked of an index."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.options import IndexOption, JsonOption
from cli.output import counted, print_json, say, show


def history(
    most: Annotated[
        int, typer.Option("-n", "--count", metavar="N", help="Most questions to show.", min=1)
    ] = 20,
    clear: Annotated[bool, typer.Option("--clear", help="Forget all questions.")] = False,
    on: Annotated[
        bool | None,
        typer.Option(
            "--on/--off",
            help="Remember questions from now on, or do not; what is remembered stays.",
            show_default="on",
        ),
    ] = None,
    index: IndexOption = None,
    json: JsonOption = False,
) -> None:
    """Show the last questions that commands and the page asked of an index, the latest first.

    The last thousand are remembered, beside the index and nowhere else; --batch is not.
    """
    from searchengine import SearchEngine

    with SearchEngine.open(index) as engine:
        kept = engine.history
        if clear:
            say(f"forgot {counted(kept.clear(), 'question')}")
        if on is not None:
            kept.turn(on)
            say(f"questions are {'' if on else 'not '}remembered from now on")
        if clear or on is not None:
            return
        found = kept.all(most)
        if json:
            print_json({"on": kept.on, "questions": [each.to_dict() for each in found]})
            return
        for each in found:
            show(f"{each.at.replace('T', ' ')[:16]}  {each.question}")
        if not found:
            say("no question is remembered" + ("" if kept.on else ": the history is off"))
