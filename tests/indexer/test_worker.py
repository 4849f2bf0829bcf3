import os
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from indexer.worker import Order, look, perceptual_hash, receive, send
from model.errors import PresetUnknown
from model.images import content_hash, read_photo
from model.preset import Models, load_preset

PRESET = load_preset("colours")
COMMAND = [sys.executable, "-c", "from indexer.worker import main; main()"]


@pytest.fixture
def photo(tmp_path: Path, painted: ModuleType) -> Path:
    return painted.paint(tmp_path / "photo.png", 3)


@pytest.fixture
def worker():
    process = subprocess.Popen(
        COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    with process:
        yield process
        process.kill()


def test_a_worker_starts_without_what_only_its_parent_needs() -> None:
    code = (
        "import indexer.worker, sys;"
        " print([name for name in ('sqlalchemy', 'faiss', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


def test_a_photo_becomes_what_the_index_holds(photo: Path) -> None:
    outcome = look(str(photo), PRESET, PRESET.build(), 200.0)
    made = outcome.photo
    assert made is not None
    assert (outcome.path, outcome.kind, outcome.reason) == (str(photo), "", "")
    assert outcome.stamp.mtime_ns == photo.stat().st_mtime_ns
    assert outcome.stamp.size == photo.stat().st_size
    assert made.content_hash == content_hash(photo)
    assert len(made.segments) == len(made.embeddings) >= 3
    assert made.seconds >= 0


def test_trouble_is_told_not_raised(photo: Path, tmp_path: Path) -> None:
    models = PRESET.build()
    (tmp_path / "cut\n.png").write_bytes(photo.read_bytes()[:100])
    cut = look(str(tmp_path / "cut\n.png"), PRESET, models, 200.0)
    assert (cut.photo, cut.kind) == (None, "PhotoUnreadable")
    assert "cut\\n.png" in cut.reason
    assert "\n" not in cut.reason
    assert look(str(photo), PRESET, models, 0.001).kind == "PhotoTooLarge"
    assert look(str(tmp_path / "none.png"), PRESET, models, 200.0).kind == "PhotoChanged"


@pytest.mark.parametrize(
    ("error", "kind"),
    [(MemoryError(), "PhotoTooLarge"), (IndexError("of\nrange"), "PhotoUnreadable")],
)
def test_a_model_that_stumbles_costs_one_photo(photo: Path, error, kind: str) -> None:
    class Stumbling:
        def segment(self, image):
            raise error

    outcome = look(str(photo), PRESET, Models(Stumbling(), PRESET.build().embedder), 200.0)
    assert outcome.kind == kind
    assert str(photo) in outcome.reason
    assert "\n" not in outcome.reason


def test_lookalikes_have_hashes_that_differ_little(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        blocks = Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8))
        blocks.resize((640, 480), Image.Resampling.BICUBIC).save(tmp_path / f"{name}.png")
    Image.open(tmp_path / "a.png").resize((320, 240)).save(tmp_path / "small.jpg", quality=60)
    a, b, small = (
        perceptual_hash(read_photo(tmp_path / name)) for name in ("a.png", "b.png", "small.jpg")
    )
    assert all(-(2**63) <= h < 2**63 for h in (a, b, small))
    assert ((a ^ small) & (2**64 - 1)).bit_count() <= 4
    assert ((a ^ b) & (2**64 - 1)).bit_count() >= 16


def test_it_answers_until_it_is_left(worker, photo: Path) -> None:
    send(worker.stdin, Order("colours", 200.0))
    assert receive(worker.stdout) is None
    for path in (str(photo), os.fsdecode(b"/no \xff such\n.png"), str(photo)):
        send(worker.stdin, path)
        assert receive(worker.stdout).path == path
    worker.stdin.close()
    assert worker.wait(5) == 0
    assert worker.stderr.read() == b""


def test_it_leaves_while_it_still_loads(worker) -> None:
    send(worker.stdin, Order("colours", 200.0))
    worker.stdin.close()
    began = time.monotonic()
    assert worker.wait(20) == 0
    assert time.monotonic() - began < 10


def test_a_preset_that_cannot_be_used_is_its_first_answer(worker) -> None:
    send(worker.stdin, Order("telepathy", 200.0))
    refusal = receive(worker.stdout)
    assert isinstance(refusal, PresetUnknown)
    assert "telepathy" in str(refusal)
    assert refusal.fix
    assert worker.wait(5) == 0
    assert worker.stderr.read() == b""


def test_what_a_library_prints_is_no_answer(worker, photo: Path, tmp_path: Path) -> None:
    chatty = "import os; os.system('echo hello'); print('from Python', flush=True)"
    command = [sys.executable, "-c", f"from indexer import worker\n"
               f"build = worker.Preset.build\n"
               f"def talk(self):\n    {chatty}\n    return build(self)\n"
               f"worker.Preset.build = talk\nworker.main()"]  # fmt: skip
    talking = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    with talking:
        send(talking.stdin, Order("colours", 200.0))
        assert receive(talking.stdout) is None
        send(talking.stdin, str(photo))
        assert receive(talking.stdout).photo is not None
        talking.stdin.close()
        assert talking.stderr.read() == b"hello\nfrom Python\n"
