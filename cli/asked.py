"""What goes with a question: judgements that are kept, and the history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cli.output import say

if TYPE_CHECKING:
    from searchengine import Example, Matches, SearchEngine


def heeded(
    engine: SearchEngine,
    words: str,
    like: Sequence[int] | None,
    unlike: Sequence[int] | None,
    name: str,
) -> dict[str, Any]:
    """Fields of a query for the judgements that are kept under a name, these among them."""
    from searchengine import NameUnknown, Query

    engine.judgements.judge(name, words, like or (), unlike or ())
    try:
        kept = engine.judgements.heeded(Query(words=words or "anything"), name)
    except NameUnknown:  # nothing was judged yet
        return {}
    fields = ("like", "unlike", "liked", "unliked")
    return {field: getattr(kept, field) for field in fields}


def remember(engine: SearchEngine, matches: Matches, *examples: Example) -> None:
    """Put a question into the history; a line on stderr where that fails."""
    if line := engine.history.remember(matches, examples):
        say(line)
