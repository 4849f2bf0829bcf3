"""Refusals of photos: what decoders throw, as errors that tell in one line what is wrong."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image as PillowImage

from model.errors import (
    PhotoError,
    PhotoTooLarge,
    PhotoUnreachable,
    PhotoUnreadable,
    PhotoUnsupported,
    shown,
)
from model.photos.containers.parts import LayoutUnsupported, MemoryExceeded
from model.photos.formats import quiet_decoders


@contextmanager
def refusals(name: str) -> Iterator[None]:
    """Context in which whatever a decoder throws becomes a PhotoError of one line.

    Args:
        name: name of the photo, as it is told.
    """
    try:
        with quiet_decoders():
            yield
    except PhotoError:
        raise
    except LayoutUnsupported as error:
        raise PhotoUnsupported(f"{name} is not supported ({reason(error)})") from error
    except MemoryExceeded as error:
        raise PhotoTooLarge(
            f"{name} takes {error} of memory to decode, more than the limit of megapixels stands"
            " for",
            "raise `max_megapixels` to read it",
        ) from error
    except MemoryError as error:
        raise PhotoTooLarge(f"{name} needs more memory than there is") from error
    except PillowImage.DecompressionBombError as error:
        raise PhotoTooLarge(f"{name} has more pixels than its decoder allows") from error
    except OSError as error:
        if error.errno in (None, errno.EINVAL):  # a decoder's: EINVAL is a place to seek to
            raise PhotoUnreadable(f"{name} is damaged ({reason(error)})") from error
        raise PhotoUnreachable(f"{name} cannot be read ({error.strerror})") from error
    except Exception as error:
        raise PhotoUnreadable(f"{name} is damaged ({reason(error)})") from error


def reason(error: Exception) -> str:
    """What a decoder says of a photo, in a few words."""
    text = " ".join(shown(error).split())[:200] or type(error).__name__
    text = text.removesuffix(" (0 bytes not processed)")  # all were, and more were missing
    # What Pillow says of a picture of no width or height.
    return "it has no pixels" if text == "not identified by this driver" else text
