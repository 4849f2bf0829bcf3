import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from model.training.loop.feature_store import FeatureStore, tower_fingerprint

PHOTO = bytes(range(32))


def test_features_are_made_once(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, "tower")
    made = []

    def make() -> dict[str, np.ndarray]:
        made.append(1)
        return {"level": np.arange(12, dtype=np.float32).reshape(3, 4).T}

    for _ in range(2):
        found = store.features(PHOTO, make)
        assert found["level"].dtype == np.float16
        np.testing.assert_array_equal(found["level"], np.arange(12).reshape(3, 4).T)
    assert len(made) == 1
    assert store.get(bytes(32)) is None
    assert FeatureStore(tmp_path, "another").get(PHOTO) is None
    assert store.holdings().photos == 1
    assert 24 < store.holdings().bytes < 400
    assert "1 photos" in str(store.holdings())


def test_damaged_features_are_made_again(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, "tower")
    store.put(PHOTO, {"x": np.ones(100)})
    (file,) = store.folder.glob("*/*")
    whole = file.read_bytes()
    for damaged in (b"", whole[:50], whole[:-1], b"\xff" * len(whole)):
        file.write_bytes(damaged)
        assert store.get(PHOTO) is None
        assert store.features(PHOTO, lambda: {"x": np.ones(100)})["x"].sum() == 100


def test_what_float16_cannot_hold_is_refused(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, "tower")
    for bad in (1e6, np.nan):
        with pytest.raises(ValueError, match="'x'"):
            store.put(PHOTO, {"x": np.array([1.0, bad])})
    assert store.get(PHOTO) is None
    assert not list(store.folder.glob("*/*"))


WRITER = """
import sys
from pathlib import Path
import numpy as np
from model.training.loop.feature_store import FeatureStore
store = FeatureStore(Path(sys.argv[1]), "tower")
print("ready", flush=True)
while True:
    for number in range(4):
        store.put(bytes([number] * 32), {"x": np.full(200_000, number)})
"""


def test_a_kill_and_two_writers_leave_only_whole_files(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    for writer in writers:
        assert writer.stdout is not None
        writer.stdout.readline()
    time.sleep(0.3)
    for writer in writers:
        os.kill(writer.pid, signal.SIGKILL)
        writer.communicate()
    left = FeatureStore(tmp_path, "tower").folder / "00" / ".abandoned.part"
    left.touch()
    os.utime(left, (0, 0))
    store = FeatureStore(tmp_path, "tower")
    assert not left.exists()
    files = list(store.folder.glob("*/*.safetensors"))
    assert files
    for file in files:
        number = int(file.name[:2], 16)
        found = store.get(bytes([number] * 32))
        assert found is not None
        assert (found["x"] == number).all()


def test_a_towers_fingerprint_is_its_weights_and_settings() -> None:
    torch.manual_seed(0)
    tower = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    first = tower_fingerprint(tower, "448")
    assert tower_fingerprint(tower, "448") == first
    assert tower_fingerprint(tower, "320") != first
    tower[0].weight.data[0, 0, 0, 0] += 1e-3
    assert tower_fingerprint(tower, "448") != first
