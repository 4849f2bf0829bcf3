"""`segsearch search` and `segsearch similar`: ask an index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.asked import heeded, remember
from cli.client.questions import answer, example_question, question
from cli.client.server_options import ServerOptions, refuse_beside_server
from cli.drawn_output import DrawnOutput
from cli.match_output import (
    Format,
    FormatOption,
    MatchPrinter,
    NullOption,
    Sort,
    SortOption,
    chosen_format,
)
from cli.option_groups import takes_groups
from cli.options import (
    AtOption,
    BoxOption,
    ExplainOption,
    JsonOption,
    LikeOption,
    PhotoArgument,
    SegmentOption,
    UnlikeOption,
    WordsArgument,
    pointed_at,
)
from cli.output import counted, say, show
from cli.search_lines import answer_lines, answer_lines_at
from cli.search_options import SearchOptions

if TYPE_CHECKING:
    from searchengine import Matches, Query


@takes_groups
def search(
    *,
    words: WordsArgument = None,
    json: JsonOption = False,
    batch: Annotated[
        str | None,
        typer.Option(
            "--batch",
            metavar="FILE",
            help="File with one query a line ('-': stdin), UTF-8 or UTF-16; one JSON document a"
            " line comes out, or rows or paths with --format. Blank lines and comments ('# …') of a"
            " file are passed over; of stdin each line is answered.",
        ),
    ] = None,
    propose: Annotated[
        int,
        typer.Option(
            "--propose",
            metavar="N",
            help="Number of the best photos in which masks that the index does not hold are looked"
            " for, too; takes some seconds a photo. What the index holds is shown first.",
            min=0,
        ),
    ] = 0,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep",
            help="Write the proposals that are shown to the index, with the words that they were"
            " proposed for.",
        ),
    ] = False,
    refer: Annotated[
        bool | None,
        typer.Option(
            "--refer/--no-refer",
            help="Tell apart which one is meant: 'the second door from the left'.",
            show_default="where up to eight words say more than a bare phrase",
        ),
    ] = None,
    like: LikeOption = None,
    unlike: UnlikeOption = None,
    feedback: Annotated[
        str | None,
        typer.Option(
            "--feedback",
            metavar="NAME",
            help="Name under which judgements are kept: those before are heeded, --like and"
            " --unlike are added.",
        ),
    ] = None,
    save: Annotated[
        str | None,
        typer.Option("--save", metavar="NAME", help="Name to save the search under."),
    ] = None,
    min_confidence: Annotated[
        float,
        typer.Option(
            "--min-confidence",
            metavar="P",
            help="Least confidence of a match, 0 to 1.",
            min=0,
            max=1,
        ),
    ] = 0.0,
    sort: SortOption = Sort.relevance,
    explain: ExplainOption = False,
    format: FormatOption = Format.table,
    null: NullOption = False,
    drawn: DrawnOutput,
    server: ServerOptions,
    options: SearchOptions,
) -> None:
    """Find segments by words, best first, each with a calibrated confidence.

    With nano they may say how a thing looks and where: "red leather bag", "small boat on the left".
    What should not be there is told apart: "street without cars". Singular and plural are one;
    how many there are is not looked at. Which one is meant may be said, too: "the largest dog",
    "cup left of the bowl", "second door from the left". A sentence of more than eight words finds
    the photos that show all that it names. What is not understood is said, and so is where nothing
    is confident; the nearest are shown all the same.
    """
    options = options.spread()
    judged = bool(like or unlike or feedback)
    if bool(words or judged) == (batch is not None):
        raise typer.BadParameter("give either WORDS or --batch FILE")
    if batch is not None and save:
        raise typer.BadParameter("--save saves one query, not a --batch")
    if keep and not propose:
        raise typer.BadParameter("--keep keeps what --propose N finds: give that, too")
    chosen = chosen_format(format, json, null)
    printer = MatchPrinter(
        Format.json if batch is not None and chosen is Format.table else chosen, null, explain
    )
    drawn.check()

    own: dict[str, Any] = {"like": tuple(like or ()), "unlike": tuple(unlike or ())}

    def query(line: str) -> Query:
        return options.query(line, refer=refer, **own)

    def shown(matches: Matches) -> Matches:
        return matches.above(min_confidence).ordered(sort)

    if server:
        unheard = {"--propose": propose, "--feedback": feedback, "--save": save} | drawn.given
        refuse_beside_server(options, unheard)

        def at_server(words: str) -> dict[str, Any]:
            said = own | {"words": words, "refer": refer, "order": sort, "explain": explain}
            return question(options, least_confidence=min_confidence, **said)

        with server.connection() as line:
            if batch is not None:
                answer_lines_at(line, batch, at_server, printer)
            else:
                printer.print_answer(answer(line, at_server(" ".join(words or ()))))
        return
    with options.open() as engine:
        if keep:
            engine.require_keeping()  # before models are loaded
        if batch is not None:
            answer_lines(engine, batch, query, propose, keep, shown, printer, drawn)
            return
        said = " ".join(words or ())
        if feedback is not None:
            own |= heeded(engine, said, like, unlike, feedback)
        asked = query(said)
        if save is not None:
            engine.saved.add(save, asked, least_confidence=min_confidence or None)
        matches = engine.search(asked)
        remember(engine, matches)
        if propose and len(matches):
            if chosen is Format.table:
                printer.print(shown(matches))
                say("looking again at the best photos …")
            matches = engine.propose(matches, propose, keep=keep)
            if chosen is Format.table:
                _tell_proposals(matches, keep, explain)
                printer = MatchPrinter(chosen)  # the reading was told before
        printer.print(shown(matches))
        drawn.draw([shown(matches)])


@takes_groups
def similar(
    *,
    photo: PhotoArgument = None,
    at: AtOption = None,
    box: BoxOption = None,
    segment: SegmentOption = None,
    sort: SortOption = Sort.relevance,
    json: JsonOption = False,
    format: FormatOption = Format.table,
    null: NullOption = False,
    drawn: DrawnOutput,
    server: ServerOptions,
    options: SearchOptions,
) -> None:
    """Find segments like a photo, or like a point, a box or a segment in one.

    Points and boxes are in pixels of the upright photo.
    """
    options = options.spread()
    printer = MatchPrinter(chosen_format(format, json, null), null)
    drawn.check()
    if server:
        refuse_beside_server(options, drawn.given)
        with server.connection() as line:
            told = example_question(options, line, photo, at, box, segment, order=sort)
        printer.print_answer(told)
        return
    example = pointed_at(photo, at, box, segment)
    with options.open() as engine:
        found = engine.similar(example, where=options.where(), **options.counts())
        remember(engine, found, example)
        matches = found.ordered(sort)
        printer.print(matches)
        drawn.draw([matches])


def _tell_proposals(matches: Matches, keep: bool, explain: bool) -> None:
    account = matches.proposals
    if account is None:
        return
    if explain:
        for line in account.lines():
            show(line)
    if keep:
        say(f"kept {counted(account.kept, 'segment')}")
