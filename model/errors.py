"""Everything that segsearch refuses to do, and why.

SegsearchError
├── PhotoError              one photo cannot be used; the rest goes on
│   ├── PhotoUnreadable     truncated, empty, damaged, mislabelled
│   │   └── PhotoUnreachable no permission, or a disk that fails: the same file may do later
│   │       ├── StoreRefuses a store does not hand it out: no permission, no credentials
│   │       │   └── BucketMissing there is no such bucket
│   │       └── StoreAway   a store does not answer, or not to the end
│   ├── PhotoUnsupported    not a photo format that is read here
│   ├── PhotoTooLarge       more pixels than the limit allows
│   ├── PhotoChanged        changed or vanished while it was being read
│   └── WorkerKilled        the system ended who looked at it, mostly for want of memory
├── ModelError
│   ├── PresetError
│   │   ├── PresetUnknown   no preset of this name
│   │   └── PresetInvalid   a preset's file or settings are not understood
│   ├── DeviceMissing       the device is not on this machine
│   ├── WeightsMissing      a weight file is not where the preset says
│   ├── WeightsMismatch     a weight file is not the one the preset names
│   ├── ModelsFail          whatever they look at; no photo is to blame
│   ├── DownloadFailed      a weight file cannot be fetched
│   │   └── LicenceNotAccepted who publishes it wants to know who asks
│   └── SpaceMismatch       vectors of two embedding spaces were about to be compared
├── StorageError
│   ├── IndexMissing        there is no index in this folder
│   ├── IndexLocked         another process is writing to it
│   ├── IndexReadOnly       it cannot be written to
│   ├── IndexDamaged        the catalog cannot be trusted
│   ├── IndexTooNew         a newer segsearch made it
│   ├── UserDataDamaged     saved searches, history and judgements cannot be trusted
│   ├── PresetMismatch      it was made with another preset or other weights
│   ├── StorageAway         its database does not answer, or broke off; the same may do later
│   ├── RootMissing         a folder to be indexed or pruned is not there
│   │   ├── RootUnreachable a place in a store cannot be listed, or does not answer any more
│   │   └── StoreUnsupported a URL names no store that photos are read from
│   ├── PruneRefused        more would be forgotten than looks intended
│   └── StorageFull         the disk is full
├── DataError               annotations or names to measure or learn by are not understood
├── QueryError              the question cannot be understood
│   ├── NameUnknown         nothing is kept under this name
│   └── NameTaken           something else is kept under this name
├── ExportError             the answer cannot be written
│   └── OutputUnusable      what was named for it takes no file: a folder, a device, an odd suffix
├── TrainingError
│   ├── RecipeInvalid       a recipe is not there or not understood
│   ├── DataMissing         there is nothing to train on
│   ├── RunMismatch         the folder holds another training
│   └── TrainingDiverged    too many steps without a finite loss
├── CurationError
│   ├── EngineAway          an engine answers nothing, whatever it is asked; it may do later
│   └── EngineRefused       an engine does not answer for one photo; the rest goes on
├── ServerError             the server does not answer this request
│   ├── ServerBusy          too many questions wait already
│   ├── Superseded          a newer question of the same page took its place
│   ├── RequestRefused      it comes from where none may come, or is not what it should be
│   ├── NotFound            there is nothing of that name or number
│   └── SearchGone          the search was asked too long ago
└── ExtraMissing            an optional dependency is needed for this
"""


class SegsearchError(Exception):
    """What went wrong and where, and what to do about it, in one line.

    Args:
        what: failure and its place (paths through `shown`).
        fix: advice to the reader, as an imperative; empty where nothing can be done.
    """

    def __init__(self, what: str, fix: str = "") -> None:
        super().__init__(what, fix)
        self.what = what
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.what}: {self.fix}" if self.fix else self.what


class PhotoError(SegsearchError):
    """One photo cannot be used."""


class PhotoUnreadable(PhotoError):
    """The file is truncated, empty, damaged, mislabelled or may not be read."""


class PhotoUnreachable(PhotoUnreadable):
    """The system does not hand the file out: no permission, or a disk or network that fails."""


class StoreRefuses(PhotoUnreachable):
    """A store does not hand the object out: no permission, no credentials, odd settings."""


class BucketMissing(StoreRefuses):
    """There is no bucket of this name."""


class StoreAway(PhotoUnreachable):
    """A store does not answer, or not to the end; the same may do a little later."""


