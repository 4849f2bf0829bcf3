"""`segsearch feedback`: judgements that are kept under a name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import IndexOption, JsonOption, output_path
from cli.output import print_json, say, show

if TYPE_CHECKING:
    from searchengine import SearchEngine

feedback = typer.Typer(
    name="feedback",
    help="Judgements: what was judged right or wrong, kept under a name by search --feedback NAME.",
    epilog="What the search makes of them, and how to train with them: docs/around.md",
    no_args_is_help=True,
)

NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="Name that judgements are kept under.")
]


@feedback.command("list")
def list_(index: IndexOption = None, json: JsonOption = False) -> None:
    """List the names, and how many judgements are kept under each."""
    with _opened(index) as engine:
        found = engine.judgements.all()
        if json:
            print_json({"feedback": [each.to_dict() for each in found]})
            return
        for each in found:
            words = ", ".join(f"'{text}'" for text in each.words if text)
            show(f"{each.name}: {each.right} right, {each.wrong} wrong for {words or 'no words'}")
        if not found:
            say("no judgement is kept; segsearch search WORDS --like ID --feedback NAME does")


@feedback.command("show")
def show_(name: NameArgument, index: IndexOption = None, json: JsonOption = False) -> None:
    """Show the judgements under a name, in the order they were made."""
    from model.errors import shown

    with _opened(index) as engine:
        found = engine.judgements.get(name)
        if json:
            print_json({"name": name, "judgements": [each.to_dict() for each in found]})
            return
        for each in found:
            verdict = "right" if each.right else "wrong"
            show(f"{verdict}  '{each.words}'  {shown(each.segment.path)}")


@feedback.command()
def export(
    name: NameArgument,
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="DIR", help="New folder to write to.", parser=output_path
        ),
    ],
    index: IndexOption = None,
    json: JsonOption = False,
) -> None:
    """Write what was judged right as training pairs: Parquet shards for `segsearch train`."""
    from searchengine.user_data.judged_pairs import write_pairs

    with _opened(index) as engine:
        report = write_pairs(engine.judgements.get(name), engine.reader, output)
        if json:
            print_json(report.to_dict())
        else:
            show(str(report))


@feedback.command()
def rm(name: NameArgument, index: IndexOption = None) -> None:
    """Forget the judgements under a name."""
    with _opened(index) as engine:
        say(f"forgot {engine.judgements.remove(name)} judgements of '{name}'")


def _opened(index: Path | None) -> SearchEngine:
    from searchengine import SearchEngine

    return SearchEngine.open(index)
