"""What is printed: results on stdout, all else on stderr."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.progress import Progress

    from searchengine.search.match import Matches


def say(line: str, above: Progress | None = None) -> None:
    """One line for people, on stderr; above a live bar where there is one."""
    from model.errors import shown

    if above is None:
        typer.echo(shown(line), err=True)
    else:
        above.console.print(shown(line), markup=False, highlight=False)


def counted(count: int, noun: str) -> str:
    """As "1 photo" or "2,000 photos"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def print_json(document: Any) -> None:
    """One JSON document on one line of stdout, flushed.

    ASCII: a file name that is no UTF-8 becomes escaped surrogates, which `os.fsencode` undoes.
    """
    typer.echo(json.dumps(document))


def print_matches(matches: Matches) -> None:
    """A table of matches for people."""
    from model.errors import shown

    if not len(matches):
        say("nothing is indexed that these conditions allow")
        return
    if matches.query and not matches.confident and matches[0].confidence is not None:
        say(f"no confident match for '{matches.query}'; these are the nearest")
    typer.echo("rank  score  confidence  segment  x,y,w,h              photo")
    for match in matches:
        confidence = "" if match.confidence is None else f"{min(match.confidence, 0.99):.0%}"
        box = ",".join(map(str, match.box))
        line = (
            f"{match.rank:4}  {match.score:5.2f}  {confidence:>10}  {match.segment_id:7}"
            f"  {box:<19}  {shown(match.photo.path)}"
        )
        if match.duplicates:
            line += f" (and {len(match.duplicates)} like it)"
        typer.echo(line)
