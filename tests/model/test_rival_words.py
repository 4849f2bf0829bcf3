from pathlib import Path

import numpy as np
import pytest

from model.calibration import FEATURES, Calibration
from model.rival_words import RivalWords, as_kin

WHEEL = np.array([1.0, 0, 0, 0], np.float32)
ROULETTE = np.array([0.7, 0.714, 0, 0], np.float32)  # near to wheels
LEOPARD = np.array([0, 0, 1.0, 0], np.float32)
TEXTS = np.stack([WHEEL, LEOPARD])


def test_the_noun_alone_stays_behind_a_near_word() -> None:
    rivals = RivalWords(TEXTS, as_kin([]))
    _, near = rivals.margins(ROULETTE, np.stack([WHEEL, ROULETTE]))
    assert near[0] == pytest.approx(-0.3, abs=0.01)
    assert near[1] == 0


def test_kin_are_no_rivals() -> None:
    texts = np.stack([WHEEL, LEOPARD, ROULETTE])
    strangers, kin = (RivalWords(texts, as_kin(pairs)) for pairs in ([], [(2, 0)]))
    found = WHEEL[None]
    assert strangers.margins(ROULETTE, found)[1][0] < -0.2
    assert kin.margins(ROULETTE, found)[1][0] == 0
    nearly = ROULETTE + np.array([0, 0, 0, 0.1], np.float32)  # what it is called otherwise
    assert kin.margins(nearly / np.linalg.norm(nearly), found)[1][0] == 0


def test_other_words_are_rivals_of_what_is_far() -> None:
    rivals = RivalWords(TEXTS, as_kin([]))
    shown = (ROULETTE + LEOPARD)[None] / np.sqrt(2)
    rivalry, _ = rivals.margins(ROULETTE, shown)
    assert rivalry[0] == pytest.approx(0, abs=0.01)
    assert RivalWords(TEXTS[:0], as_kin([])).margins(WHEEL, shown)[0] == pytest.approx(
        shown @ WHEEL
    )


def test_kin_come_back_from_a_file_and_strange_ones_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "c.safetensors"
    made = Calibration.from_background(np.eye(4), ["wheel", "leopard"], TEXTS, kin=[(1, 0), (0, 1)])
    made.save(file)
    assert Calibration.load(file).kin.tolist() == [[0, 1]]
    with pytest.raises(ValueError, match="among the 2"):
        Calibration.from_background(np.eye(4), ["wheel", "leopard"], TEXTS, kin=[(0, 2)])


def test_a_file_of_before_is_read(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    file = tmp_path / "old.safetensors"
    tensors = {
        "segments": np.eye(4, dtype=np.int8),
        "texts": np.eye(4, dtype=np.int8)[:1],
        "coefficients": np.array([0.5, -0.2, 8.0, 6.0, -5.0]),
    }
    save_file(tensors, file, metadata={"words": '["wheel"]'})
    old = Calibration.load(file)
    assert dict(zip(FEATURES, old.coefficients, strict=False))["nearness"] == 0
    assert old.coefficients[-1] == -5
    assert old.meaning == 4
