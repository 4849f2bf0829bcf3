"""Decoding of uploads, each in a child process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from indexer.workers.worker_process import worker_environment
from model import errors
from model.photos.decoding_child import MOST_SIDE, SECONDS
from model.photos.images import Image

START = (
    "import sys; sys.path[:] = sys.argv[1:]; from model.photos.decoding_child import main; main()"
)
PATIENCE = 3.0 * SECONDS
REFUSALS = {
    kind.__name__: kind
    for kind in (errors.PhotoUnreadable, errors.PhotoUnsupported, errors.PhotoTooLarge)
}


def decoded_upload(content: bytes) -> Image:
    """The image in a file that somebody sent: upright, sRGB, at most `MOST_SIDE` pixels wide and
    high.

    Raises:
        PhotoUnreadable, PhotoUnsupported, PhotoTooLarge: the file holds no photo that is read.
        WorkerKilled: its decoder came to an end before it was done.
    """
    home = str(Path(__file__).resolve().parents[3])
    command = [sys.executable, "-c", START, *(entry or home for entry in sys.path)]
    try:
        done = subprocess.run(
            command,
            input=content,
            capture_output=True,
            timeout=PATIENCE,
            env=worker_environment(1),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise errors.WorkerKilled("the upload took too long to decode", "send a copy") from None
    return image_in(done.stdout)


def image_in(answer: bytes) -> Image:
    """The image that a child answered with; it is believed nothing.

    Raises:
        PhotoUnreadable, PhotoUnsupported, PhotoTooLarge: the file holds no photo that is read.
        WorkerKilled: the answer is none.
    """
    line, _, pixels = answer.partition(b"\n")
    try:
        told = json.loads(line)
        if "error" in told:
            kind, what = str(told["error"]["kind"]), str(told["error"]["what"])
        else:
            (height, width), (full_height, full_width) = told["seen"], told["size"]
            if not 0 < max(height, width) <= MOST_SIDE or min(full_height, full_width) < 1:
                raise ValueError("not a size")
            rows = np.frombuffer(pixels, np.uint8).reshape(int(height), int(width), 3)
            return Image(rows, (int(full_height), int(full_width)))
    except (ValueError, KeyError, TypeError):
        raise errors.WorkerKilled(
            "the upload ended its decoder, for want of memory or of sense", "send a smaller copy"
        ) from None
    refusal = REFUSALS.get(kind, errors.PhotoUnreadable)
    raise refusal(what.replace("the photo", "the upload", 1), "send another copy")
