"""Worker: a process that looks at one photo after another.

It is started by `indexer.crew`, reads pickled messages from its standard input and
answers each on its standard output. A process of our own making, because `multiprocessing` would
run the user's main script again, and because a photo that kills its decoder must cost one photo.
"""

from __future__ import annotations

import os
import pickle
import struct
import threading
import time
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, BinaryIO

from indexer.records import IndexedPhoto
from indexer.walk import FileStamp
from model.devices import be_worker
from model.errors import PhotoError, SegsearchError, shown
from model.preset import Models, Preset, load_preset

if TYPE_CHECKING:
    from model.images import Photo


@dataclass(frozen=True)
class Order:
    """What a worker needs before its first photo.

    Attributes:
        preset: that it looks with.
        max_megapixels: photos with more are skipped.
        worker: its number among all workers, which share the GPUs.
    """

    preset: str
    max_megapixels: float
    worker: int = 0


@dataclass(frozen=True)
class Outcome:
    """What became of one photo: it, or the reason why not.

    Attributes:
        path: the file.
        photo: what the index will hold; None if it was skipped.
        stamp: the file as it was when it was read.
        kind: the error's name, as "PhotoUnreadable"; "" if there was none.
        reason: one line for people.
    """

    path: str
    photo: IndexedPhoto | None = None
    stamp: FileStamp | None = None
    kind: str = ""
    reason: str = ""


def look(path: str, preset: Preset, models: Models, max_megapixels: float) -> Outcome:
    """Read, segment and embed one photo. Never raises for what a file may hold."""
    from model.images import read_photo

    try:
        began = time.process_time()
        read = read_photo(path, max_side=preset.image_side, max_megapixels=max_megapixels)
        segments = models.segmenter.segment(read.image).with_whole()
        embeddings = models.embedder.embed_segments(read.image, segments)
        photo = IndexedPhoto(
            content_hash=read.content_hash,
            header=read.header,
            perceptual_hash=perceptual_hash(read),
            segments=segments,
            embeddings=embeddings,
            photo_embedding=embeddings[-1:],
            seconds=time.process_time() - began,
        )
    except PhotoError as error:
        return Outcome(path, kind=type(error).__name__, reason=str(error))
    except MemoryError:
        reason = f"{shown(path)} needs more memory than there is"
        return Outcome(path, kind="PhotoTooLarge", reason=reason)
    except Exception as error:
        # a model may stumble over a photo that was decoded well; the next photo goes on
        reason = f"{shown(path)} could not be looked at ({type(error).__name__}: {shown(error)})"
        return Outcome(path, kind="PhotoUnreadable", reason=reason)
    return Outcome(path, photo, FileStamp(path, read.file_size, read.mtime_ns))


def perceptual_hash(read: Photo) -> int:
    """64-bit pHash of the upright photo as a signed integer: near-duplicates differ in few bits."""
    import imagehash
    from PIL import Image as PillowImage

    bits = imagehash.phash(PillowImage.fromarray(read.image.pixels)).hash.ravel()
    unsigned = int("".join("1" if bit else "0" for bit in bits), 2)
    return unsigned - (1 << 64) if unsigned >= 1 << 63 else unsigned


def send(stream: BinaryIO, message: object) -> None:
    """One message: its length, then its pickle."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    stream.write(struct.pack("<Q", len(body)) + body)
    stream.flush()


def receive(stream: BinaryIO) -> Any:
    """The next message; EOFError when the other side has gone."""
    head = stream.read(8)
    if len(head) < 8:
        raise EOFError
    (length,) = struct.unpack("<Q", head)
    body = stream.read(length)
    if len(body) < length:
        raise EOFError
    return pickle.loads(body)


def main() -> None:
    """Serve the process that started this one until it closes the pipe, or ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not end up among the answers
    inbox: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_listen, args=(inbox,), daemon=True).start()
    try:
        order: Order = inbox.get()
        be_worker(order.worker)
        try:
            preset = load_preset(order.preset)
            models = preset.build()
        except SegsearchError as error:
            send(answers, error)
            return
        send(answers, None)
        while True:
            send(answers, look(inbox.get(), preset, models, order.max_megapixels))
    except BrokenPipeError:
        os._exit(0)  # the parent is gone: nothing to say, nobody to say it to


def _listen(inbox: SimpleQueue[Any]) -> None:
    """Pass on what the parent sends; when it is gone, leave the photo at hand and end."""
    orders = os.fdopen(os.dup(0), "rb")  # sys.stdin could not be closed while this thread reads
    try:
        while True:
            inbox.put(receive(orders))
    finally:
        os._exit(0)
