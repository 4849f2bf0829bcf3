from pathlib import Path

import numpy as np
import pytest

from model.calibration import Calibration
from model.class_evidence import ClassEvidence

RULE = ClassEvidence(asked=2.0, least=0.5, sharpness=10.0, most=1.0)
JUDGED = 3
PLAIN = [1.0, 0.0, 0.0]


def rows(*classes: tuple[float, float]) -> np.ndarray:
    return np.array([[*PLAIN, *each] for each in classes], np.float32)


def test_what_is_seen_raises_by_little_and_what_is_not_lowers_by_much() -> None:
    query = rows((2.0, 0.0))[0]
    told = RULE.logits(query, rows((0.4, 0.0), (0.0, 0.4), (-0.4, 0.0)), JUDGED)
    assert told == pytest.approx([1.0, -5.0, -15.0])


def test_a_question_that_classes_cover_partly_is_moved_little() -> None:
    seen = rows((0.0, 0.4))
    whole, part, none = (
        RULE.logits(rows((length, 0.0))[0], seen, JUDGED)[0] for length in (2.0, 0.5, 0.0)
    )
    assert part == pytest.approx(whole / 16)
    assert none == 0


def test_confidence_is_judged_before_classes_and_moved_by_them() -> None:
    random = np.random.default_rng(0)
    segments, texts = random.normal(size=(50, JUDGED)), random.normal(size=(4, JUDGED))
    plain = Calibration.from_background(segments, list("abcd"), texts)
    moved = Calibration.from_background(segments, list("abcd"), texts, classes=RULE)
    matches = rows((0.4, 0.0), (0.0, 0.4))
    before = plain.confidence(np.array(PLAIN, np.float32), matches[:, :JUDGED])
    np.testing.assert_allclose(moved.confidence(rows((0.0, 0.0))[0], matches), before, rtol=1e-5)
    seen, other = moved.confidence(rows((2.0, 0.0))[0], matches)
    assert seen > before[0]
    assert other < before[1]


def test_a_file_keeps_the_rule(tmp_path: Path) -> None:
    file = tmp_path / "calibration.safetensors"
    rule = Calibration.from_background(np.eye(3), ["a"], np.eye(3)[:1], classes=RULE)
    rule.save(file)
    assert Calibration.load(file).classes == RULE
