"""Left out: what conditions exclude without its owner knowing, told beside the answer."""

from __future__ import annotations

from indexer.catalog.catalog_reader import CatalogReader
from indexer.catalog.filter import Filter
from model.errors import shown


def left_out(where: Filter, catalog: CatalogReader, *, found: int) -> tuple[str, ...]:
    """Lines for people: photos without a date, and paths that may have been meant.

    Args:
        where: the conditions.
        catalog: the catalog that was searched.
        found: matches that there were; where there are some, the path was right.
    """
    lines = []
    if where.after is not None or where.before is not None:
        undated = catalog.undated()
        if undated:
            photos = "1 photo has" if undated == 1 else f"{undated:,} photos have"
            lines.append(f"{photos} no date and can meet no condition on dates")
    if where.path_glob is not None and not found:
        near = catalog.paths_like(where.path_glob)
        if near and not len(catalog.segment_ids(Filter(path_glob=where.path_glob))):
            paths = ", ".join(shown(path) for path in near)
            lines.append(f"no path matches '{shown(where.path_glob)}'; the nearest: {paths}")
    return tuple(lines)
