"""`segsearch saved`: searches under a name, and what was added since they were seen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer

from cli.answer import Answer
from cli.batch import batch_lines
from cli.client.questions import answer_of
from cli.client.server_options import ServerOptions, refuse_beside_server
from cli.option_groups import takes_groups
from cli.options import (
    AtOption,
    BoxOption,
    EngineOptions,
    IndexOption,
    JsonOption,
    LikeOption,
    SegmentOption,
    UnlikeOption,
    WordsArgument,
    pointed_at,
)
from cli.output import counted, print_json, print_matches, say, show
from cli.search_options import SearchOptions

saved = typer.Typer(
    name="saved",
    help="Saved searches: keep a question under a name, ask it again, see what is new.",
    epilog="They lie beside the index, in user.sqlite: docs/around.md",
    no_args_is_help=True,
)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the saved search.")]
NamesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME...]", help="Names of saved searches.", show_default="all"),
]
PeekOption = Annotated[
    bool, typer.Option("--peek", help="Leave what is shown new: it is told again the next time.")
]


@saved.command()
@takes_groups
def add(
    *,
    name: NameArgument,
    words: WordsArgument = None,
    photo: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Photo to ask by, beside the words or alone."),
    ] = None,
    at: AtOption = None,
    box: BoxOption = None,
    segment: SegmentOption = None,
    like: LikeOption = None,
    unlike: UnlikeOption = None,
    min_confidence: Annotated[
        float | None,
        typer.Option(
            "--min-confidence",
            metavar="P",
            help="Least confidence of a match of words, 0 to 1.",
            show_default="0.5",
            min=0,
            max=1,
        ),
    ] = None,
    min_score: Annotated[
        float | None,
        typer.Option(
            "--min-score",
            metavar="S",
            help="Least score of a match where no words are given.",
            show_default="that of the last match now",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the saved search of this name.")
    ] = False,
    json: JsonOption = False,
    options: SearchOptions,
) -> None:
    """Save a search under a name. All that the index holds now counts as seen."""
    said = " ".join(words or ())
    judged = {"like": tuple(like or ()), "unlike": tuple(unlike or ())}
    pointers = (photo, at, box, segment)
    places = [] if pointers == (None, None, None, None) else [pointed_at(*pointers)]
    with options.open() as engine:
        vector = engine.embed(places[0])[0] if places else None
        query = options.query(said, example=vector, **judged)
        made = engine.saved.add(
            name,
            query,
            examples=places,
            least_confidence=min_confidence,
            least_score=min_score,
            overwrite=overwrite,
        )
        if json:
            print_json(made.to_dict())
        else:
            say(f"saved '{made.name}': {made.question}")


@saved.command("list")
def list_(index: IndexOption = None, json: JsonOption = False) -> None:
    """List the saved searches: what they ask, and when they were last seen."""
    with EngineOptions(index=index).open() as engine:
        found = engine.saved.all()
        if json:
            print_json({"searches": [each.to_dict() for each in found]})
            return
        for each in found:
            show(f"{each.name}: {each.question} (seen {each.seen.at})")
        if not found:
            say("no search is saved; segsearch saved add NAME WORDS does")


@saved.command()
@takes_groups
def run(
    *,
    name: NameArgument,
    peek: PeekOption = False,
    options: EngineOptions,
    server: ServerOptions,
    json: JsonOption = False,
) -> None:
    """Ask a saved search again. What is shown counts as seen."""
    if server:
        refuse_beside_server(options, {})
        with server.connection() as line:
            told = line.post("/answers/saved", {"name": name, "mark": not peek})
        _show_again(name, answer_of(told), json)
        return
    with options.open() as engine:
        matches = engine.saved.run(name, mark=not peek)
        _show_again(name, Answer({"name": name, **matches.to_dict()}, matches.notes), json)


@saved.command()
@takes_groups
def new(
    *,
    names: NamesArgument = None,
    peek: PeekOption = False,
    options: EngineOptions,
    server: ServerOptions,
    json: JsonOption = False,
) -> None:
    """Show what saved searches find among photos that were added since they were seen.

    Only the new photos are searched. With --json, one document a line and search.
    """
    if server:
        refuse_beside_server(options, {})
        with server.connection() as line:
            for name in names or [each["name"] for each in line.get("/saved")["searches"]]:
                told = line.post("/answers/new", {"name": name, "mark": not peek})
                _show_new(answer_of(told), json)
        return
    with options.open() as engine:
        for name in names or [each.name for each in engine.saved.all()]:
            found = engine.saved.new(name, mark=not peek)
            _show_new(Answer(found.to_dict(), found.matches.notes), json)


@saved.command()
def rm(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Names of saved searches.")],
    index: IndexOption = None,
) -> None:
    """Forget saved searches."""
    with EngineOptions(index=index).open() as engine:
        for name in names:
            engine.saved.remove(name)
            say(f"forgot '{name}'")


@saved.command()
def export(names: NamesArgument = None, index: IndexOption = None) -> None:
    """Print saved searches as JSON, one a line, with all that another index needs."""
    with EngineOptions(index=index).open() as engine:
        chosen = [engine.saved.get(name) for name in names] if names else engine.saved.all()
        for each in chosen:
            print_json(each.to_dict(vectors=True))


@saved.command("import")
def import_(
    file: Annotated[str, typer.Argument(metavar="FILE", help="What was exported ('-': stdin).")],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace saved searches of the same names.")
    ] = False,
    index: IndexOption = None,
) -> None:
    """Save searches that were exported. All that the index holds now counts as seen."""
    import json

    from model.errors import QueryError

    with EngineOptions(index=index).open() as engine:
        read = []
        for number, line in enumerate(batch_lines(file), 1):
            try:
                read.append(engine.saved.read(json.loads(line)))
            except (ValueError, RecursionError):
                raise QueryError(f"line {number} is no JSON", "give what was exported") from None
        for each in read:
            engine.saved.put(each, overwrite=overwrite)
        say(f"saved {counted(len(read), 'search').replace('searchs', 'searches')}")


def _show_again(name: str, found: Answer, json: bool) -> None:
    if json:
        print_json(found.document)
    elif found.matches:
        print_matches(found)
    else:
        _tell(found.notes)
        say(f"nothing is as good as '{name}' asks for")


def _show_new(found: Answer, json: bool) -> None:
    if json:
        print_json(found.document)
        return
    name, photos = found.document["name"], counted(found.document["photos_added"], "new photo")
    if not found.matches:
        _tell(found.notes)
        say(f"{name}: nothing in {photos}")
        return
    say(f"{name}: {len(found.matches)} in {photos}")
    print_matches(found)


def _tell(notes: Iterable[str]) -> None:
    for note in notes:
        say(note)
