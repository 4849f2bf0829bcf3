"""Places and files that are no part of a collection: told by their names, passed over, counted."""

from __future__ import annotations

from collections.abc import Iterable

from indexer.catalog.path_pattern import PathPattern, require_path
from model.stores.urls import is_url

WASTE = "waste bin"
SNAPSHOT = "snapshot or older version"
PREVIEWS = "thumbnails or previews"
SYSTEM = "folder of the system"
APPLE_DOUBLE = "AppleDouble file"
HIDDEN = "hidden"
EXCLUDED = "excluded"
OWN = "drawn or exported by segsearch"
INDEX = "index of segsearch"

_NAMES = {
    WASTE: (
        "$recycle.bin recycler recycled #recycle @recycle .recycle .trash .trashes .trashbox"
        " .dtrash .deleted .wastebasket files_trashbin"
    ),
    SNAPSHOT: (
        "#snapshot @snapshot @snapshots .snapshot .snapshots ~snapshot .snap .zfs"
        " @recently-snapshot .stversions files_versions .picasaoriginals"
        " .documentrevisions-v100"
    ),
    PREVIEWS: (
        "@eadir .@__thumb @__thumb .thumbnails .thumbnail .thumbs .thumb .xvpics .bridgecache"
        " .wd_tv .wdmc .comments .dthumb appdata_preview"
    ),
    SYSTEM: (
        "lost+found __macosx .appledouble .appledb .appledesktop"
        " .spotlight-v100 .fseventsd .temporaryitems @tmp .@qdmp .@upload_cache @quarantine"
        " .dropbox.cache .stfolder $windows.~bt"
    ),
}
_REASONS = {name: reason for reason, names in _NAMES.items() for name in names.split()} | {
    "network trash folder": WASTE,
    "system volume information": SYSTEM,
}
_BEGINNINGS = ((".trash-", WASTE), (".trashed-", WASTE), ("._", APPLE_DOUBLE), (".", HIDDEN))
_ENDINGS = ((".lrdata", PREVIEWS), (".cocatalog", PREVIEWS))
_LIBRARIES = (".photoslibrary", ".photolibrary", ".aplibrary", "iphoto library")
_OF_A_LIBRARY = frozenset({"originals", "masters", "modified"})
_OF_THE_SYSTEM = frozenset({"proc", "sys", "dev", "run"})


class Selection:
    """Rules for what of a collection is looked at.

    A place that is passed over is not entered, but for those that `exclude` names where there is
    something to `include`: of what lies there, that is taken.

    Args:
        exclude: patterns, as `PathPattern` reads them, of what is passed over: of paths below the
            folder that is indexed, or absolute.
        include: patterns of what is taken, whatever its name or `exclude` says.

    Raises:
        QueryError: a pattern can be no path.
    """

    def __init__(self, exclude: Iterable[str] = (), include: Iterable[str] = ()) -> None:
        for text in (*exclude, *include):
            require_path(text)
        self._exclude = [PathPattern(text) for text in exclude]
        self._include = [PathPattern(text) for text in include]

    @property
    def enters_excluded(self) -> bool:
        """Whether places that are excluded are entered, for what is taken all the same."""
        return bool(self._include)

    def includes(self, path: str, below: str) -> bool:
        """Whether a file or folder is asked for, whatever it is called.

        Args:
            path: path of the file or folder, absolute.
            below: the rest of it behind the folder that is indexed, from "/" on.
        """
        return any(_means(pattern, path, below) for pattern in self._include)

    def excludes(self, path: str, below: str) -> bool:
        """Whether a file or folder is excluded by a pattern; arguments as of `includes`."""
        return any(_means(pattern, path, below) for pattern in self._exclude)


def reason_of_name(folder: str, name: str) -> str:
    """Why what is called `name` in a folder is passed over; "" where it is not."""
    name = name.casefold()
    if name in _REASONS:
        return _REASONS[name]
    for beginning, reason in _BEGINNINGS:
        if name.startswith(beginning):
            return reason
    for ending, reason in _ENDINGS:
        if name.endswith(ending):
            return reason
    if folder == "/" and name in _OF_THE_SYSTEM:
        return SYSTEM
    if name not in _OF_A_LIBRARY and folder.casefold().endswith(_LIBRARIES):
        return PREVIEWS
    return PREVIEWS if name == "cache" and folder.casefold().endswith("/captureone") else ""


def _means(pattern: PathPattern, path: str, below: str) -> bool:
    begins = pattern.text.startswith(("/", "~/", "./", "../")) or is_url(pattern.text)
    place = path if begins else below
    # "x/" and "x/*" mean all that is in a folder, so that the folder itself is meant
    return pattern.matches(place) or pattern.matches(place + "/.")
