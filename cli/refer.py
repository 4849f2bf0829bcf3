"""`segsearch refer`: resolve a referring expression in one photo, indexed or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.answer import Answer
from cli.batch import batch_questions
from cli.options import ExplainOption, HeadOption, JsonOption, PhotoArgument, headed
from cli.output import print_json, print_matches, say

if TYPE_CHECKING:
    from model.errors import SegsearchError
    from searchengine import Matches, PhotoReferrer


def refer(
    photo: PhotoArgument = None,
    expression: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="EXPRESSION", help="Words for one thing in it: 'the second door from the left'."
        ),
    ] = None,
    json: JsonOption = False,
    batch: Annotated[
        str | None,
        typer.Option(
            "--batch",
            metavar="FILE",
            help="File with PHOTO, a tab and an expression on each line ('-': stdin); one JSON"
            " document a line comes out. Blank lines and comments ('# …') of a file are passed"
            " over.",
        ),
    ] = None,
    k: Annotated[
        int, typer.Option("-k", "--count", metavar="N", help="Most segments to show.", min=1)
    ] = 5,
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset",
            metavar="NAME",
            help="Preset whose models are used: its name or TOML file.",
            show_default="nano",
        ),
    ] = None,
    head: HeadOption = None,
    explain: ExplainOption = False,
) -> None:
    """Find the segment of one photo that an expression means, best first.

    Nothing has to be indexed. Places, sizes, orders and relations are heeded, as in "man left of
    the bus", "largest dog", "woman wearing a hat"; what cannot be is said.
    """
    if (photo is None or not expression) == (batch is None):
        raise typer.BadParameter("give either PHOTO and EXPRESSION, or --batch FILE")
    from searchengine import PhotoReferrer

    referrer = PhotoReferrer(headed(preset, head))
    if batch is not None:
        _answer_lines(referrer, batch, k, explain)
        return
    assert photo is not None
    matches = referrer.refer(photo, " ".join(expression or ()), k)
    if json:
        print_json(matches.to_dict(explain))
    elif len(matches):
        print_matches(Answer.of(matches), explain)
    else:
        say("no segment was found in this photo")


def _answer_lines(referrer: PhotoReferrer, batch: str, k: int, explain: bool) -> None:
    failed = False
    for line in batch_questions(batch):
        path, tab, text = line.partition("\t")
        answer = _answer(referrer, path, text, k) if tab else None
        if answer is None or isinstance(answer, Exception):
            failed = True
            error = "no tab parts a photo and an expression" if answer is None else str(answer)
            print_json({"query": text if tab else line, "error": error, "matches": []})
        else:
            print_json(answer.to_dict(explain))
    if failed:
        raise typer.Exit(3)


def _answer(referrer: PhotoReferrer, path: str, text: str, k: int) -> Matches | SegsearchError:
    from model.errors import PhotoError, QueryError

    try:
        return referrer.refer(path, text, k)
    except (PhotoError, QueryError) as error:
        return error
