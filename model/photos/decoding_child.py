"""Decoding child: one photo of unknown origin, in a process with little memory and little time.

It reads a file from its standard input and answers on its standard output: a line of JSON, then
the pixels. Whatever a hostile file does to a library ends with this process.
"""

from __future__ import annotations

import io
import json
import sys

from model.errors import PhotoError
from model.photos.images import read_image

MOST_MEGAPIXELS = 50.0
MOST_SIDE = 2048
MEMORY = 3 << 30
SECONDS = 20


def main() -> None:
    """Decode what comes in."""
    _limit()
    sys.stdout.buffer.write(answer_to(sys.stdin.buffer.read()))
    sys.stdout.buffer.flush()


def answer_to(content: bytes) -> bytes:
    """A file's answer: a line with two sizes (height, width), the photo's and that of the pixels,
    and then these; or a line with the error."""
    try:
        image = read_image(io.BytesIO(content), max_side=MOST_SIDE, max_megapixels=MOST_MEGAPIXELS)
    except PhotoError as error:
        refusal = {"kind": type(error).__name__, "what": error.what}
        return json.dumps({"error": refusal}).encode() + b"\n"
    told = {"size": image.original_size, "seen": image.size}
    return json.dumps(told).encode() + b"\n" + image.pixels.tobytes()


def _limit() -> None:
    if sys.platform == "win32":
        return
    import resource

    for kind, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        within = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (within, within))
