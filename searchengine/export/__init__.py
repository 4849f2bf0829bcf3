"""Matches as files: masks, cut-outs, overlays, and the formats of annotation tools."""

from searchengine.export.exporter import FORMATS, export
from searchengine.export.former_run import refuse_former_run
from searchengine.export.layout import Layout
from searchengine.export.manifest import ExportOrigin
from searchengine.export.report import ExportReport

__all__ = ["FORMATS", "ExportOrigin", "ExportReport", "Layout", "export", "refuse_former_run"]
