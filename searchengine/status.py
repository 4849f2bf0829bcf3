"""Status: what an index holds, where, and what it could not take in."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from indexer.catalog.job_list import LEASE, Sharer
from indexer.index import Index
from model.errors import shown
from model.presets.files import split_head


@dataclass(frozen=True)
class Status:
    """An index in figures.

    Attributes:
        index: index folder.
        preset: name of the preset that made the index.
        head: path of the user's own head in place of the preset's; "" for none.
        fingerprint: fingerprint of that preset and its weights.
        created_by: the program that made the index.
        created_at: time at which it was made, ISO 8601 with time zone.
        photos: number of distinct photos.
        files: number of files that hold them.
        segments: number of their segments.
        kept: number of the segments that were proposed for words, and kept.
        undated: number of photos without a date, which meet no condition on dates.
        roots: folders that were indexed.
        skipped: path, kind and reason of every photo that could not be used.
        coverage: share of the photos found that the index holds, 0 to 1; 1 for an empty index.
        bytes: bytes on disk, by file name.
        sharers: processes that share the work of indexing just now.
        server: facts about the server of the index, by name; none where the folder holds all.
    """

    index: str
    preset: str
    fingerprint: str
    created_by: str
    created_at: str
    photos: int
    files: int
    segments: int
    undated: int
    roots: tuple[str, ...]
    skipped: tuple[tuple[str, str, str], ...]
    coverage: float
    bytes: dict[str, int]
    kept: int = 0
    head: str = ""
    server: dict[str, str] = field(default_factory=dict)
    sharers: tuple[Sharer, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The status as the command line's JSON has it."""
        skipped = [dict(zip(("path", "kind", "reason"), s, strict=True)) for s in self.skipped]
        return asdict(self) | {"skipped": skipped, "total_bytes": sum(self.bytes.values())}

    def __str__(self) -> str:
        size = sum(self.bytes.values()) / 1e6
        lines = [
            f"index     {shown(self.index)} (preset {shown(self.preset)}, {size:,.1f} MB on disk)",
            *([f"head      {shown(self.head)}"] if self.head else []),
            f"photos    {self.photos:,} in {self.files:,} {'file' if self.files == 1 else 'files'},"
            f" {self.coverage:.1%} of the files found",
            f"segments  {self.segments:,}"
            + (f", {self.kept:,} of them kept from proposals" if self.kept else ""),
            *([f"undated   {self.undated:,} of the photos"] if self.undated else []),
            *(f"{name:<9} {shown(fact)}" for name, fact in self.server.items()),
            *(f"indexing  {_told(sharer)}" for sharer in self.sharers),
            *(f"folder    {shown(root)}" for root in self.roots),
            *(f"skipped   {shown(kind)}: {shown(reason)}" for _, kind, reason in self.skipped),
        ]
        return "\n".join(lines)


def status_of(index: Index) -> Status:
    """The figures of an open index."""
    catalog = index.catalog
    counts, manifest = catalog.counts(), catalog.manifest
    held = counts.files - counts.skipped
    return Status(
        index=str(index.folder),
        preset=manifest.preset,
        fingerprint=manifest.settings.get("fingerprint", ""),
        created_by=manifest.created_by,
        created_at=manifest.created_at,
        photos=counts.photos,
        files=held,
        segments=counts.segments,
        undated=catalog.undated(),
        roots=tuple(str(root) for root in catalog.roots()),
        skipped=tuple((s.path, s.kind, s.reason) for s in catalog.skipped()),
        coverage=held / counts.files if counts.files else 1.0,
        bytes=_bytes(index.folder),
        kept=counts.kept,
        server=catalog.server(),
        sharers=tuple(catalog.sharers()),
        head=str(split_head(manifest.settings.get("source", ""))[1] or ""),
    )


def _told(sharer: Sharer) -> str:
    heard = "" if sharer.heard < LEASE else f", not heard of for {sharer.heard / 60:,.0f} min"
    return (
        f"{shown(sharer.host)} (pid {sharer.pid}, since {sharer.since}),"
        f" {sharer.done:,} photos done, {sharer.in_hand} in hand{heard}"
    )


def _bytes(folder: Path) -> dict[str, int]:
    return {p.name: p.stat().st_size for p in sorted(folder.iterdir()) if p.is_file()}
