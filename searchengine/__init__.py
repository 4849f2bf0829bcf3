"""What answers the question? The only package that users import."""

from importlib.util import find_spec
from pathlib import Path

# `model` and `cli` are common words: say so when another package of that name hides ours
_home = Path(__file__).resolve().parent.parent
for _name in ("model", "indexer", "cli"):
    _spec = find_spec(_name)
    if _spec is None or not _spec.origin or Path(_spec.origin).resolve().parent.parent != _home:
        raise ImportError(
            f"segsearch needs its own package '{_name}' from {_home}, but Python finds"
            f" {_spec.origin if _spec else 'none'}: rename that one, or mend sys.path"
        )

from indexer.catalog.records import Filter  # noqa: E402
from indexer.report import Report  # noqa: E402
from indexer.update import Options  # noqa: E402
from model.errors import SegsearchError  # noqa: E402
from searchengine.engine import SearchEngine  # noqa: E402
from searchengine.search.example import Example  # noqa: E402
from searchengine.search.match import Match, Matches  # noqa: E402
from searchengine.search.query import Negative, Query  # noqa: E402

__all__ = [
    "Example",
    "Filter",
    "Match",
    "Matches",
    "Negative",
    "Options",
    "Query",
    "Report",
    "SearchEngine",
    "SegsearchError",
]
