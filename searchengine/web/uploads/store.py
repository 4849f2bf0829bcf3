"""UploadStore: the uploads of the last minutes, in memory."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_urlsafe

from model.errors import NotFound
from model.masks.segments import Segments
from model.photos.images import Image

SECONDS = 600.0
MOST = 16


@dataclass(frozen=True, eq=False)
class Upload:
    """A photo that somebody showed.

    Attributes:
        image: its pixels, reduced.
        segments: segments that the preset finds in it.
        id: name of the upload, not to be guessed.
    """

    image: Image
    segments: Segments
    id: str = field(default_factory=lambda: token_urlsafe(12))


class UploadStore:
    """Uploads by their names; threads may share one.

    Args:
        seconds: time that each is kept.
        most: number that are kept; the oldest go first.
        clock: seconds, never going back.
    """

    def __init__(
        self,
        seconds: float = SECONDS,
        most: int = MOST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds, self._most, self._clock = seconds, most, clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[float, Upload]] = OrderedDict()

    def keep(self, upload: Upload) -> None:
        """Keep an upload."""
        with self._lock:
            self._kept[upload.id] = self._clock(), upload
            self._drop_old()

    def of(self, name: str) -> Upload:
        """The upload of that name.

        Raises:
            NotFound: none of that name came lately.
        """
        with self._lock:
            self._drop_old()
            if name not in self._kept:
                raise NotFound("this upload is no longer remembered", "send it again")
            return self._kept[name][1]

    def _drop_old(self) -> None:
        oldest = self._clock() - self._seconds
        while self._kept:
            name, (made, _) = next(iter(self._kept.items()))
            if made >= oldest and len(self._kept) <= self._most:
                return
            del self._kept[name]
