"""Catalog: both faces, that which reads and that which changes it; records go in and come out.

`indexer.backends` knows which one is used. Whoever writes another makes these methods work and
runs the contract of `tests/indexer/catalog/contract` over it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence

from indexer.catalog.catalog_reader import CatalogReader
from indexer.catalog.job_list import JobList
from indexer.catalog.records import AddedSegments, FileStamp, IndexedPhoto, ReadPhoto
from indexer.catalog.whole_photos import WholePhotos


class Catalog(CatalogReader):
    """Both faces of a catalog: each method that changes it is one transaction."""

    def add_photo(self, photo: IndexedPhoto, stamp: FileStamp) -> int:
        """Remember a photo and the file that shows it; returns the photo's id.

        Segments get ids that follow each other and were never used before. Where its content or
        its pixels are known already, only the file is added to that photo, which keeps its
        segments and ids; metadata that were edited in place are remembered anew.

        Raises:
            SpaceMismatch: its vectors are not of the index's space.
        """
        return self.remember_photo(photo, stamp)[0]

    @abstractmethod
    def remember_photo(self, photo: IndexedPhoto, stamp: FileStamp) -> tuple[int, bool]:
        """`add_photo`, and whether the photo was not known."""

    @abstractmethod
    def add_whole_photos(self, photos: WholePhotos) -> list[int]:
        """Remember photos just as another catalog does, with their files, in one transaction.

        Those whose content is known stay as they are. Photos that this takes their last file from
        go. Vectors are taken to be of the index's space.

        Returns:
            Ids of the photos that were not known, in their order.
        """

    @abstractmethod
    def add_segments(self, photo_id: int, added: AddedSegments) -> list[int]:
        """Add segments to a photo, after those that it has; returns their ids, in their order.

        All segments of the photo get new ids, that follow each other and were never used before;
        their ordinals, masks and vectors stay. The parent of one that lies in an added segment
        becomes that, where it is the smallest.

        Raises:
            QueryError: there is no such photo.
            SpaceMismatch: the vectors are not of the index's space.
            StorageError: the photo would have more segments than one can have.
        """

    @abstractmethod
    def add_file(self, photo: ReadPhoto, stamp: FileStamp) -> int | None:
        """Remember a file of a known photo, by its content or its pixels; returns the photo's id.

        None, and nothing is remembered, where no such photo is known.
        """

    @abstractmethod
    def move_files(self, shown: Iterable[tuple[FileStamp, int]], gone: Iterable[str]) -> None:
        """Remember what known photos are called now, and forget what they were called before.

        All at once, so that photos may exchange their names and none goes in between.

        Args:
            shown: files, and the id of the photo that each shows.
            gone: paths to forget.
        """

    @abstractmethod
    def skip_file(self, stamp: FileStamp, reason: str, kind: str) -> None:
        """Remember that a file was not indexed, and why; what it showed before is forgotten."""

    @abstractmethod
    def forget_files(self, paths: Iterable[str]) -> int:
        """Forget files, and photos with their last one; returns how many photos went."""

    def job_list(self, roots: Sequence[str]) -> JobList | None:
        """List of photos that processes share; None where one process writes at a time.

        Args:
            roots: folders and files, absolute, whose photos this process looks at.
        """
        return None

    @abstractmethod
    def remember_root(self, path: str) -> None:
        """Remember an absolute folder as indexed."""

    @abstractmethod
    def repair(self, *, full: bool = False) -> list[str]:
        """Drop what is broken, so that the next index run makes it anew; says what it did.

        Raises:
            IndexDamaged: the database itself is; nothing is changed.
        """
