"""Workers that share the photos of a folder, each a fork that needs no time to start.

As a script, `sharing_workers.py URI FOLDER COST LEASE`: each line read from standard input starts a
worker, whose pid is answered at once; they index FOLDER into the index at URI. A line may hold an
order of `deaths`: POINT|NUMBER|VICTIM. A photo costs COST
seconds of sleep: where that is 0 it is looked at for real by the preset without weights, otherwise
it is given made-up segments. Of a photo whose name begins with "poison" a worker dies. What workers
report goes to standard output, a line each: "PID added recognised skipped seconds CPU",
the last in seconds, without those of the looking.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from indexer import update as updating
from indexer.catalog.postgres import postgres_jobs
from indexer.catalog.records import FileStamp, IndexedPhoto
from indexer.location import index_folder
from indexer.workers import pool as pools_of_a_run
from indexer.workers.indexing_task import IndexingTask
from indexer.workers.pipeline import Outcome
from model.embeddings import Embeddings
from model.errors import StorageAway
from model.masks.segments import Segments
from model.photos.images import content_hash, read_header
from model.presets.preset import Preset, load_preset
from model.task import Ask

SEGMENTS = 60


class OwnPool:
    """Photos looked at in this process, in place of a pool of others.

    Args:
        preset: preset that looks at them.
        cost: seconds of sleep a photo; 0 to look at it.
    """

    given_up, jobs, at_once = 0, 1, 1

    def __init__(self, preset: Preset, cost: float, answer: Ask) -> None:
        self._preset, self._cost = preset, cost
        self._look = None if cost else IndexingTask(preset.reference, 100).load(answer)
        rng = np.random.default_rng(0)
        masks = np.zeros((SEGMENTS, 48, 64), np.bool_)
        for number in range(SEGMENTS):
            y, x = rng.integers(0, 24, 2)
            masks[number, y : y + 20, x : x + 30] = True
        self._segments = Segments.from_masks(masks, rng.random(SEGMENTS).astype(np.float32))
        self._rng = rng
        self.cpu = 0.0

    def __enter__(self) -> OwnPool:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def do(self, items: Iterable[str], *, ahead: int | None = None) -> Iterator[Outcome]:
        for path in items:
            if Path(path).name.startswith("poison"):
                os.kill(os.getpid(), signal.SIGKILL)
            if self._look is not None:
                yield from self._look([path])
                continue
            time.sleep(self._cost)
            began = time.thread_time()
            outcome = self._made(path)
            self.cpu += time.thread_time() - began
            yield outcome

    def _made(self, path: str) -> Outcome:
        status, space = Path(path).stat(), self._preset.space
        vectors = Embeddings.unit(self._rng.normal(size=(SEGMENTS, space.dimension)), space)
        digest = content_hash(path)
        photo = IndexedPhoto(
            digest, read_header(path, 100), 0, self._segments, vectors, vectors[-1:], self._cost,
            digest[::-1],
        )  # fmt: skip
        return Outcome(path, photo, FileStamp(path, status.st_size, status.st_mtime_ns))


def work(uri: str, photos: str, cost: float) -> None:
    preset = load_preset("nano" if cost else "colours")

    pools = []

    def pool(*_: object, answer: Ask, **__: object) -> OwnPool:
        pools.append(OwnPool(preset, cost, answer))
        return pools[0]

    pools_of_a_run.WorkerPool = pool  # type: ignore
    options = updating.Options(jobs=1, thumbnails=not cost)
    began = time.process_time()
    report = updating.update(index_folder(uri), [photos], preset, options)
    told = report.added, report.recognised, len(report.skipped), report.seconds
    cpu = time.process_time() - began - pools[0].cpu
    os.write(1, " ".join(map(str, (os.getpid(), *told, cpu))).encode() + b"\n")


def main() -> None:
    uri, photos, cost, lease = sys.argv[1:]
    postgres_jobs.LEASE = float(lease)
    load_preset("nano" if float(cost) else "colours").space  # noqa: B018, read once for all
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    for order in sys.stdin:
        child = os.fork()
        if child == 0:
            code = 0
            try:
                os.setsid()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                if order.strip():
                    from deaths import arm

                    point, number, victim = order.strip().split("|")
                    arm(uri, point, int(number), victim)
                work(uri, photos, float(cost))
            except StorageAway as error:  # as a person is told who starts one meanwhile
                print(str(error)[-200:], file=sys.stderr)
                code = 1
            except BaseException:
                traceback.print_exc()
                code = 1
            finally:
                os._exit(code)
        os.write(1, f"{child}\n".encode())


if __name__ == "__main__":
    main()
