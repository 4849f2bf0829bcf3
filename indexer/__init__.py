"""What do we remember? Photos, segments and vectors: written, resumed, migrated."""

from indexer.index import Index
from indexer.records import Filter, PhotoRow, SegmentRow
from indexer.report import Report
from indexer.update import Options, Progress, update

__all__ = ["Filter", "Index", "Options", "PhotoRow", "Progress", "Report", "SegmentRow", "update"]
