"""Doctor: is the environment fit, are the weights the right ones, is the index whole?"""

from __future__ import annotations

import platform
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from indexer.backends import catalog_file, open_catalog, rescue_catalog
from indexer.catalog.catalog import Catalog
from indexer.catalog.job_list import LEASE
from indexer.index import Index
from indexer.lock import WriterLock
from indexer.thumbnails.store import FILE, Thumbnails
from indexer.user_data.user_data import UserData
from indexer.vectors.faiss_installation import faiss_installation
from model.devices import devices
from model.errors import IndexDamaged, IndexMissing, SegsearchError, shown
from model.presets.preset import load_preset, preset_names

LIBRARIES = ("torch", "torchvision", "timm", "open_clip_torch", "segment-anything", "transformers")
EXTRAS = {
    "pillow-heif": 'HEIC photos: pip install "segsearch[heic]"',
    "rawpy": 'RAW photos: pip install "segsearch[raw]"',
}


@dataclass
class Diagnosis:
    """Findings of an examination.

    Attributes:
        facts: name and finding, what is simply so.
        problems: lines, what is wrong and what to do.
        fixed: lines, what was wrong and has been mended.
    """

    facts: list[tuple[str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    fixed: list[str] = field(default_factory=list)

    @property
    def healthy(self) -> bool:
        """Whether the examination left no problem."""
        return not self.problems

    def to_dict(self) -> dict[str, Any]:
        """The diagnosis as the command line's JSON has it."""
        return asdict(self) | {"facts": dict(self.facts), "healthy": self.healthy}

    def __str__(self) -> str:
        width = max((len(name) for name, _ in self.facts), default=0)
        lines = [f"{name:<{width}}  {shown(finding)}" for name, finding in self.facts]
        lines += [f"mended   {shown(line)}" for line in self.fixed]
        lines += [f"PROBLEM  {shown(line)}" for line in self.problems]
        return "\n".join([*lines, "all is well" if self.healthy else "see the problems above"])


def examine(folder: Path, *, fix: bool = False) -> Diagnosis:
    """Look at everything; an index need not be there.

    Args:
        folder: index folder.
        fix: rebuild the vectors from the catalog, and drop photos whose rows are broken, so that
            the next indexing run looks at them again.
    """
    diagnosis = Diagnosis()
    _examine_environment(diagnosis)
    _examine_weights(diagnosis)
    complaint = _complaint(lambda: _examine_user_data(folder, diagnosis, fix))
    diagnosis.problems += [complaint] if complaint else []
    try:
        _examine_index(folder, diagnosis, fix)
    except IndexMissing:
        diagnosis.facts.append(("index", f"none at {folder}"))
    except SegsearchError as error:
        diagnosis.problems.append(str(error))
    return diagnosis


def _examine_environment(diagnosis: Diagnosis) -> None:
    facts = diagnosis.facts
    facts.append(("segsearch", version("segsearch")))
    facts.append(("python", f"{platform.python_version()} on {platform.platform()}"))
    for library in LIBRARIES:
        try:
            facts.append((library, version(library)))
        except PackageNotFoundError:
            diagnosis.problems.append(f"{library} is not installed: reinstall segsearch")
    for library, use in EXTRAS.items():
        try:
            facts.append((library, version(library)))
        except PackageNotFoundError:
            facts.append((library, f"not installed ({use})"))
    faiss = faiss_installation()
    facts.append(("faiss", faiss.description))
    diagnosis.problems += faiss.problems
    try:
        facts.append(("devices", ", ".join(devices())))
    except ImportError as error:
        diagnosis.problems.append(f"torch does not work here ({error}): reinstall segsearch")


def _examine_weights(diagnosis: Diagnosis) -> None:
    for name in preset_names():
        weights = load_preset(name).weights.values()
        here = [each for each in weights if each.folder is not None or not each.published]
        found = [line for each in here if (line := _complaint(each.checked_path)) is not None]
        diagnosis.problems += found
        state = f"{len(weights)} weight files" if weights else "needs no weights"
        if len(here) < len(weights):
            state = f"not fetched: segsearch models pull {name}"
        diagnosis.facts.append((f"preset {name}", f"{len(found)} problems" if found else state))


def _examine_index(folder: Path, diagnosis: Diagnosis, fix: bool) -> None:
    with ExitStack() as stack:
        if fix and catalog_file(folder).exists():
            stack.enter_context(WriterLock(folder))
        catalog = stack.enter_context(_opened(folder, diagnosis, fix=fix))
        counts = catalog.counts()
        diagnosis.facts.append(
            (
                "index",
                f"{folder}: {counts.photos:,} photos, {counts.segments:,} segments"
                + (f", {counts.kept:,} of them kept from proposals" if counts.kept else ""),
            )
        )
        server = catalog.server()
        diagnosis.facts += list(server.items())
        if sharers := catalog.sharers():
            here = sum(sharer.heard < LEASE for sharer in sharers)
            diagnosis.facts.append(("indexing", f"{here} of {len(sharers)} processes heard of"))
        if server.get("checksums") == "off":
            diagnosis.problems.append(
                "the database server keeps no checksums of its pages, so damage may go unseen:"
                " stop it and run pg_checksums --enable"
            )
        diagnosis.problems += catalog.check(full=True)
        index = Index(folder, catalog)
        complaint = _complaint(lambda: _examine_preset(index))
        diagnosis.problems += [complaint] if complaint else []
        found = index.keeper.problems()
        if found and fix:
            report = index.keeper.rebuild()
            diagnosis.fixed += [f"{line}: rebuilt from the catalog" for line in found]
            found = [report.note] if report.note else index.keeper.problems()
        diagnosis.problems += [f"{line}: segsearch doctor --fix rebuilds it" for line in found]
        _examine_thumbnails(folder, catalog, diagnosis, fix=fix)


def _examine_thumbnails(folder: Path, catalog: Catalog, diagnosis: Diagnosis, *, fix: bool) -> None:
    care = Thumbnails(folder).examine(catalog.content_hashes(), fix=fix)
    photos = catalog.counts().photos
    others = "" if care.kept >= photos else "; others are made when they are looked at"
    diagnosis.facts.append(("thumbnails", f"{care.kept:,} of {photos:,} photos{others}"))
    found = [f"{FILE} tells nothing ({care.unreadable})"] if care.unreadable else []
    found += [f"{care.damaged:,} thumbnails are damaged"] if care.damaged else []
    if not fix:
        diagnosis.problems += [f"{line}: segsearch doctor --fix drops them" for line in found]
        return
    found += [f"{care.orphaned:,} thumbnails are of no photo"] if care.orphaned else []
    diagnosis.fixed += [f"{line}: dropped" for line in found]


def _examine_user_data(folder: Path, diagnosis: Diagnosis, fix: bool) -> None:
    kept = UserData(folder)
    if fix:
        diagnosis.fixed += kept.repair()
    found = kept.check()
    diagnosis.problems += found
    if not found and (counts := kept.counts()):
        told = ", ".join(f"{count:,} {what}" for what, count in counts.items())
        diagnosis.facts.append(("kept by you", told))


def _examine_preset(index: Index) -> None:
    """Raise SegsearchError where the index' preset is another one, or its models cannot be built.

    Weights that are pinned are known by their digests; whether others are whole only loading tells.
    """
    manifest = index.catalog.manifest
    preset = load_preset(manifest.settings.get("source") or manifest.preset)
    index.require_preset(preset)
    if not all(weights.pinned for weights in preset.weights.values()):
        preset.build()
        preset.calibration()


def _opened(folder: Path, diagnosis: Diagnosis, *, fix: bool) -> Catalog:
    """The catalog, repaired if that is asked and, where its file is damaged, made anew."""
    if not fix:
        return open_catalog(folder, readonly=True)
    for attempt in range(2):
        with ExitStack() as stack:
            try:
                catalog = stack.enter_context(open_catalog(folder))
                diagnosis.fixed += catalog.repair(full=True)
            except IndexDamaged:
                if attempt:
                    raise
            else:
                stack.pop_all()
                return catalog
        diagnosis.fixed += rescue_catalog(folder)
    raise AssertionError("the second attempt returns or raises")


def _complaint(deed: Callable[[], object]) -> str | None:
    try:
        deed()
    except SegsearchError as error:
        return str(error)
    return None
