"""Lines of a batch, each a question, answered in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from cli.batch import batch_questions
from cli.client.connection import Connection
from cli.client.questions import answer
from cli.drawn_output import DrawnOutput
from cli.line_groups import in_groups
from cli.match_output import MatchPrinter

if TYPE_CHECKING:
    from model.errors import QueryError
    from searchengine import Matches, Query, SearchEngine

LINES_TOGETHER = 256
Asked = TypeVar("Asked")
Done = TypeVar("Done")


def answer_lines_at(
    line: Connection,
    batch: str,
    question: Callable[[str], Mapping[str, Any]],
    printer: MatchPrinter,
) -> None:
    """Ask a server each line of a batch.

    Raises:
        typer.Exit: a line was not understood.
    """
    from model.errors import QueryError

    failed = False
    for words in batch_questions(batch):
        try:
            printer.print_answer(answer(line, question(words)))
        except QueryError as error:
            failed = True
            printer.refuse(words, error)
    if failed:
        raise typer.Exit(3)


def answer_lines(
    engine: SearchEngine,
    batch: str,
    query: Callable[[str], Query],
    propose: int,
    keep: bool,
    shown: Callable[[Matches], Matches],
    printer: MatchPrinter,
    drawn: DrawnOutput,
) -> None:
    """Answer each line of a batch, many of them together; `shown` cuts and orders an answer.

    Raises:
        typer.Exit: a line was not understood.
    """
    from searchengine.queries.query import Query

    failed = False
    kept: list[Matches] = []  # to be drawn
    # what is kept gives segments new ids: the next line is answered after it
    together = 1 if keep else LINES_TOGETHER
    for lines in in_groups(batch_questions(batch), together):
        asked = [_unless_refused(query, line) for line in lines]
        answers = _answers(engine, [each for each in asked if isinstance(each, Query)])
        for line, each in zip(lines, asked, strict=True):
            answer = next(answers) if isinstance(each, Query) else each
            if isinstance(answer, Exception):
                failed = True
                printer.refuse(line, answer)
            else:
                if propose and len(answer):
                    answer = engine.propose(answer, propose, keep=keep)
                printer.print(shown(answer))
                if drawn:
                    kept.append(shown(answer))
    drawn.draw(kept)
    if failed:
        raise typer.Exit(3)


def _answers(engine: SearchEngine, queries: list[Query]) -> Iterator[Matches | QueryError]:
    from model.errors import QueryError

    try:
        yield from engine.search_many(queries)
    except QueryError:  # of one of them: the others are answered all the same
        for query in queries:
            yield _unless_refused(engine.search, query)


def _unless_refused(deed: Callable[[Asked], Done], asked: Asked) -> Done | QueryError:
    from model.errors import QueryError

    try:
        return deed(asked)
    except QueryError as error:
        return error
