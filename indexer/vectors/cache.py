"""Vector cache: the vectors of an index, kept in a file and mended from the catalog.

The catalog is the truth. `vectors.faiss` may be missing, old, damaged or somebody else's; what
comes out of here always answers for the catalog, and the file is only the faster way there.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.vectors.cache_file import (
    CacheOrigin,
    CacheOutdated,
    read_origin,
    unfinished_path,
    write_sealed,
)
from indexer.vectors.exact_search import chosen, contains, gathered
from indexer.vectors.faiss_store import CODED_FROM, FaissVectors
from indexer.vectors.keeper import KeepingReport
from indexer.vectors.store import Ints
from model.embeddings import EmbeddingSpace
from model.errors import IndexDamaged, shown

if TYPE_CHECKING:
    from indexer.catalog.catalog_reader import CatalogReader

FILE = "vectors.faiss"
MOST_MENDED = 0.3
"""Above this share of the vectors, making the store anew is quicker than mending it."""
MOST_UNFILED = 0.1
"""Share of the vectors that a store at hand may differ by from the file, before that is written."""


def synced_vectors(
    folder: Path, catalog: CatalogReader, *, writable: bool, coded_from: int = CODED_FROM
) -> tuple[FaissVectors, KeepingReport]:
    """The vectors of every segment in the catalog, and how they came about.

    Args:
        folder: index folder.
        catalog: the truth; it must stay open as long as the store is used.
        writable: whether the file may be brought up to date; only for who holds the cache's
            lock. That it could not be is told in the report; the store is whole all the same.
        coded_from: number of vectors from which they are coded.

    Raises:
        ExtraMissing: no FAISS that works.
    """
    path = folder / FILE
    # Before the ids: what is written meanwhile makes the file look older than it is, never newer.
    watermark = catalog.watermark
    space = catalog.manifest.space
    if writable:
        with suppress(OSError):  # what a killed writer left; the next one overwrites it
            unfinished_path(path).unlink(missing_ok=True)
    store, notes = None, []
    try:
        origin = _origin(path, space)
        if not catalog.has_passed(origin.watermark):
            raise IndexDamaged(f"{shown(path)} belongs to another catalog")
        store = _stored(path, origin, catalog, coded_from)
        if store.watermark == watermark:
            return store, KeepingReport("used", True, "")
    except (FileNotFoundError, CacheOutdated):
        pass  # a new index, or a newer program, or somebody deleted it, as one may
    except IndexDamaged as error:
        notes.append(f"{error}; made anew from the catalog")
    except OSError as error:
        notes.append(f"{shown(path)} cannot be read ({error.strerror}); made anew")
    action = "mended"
    if store is None or not _mended(store, catalog):
        action = "rebuilt"
        store = FaissVectors.build(space.dimension, catalog, coded_from=coded_from)
    store.mark(watermark)
    written = False
    if writable:
        origin = CacheOrigin(watermark, space.fingerprint, space.dimension, len(store), store.kind)
        try:
            write_sealed(path, store.write, origin)
            written = True
            # Out of the file it is shared with other processes, and only what is used is held.
            store = _stored(path, origin, catalog, coded_from)
        except OSError as error:
            notes.append(f"{shown(path)} could not be written ({error.strerror})")
        except IndexDamaged as error:
            notes.append(str(error))
    return store, KeepingReport(action, written, "; ".join(notes))


def catch_up(store: FaissVectors, catalog: CatalogReader) -> bool:
    """Bring a store at hand up to the catalog, without the file; False where that is worth writing.

    While photos are indexed, whoever searches meets a new state at each question, and the file of a
    million vectors would be read and written for some hundred new ones.

    Args:
        store: a store that `synced_vectors` gave; it is spent where the answer is False.
        catalog: the truth.
    """
    watermark = catalog.watermark
    if store.watermark is None or not catalog.has_passed(store.watermark):
        return False
    gone, missing = _changes(store, catalog)
    if store.unfiled + len(gone) + len(missing) > MOST_UNFILED * len(store):
        return False
    if not _changed(store, catalog, gone, missing):
        return False
    store.unfiled += len(gone) + len(missing)
    store.mark(watermark)
    return True


def vector_problems(folder: Path, catalog: CatalogReader) -> list[str]:
    """Faults of the cache file, one line each: read whole, and compared with the catalog."""
    path = folder / FILE
    try:
        origin = _origin(path, catalog.manifest.space)
        if not catalog.has_passed(origin.watermark):
            return [f"{shown(path)} belongs to another catalog"]
        store = _stored(path, origin, catalog, CODED_FROM)
    except FileNotFoundError:
        return [f"{shown(path)} is missing"]
    except IndexDamaged as error:
        return [str(error)]
    except OSError as error:
        return [f"{shown(path)} cannot be read ({error.strerror})"]
    ids, wanted = store.ids(), catalog.segment_ids()
    missing = int((~contains(ids, wanted)).sum())
    gone = int((~contains(wanted, ids)).sum())
    if missing or gone:
        return [f"{shown(path)} lacks {missing} segments and holds {gone} that are gone"]
    try:
        other = sum(store.differing(*block) for block in gathered(catalog.vector_blocks()))
    except (IndexDamaged, ValueError):
        return []  # the catalog's own check tells
    return [f"{shown(path)} holds other vectors of {other} segments"] if other else []


def _origin(path: Path, space: EmbeddingSpace) -> CacheOrigin:
    origin = read_origin(path, whole=True)
    if (origin.space, origin.dimension) != (space.fingerprint, space.dimension):
        raise IndexDamaged(f"{shown(path)} belongs to another preset")
    return origin


def _stored(
    path: Path, origin: CacheOrigin, catalog: CatalogReader, coded_from: int
) -> FaissVectors:
    store = FaissVectors.read(path, origin.dimension, catalog, coded_from=coded_from)
    if (len(store), store.kind) != (origin.count, origin.kind):
        raise IndexDamaged(f"{shown(path)} holds other vectors than its seal says")
    store.mark(origin.watermark)
    return store


def _mended(store: FaissVectors, catalog: CatalogReader) -> bool:
    """Bring an older store up to date; False where it should better be made anew.

    The catalog has been in the store's state, so an id that both have means one and the same
    vector, and ids alone tell what to do.
    """
    gone, missing = _changes(store, catalog)
    if len(gone) + len(missing) > MOST_MENDED * (len(store) - len(gone) + len(missing)):
        return False
    return _changed(store, catalog, gone, missing)


def _changes(store: FaissVectors, catalog: CatalogReader) -> tuple[Ints, Ints]:
    """Ids of a store that the catalog has no more, and those that the store lacks, ascending."""
    wanted = catalog.segment_ids()
    return (
        store.ids()[~contains(wanted, store.ids())],
        wanted[~contains(store.ids(), wanted)],
    )


def _changed(store: FaissVectors, catalog: CatalogReader, gone: Ints, missing: Ints) -> bool:
    """Change a store by ids; False where it is worn by that."""
    store.remove(gone)
    if len(missing):
        blocks = catalog.vector_blocks(int(missing[0]) - 1)
        for ids, vectors in gathered(chosen(blocks, missing)):
            store.add(ids, vectors)
    return not store.worn