class PhotoUnsupported(PhotoError):
    """The file is no photo, or of a format that is not read here."""


class PhotoTooLarge(PhotoError):
    """The photo has more pixels than the limit allows."""


class PhotoChanged(PhotoError):
    """The file changed or vanished while it was being read."""


class WorkerKilled(PhotoError):
    """The system ended the process that looked at the file, mostly because memory ran out."""


class ModelError(SegsearchError):
    """A preset or its weights cannot be used."""


class PresetError(ModelError):
    """A preset cannot be used."""


class PresetUnknown(PresetError):
    """There is no preset of this name."""


class PresetInvalid(PresetError):
    """A preset's file is not understood, or its settings do not fit its models."""


class DeviceMissing(ModelError):
    """The device is not on this machine."""


class WeightsMissing(ModelError):
    """A weight file is not where the preset says."""


class WeightsMismatch(ModelError):
    """A weight file is not the one the preset names."""


class ModelsFail(ModelError):
    """The models fail whatever they look at: their weights are broken or do not fit together."""


class DownloadFailed(ModelError):
    """A weight file cannot be fetched: no network, or a server that is no good."""


class LicenceNotAccepted(DownloadFailed):
    """A weight file is given only to those who have accepted its licence."""


class SpaceMismatch(ModelError):
    """Vectors of two embedding spaces were about to be compared."""


class StorageError(SegsearchError):
    """The index cannot be read or written."""


class IndexMissing(StorageError):
    """There is no index in this folder."""


class IndexLocked(StorageError):
    """Another process is writing to the index."""


class IndexReadOnly(StorageError):
    """The index cannot be written to."""


class IndexDamaged(StorageError):
    """The catalog of the index cannot be trusted."""


class IndexTooNew(StorageError):
    """A newer segsearch made the index."""


class UserDataDamaged(StorageError):
    """What a user keeps beside the index (saved searches, history, judgements) is not trusted."""


class PresetMismatch(StorageError):
    """The index was made with another preset, or with other weights."""


class StorageAway(StorageError):
    """The database of the index does not answer, or broke off; the same may do later."""


class RootMissing(StorageError):
    """A folder to be indexed or pruned is not there."""


class RootUnreachable(RootMissing):
    """A place in a store cannot be listed, or the store does not answer any more."""


class StoreUnsupported(RootMissing):
    """A URL names no store that photos are read from, or holds a secret."""


class PruneRefused(StorageError):
    """More would be forgotten than looks intended."""


class StorageFull(StorageError):
    """The disk is full."""


class DataError(SegsearchError):
    """Annotations, class names or phrases to measure or learn by are missing or not understood."""


class QueryError(SegsearchError):
    """The question cannot be understood."""


class NameUnknown(QueryError):
    """Nothing is kept under this name."""


class NameTaken(QueryError):
    """Something else is kept under this name."""


class ExportError(SegsearchError):
    """The answer cannot be written."""


class OutputUnusable(ExportError):
    """What was named for an output can never take one: wrong usage."""


class TrainingError(SegsearchError):
    """A training cannot start, or cannot go on."""


class RecipeInvalid(TrainingError):
    """A recipe is not there, or not understood."""


class DataMissing(TrainingError):
    """There is nothing to train on."""


class RunMismatch(TrainingError):
    """The folder holds another training."""


class TrainingDiverged(TrainingError):
    """Too many steps without a finite loss."""


class CurationError(SegsearchError):
    """Training pairs cannot be made."""


class EngineAway(CurationError):
    """An engine answers nothing, whatever it is asked; the same may do later."""


class EngineRefused(CurationError):
    """An engine does not answer for one photo; others may do."""


class ServerError(SegsearchError):
    """The server does not answer a request."""


class ServerBusy(ServerError):
    """Too many questions wait already; the same may be asked a little later."""


class Superseded(ServerError):
    """A newer question of the same page took the place of this one."""


class RequestRefused(ServerError):
    """A request comes from where none may come, is too large, too slow, or of another kind."""


class NotFound(ServerError):
    """There is nothing of that name or number."""


class SearchGone(ServerError):
    """A search was asked too long ago, or too many came after it: it must be asked again."""


class ClusterAway(SegsearchError):
    """A cluster of machines cannot be joined, or ends early."""


class ExtraMissing(SegsearchError):
    """An optional dependency is needed for this."""


def shown(path: object) -> str:
    """A path as it can be printed on one line: control characters and invalid bytes escaped."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode("ascii")
        for c in str(path)
    )
