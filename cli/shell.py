"""`segsearch shell`: ask again and again, with the models kept loaded."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cli.answer import Answer
from cli.asked import remember
from cli.drawn_output import DrawnOutput
from cli.option_groups import takes_groups
from cli.output import print_matches, say, show
from cli.search_options import SearchOptions
from cli.settings import WRONG_USAGE

if TYPE_CHECKING:
    from searchengine import Example, Matches, SearchEngine

PROMPT = "segsearch> "
HELP = (
    ("WORDS", "find what the words say"),
    (":similar N", "find what is like match N of the last answer"),
    (":sheet FILE", "draw the last answer as a contact sheet, .png or .jpg"),
    (":where OPTIONS", "ask by these options of 'segsearch search' from now on; by none without"),
    (":help", "show this"),
    (":quit", "end, as the end of the input does"),
)


@takes_groups
def shell(options: SearchOptions) -> None:
    """Ask again and again, one question a line, with the models kept loaded.

    Lines that begin with ':' are commands: ':help' lists them.
    """
    with options.open() as engine:
        _ = engine.reader  # where there is no index, it is told before anything is asked
        Shell(engine, options.spread()).run(_lines())


class Shell:
    """What is asked, and the last answer.

    Args:
        engine: engine that answers.
        options: conditions and counts, until others are given.
    """

    def __init__(self, engine: SearchEngine, options: SearchOptions) -> None:
        self._engine, self._options = engine, options
        self._last: Matches | None = None
        self._commands: dict[str, Callable[[str], None]] = {
            "similar": self.similar,
            "sheet": self.sheet,
            "where": self.where,
            "help": self.help,
        }

    def run(self, lines: Iterator[str]) -> None:
        """Obey each line until there is none, or one that says to quit."""
        from model.errors import SegsearchError

        for line in lines:
            said = line.strip()
            if said in (":quit", ":q"):
                return
            try:
                self.obey(said)
            except SegsearchError as error:
                say(str(error))
            except WRONG_USAGE as error:
                say(str(getattr(error, "message", error)))

    def obey(self, said: str) -> None:
        """Answer a question, or do what a command says; a blank line does nothing.

        Raises:
            SegsearchError: the line cannot be answered; the next one can.
            typer.BadParameter: an option is wrong.
        """
        if not said:
            return
        if not said.startswith(":"):
            self._answer(self._engine.search(self._options.query(said)))
            return
        name, _, rest = said[1:].partition(" ")
        if name not in self._commands:
            raise typer.BadParameter(f"there is no command ':{name}'; ':help' lists them")
        self._commands[name](rest.strip())

    def similar(self, rest: str) -> None:
        """Find what is like a match of the last answer.

        Args:
            rest: rank of the match, from 1.
        """
        numbers = range(1, len(self._last or ()) + 1)
        from searchengine import Example

        if self._last is None or not rest.isdecimal() or int(rest) not in numbers:
            raise typer.BadParameter("give the rank of a match of the last answer, as ':similar 1'")
        match = self._last[int(rest) - 1]
        asked = {"where": self._options.where(), **self._options.counts()}
        found = self._engine.similar(match, **asked)
        self._answer(found, Example(segment=match.segment_id))

    def sheet(self, rest: str) -> None:
        """Draw the last answer.

        Args:
            rest: picture file.
        """
        if self._last is None:
            raise typer.BadParameter("there is no answer yet that could be drawn")
        drawn = DrawnOutput(sheet=Path(rest))
        drawn.check()
        drawn.draw([self._last])

    def where(self, rest: str) -> None:
        """Take other conditions and counts.

        Args:
            rest: options of `segsearch search`; what they do not say is its default.
        """
        parsed = _parsed(_split(rest))
        if parsed is not None:
            parsed.query("anything")  # what makes no sense is told now
            self._options = parsed.spread()

    def help(self, rest: str) -> None:
        """List the commands."""
        for said, meaning in HELP:
            show(f"{said:<16} {meaning}")

    def _answer(self, matches: Matches, *examples: Example) -> None:
        remember(self._engine, matches, *examples)
        self._last = matches
        print_matches(Answer.of(matches))


def _lines() -> Iterator[str]:
    """Lines that are typed, with a prompt and a history where there is a terminal."""
    if not sys.stdin.isatty():
        yield from sys.stdin
        return
    with suppress(ImportError):  # Windows has none; lines can be edited all the same
        import readline  # noqa: F401
    while True:
        try:
            yield input(PROMPT)
        except EOFError:
            show("")
            return


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise typer.BadParameter(f"'{text}' is not understood ({error})") from None


def _parsed(arguments: list[str]) -> SearchOptions | None:
    """The search options in some arguments, as `segsearch search` reads them; None where they ask
    for help alone."""
    found: list[SearchOptions] = []

    @takes_groups
    def where(options: SearchOptions) -> None:
        found.append(options)

    reading = typer.Typer(add_completion=False)
    reading.command()(where)
    typer.main.get_command(reading).main(arguments, ":where", standalone_mode=False)
    return found[0] if found else None
