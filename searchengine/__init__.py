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

from indexer.catalog.filter import Filter  # noqa: E402
from indexer.catalog.records import PhotoRow, SegmentRow  # noqa: E402
from indexer.index import Index  # noqa: E402
from indexer.report import Report  # noqa: E402
from indexer.update import Options, Progress  # noqa: E402
from model.embeddings import Embeddings  # noqa: E402
from model.errors import (  # noqa: E402
    BucketMissing,
    ClusterAway,
    CurationError,
    DataError,
    DataMissing,
    DeviceMissing,
    DownloadFailed,
    EngineAway,
    EngineRefused,
    ExportError,
    ExtraMissing,
    IndexDamaged,
    IndexLocked,
    IndexMissing,
    IndexReadOnly,
    IndexTooNew,
    LicenceNotAccepted,
    ModelError,
    ModelsFail,
    NameTaken,
    NameUnknown,
    NotFound,
    OutputUnusable,
    PhotoChanged,
    PhotoError,
    PhotoTooLarge,
    PhotoUnreachable,
    PhotoUnreadable,
    PhotoUnsupported,
    PresetError,
    PresetInvalid,
    PresetMismatch,
    PresetUnknown,
    PruneRefused,
    QueryError,
    RecipeInvalid,
    RequestRefused,
    RootMissing,
    RootUnreachable,
    RunMismatch,
    SearchGone,
    SegsearchError,
    ServerBusy,
    ServerError,
    SpaceMismatch,
    StorageAway,
    StorageError,
    StorageFull,
    StoreAway,
    StoreRefuses,
    StoreUnsupported,
    Superseded,
    TrainingDiverged,
    TrainingError,
    UserDataDamaged,
    WeightsMismatch,
    WeightsMissing,
    WorkerKilled,
)
from model.presets.preset import Models, Preset, load_preset, preset_names  # noqa: E402
from searchengine.doctor import Diagnosis, examine  # noqa: E402
from searchengine.duplicates import DuplicateGroup  # noqa: E402
from searchengine.engine import SearchEngine, default_folder  # noqa: E402
from searchengine.export import FORMATS as EXPORT_FORMATS  # noqa: E402
from searchengine.export import ExportReport  # noqa: E402
from searchengine.matches.match import Match  # noqa: E402
from searchengine.matches.matches import Matches  # noqa: E402
from searchengine.photo_referrer import PhotoReferrer  # noqa: E402
from searchengine.pictures.contact_sheet import contact_sheet  # noqa: E402
from searchengine.pictures.overlay import overlay  # noqa: E402
from searchengine.queries.example import Example  # noqa: E402
from searchengine.queries.query import Negative, Query  # noqa: E402
from searchengine.search.ranking import Ranking  # noqa: E402
from searchengine.status import Status  # noqa: E402
from searchengine.user_data.history import History, HistoryEntry  # noqa: E402
from searchengine.user_data.judgements import Judgement, Judgements  # noqa: E402
from searchengine.user_data.saved_search import NewMatches, SavedSearch  # noqa: E402
from searchengine.user_data.saved_searches import SavedSearches  # noqa: E402

__all__ = [
    "EXPORT_FORMATS",
    "BucketMissing",
    "ClusterAway",
    "CurationError",
    "DataError",
    "DataMissing",
    "DeviceMissing",
    "Diagnosis",
    "DownloadFailed",
    "DuplicateGroup",
    "Embeddings",
    "EngineAway",
    "EngineRefused",
    "Example",
    "ExportError",
    "ExportReport",
    "ExtraMissing",
    "Filter",
    "History",
    "HistoryEntry",
    "Index",
    "IndexDamaged",
    "IndexLocked",
    "IndexMissing",
    "IndexReadOnly",
    "IndexTooNew",
    "Judgement",
    "Judgements",
    "LicenceNotAccepted",
    "Match",
    "Matches",
    "ModelError",
    "Models",
    "ModelsFail",
    "NameTaken",
    "NameUnknown",
    "Negative",
    "NewMatches",
    "NotFound",
    "Options",
    "OutputUnusable",
    "PhotoChanged",
    "PhotoError",
    "PhotoReferrer",
    "PhotoRow",
    "PhotoTooLarge",
    "PhotoUnreachable",
    "PhotoUnreadable",
    "PhotoUnsupported",
    "Preset",
    "PresetError",
    "PresetInvalid",
    "PresetMismatch",
    "PresetUnknown",
    "Progress",
    "PruneRefused",
    "Query",
    "QueryError",
    "Ranking",
    "RecipeInvalid",
    "Report",
    "RequestRefused",
    "RootMissing",
    "RootUnreachable",
    "RunMismatch",
    "SavedSearch",
    "SavedSearches",
    "SearchEngine",
    "SearchGone",
    "SegmentRow",
    "SegsearchError",
    "ServerBusy",
    "ServerError",
    "SpaceMismatch",
    "Status",
    "StorageAway",
    "StorageError",
    "StorageFull",
    "StoreAway",
    "StoreRefuses",
    "StoreUnsupported",
    "Superseded",
    "TrainingDiverged",
    "TrainingError",
    "UserDataDamaged",
    "WeightsMismatch",
    "WeightsMissing",
    "WorkerKilled",
    "contact_sheet",
    "default_folder",
    "examine",
    "load_preset",
    "overlay",
    "preset_names",
]
