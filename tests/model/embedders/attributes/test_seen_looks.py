import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from model.embedders.attributes.joint_space import (
    ATTRIBUTES,
    CLASS_DIMENSIONS,
    joined_segments,
    unit,
)
from model.embedders.attributes.seen_looks import LOOKS


@given(st.integers(0, 99), st.integers(0, 20))
def test_what_has_half_of_a_segment_is_seen(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    colours, materials = (rng.dirichlet(np.full(11, 0.2), n) for _ in range(2))
    modifiers = rng.random((n, 5)) / 2
    rows = [
        unit(np.concatenate([np.sqrt(colours), modifiers], axis=1).astype(np.float32)),
        unit(rng.random((n, 3)).astype(np.float32)),
        np.sqrt(materials).astype(np.float32),
        unit(rng.random((n, ATTRIBUTES[3].words.dimension)).astype(np.float32)),
    ]
    vectors = joined_segments(
        unit(rng.normal(size=(n, 8)).astype(np.float32)),
        rows,
        unit(rng.normal(size=(n, CLASS_DIMENSIONS)).astype(np.float32)),
    )
    for kind, shares in (("colours", colours), ("materials", materials)):
        names, found = LOOKS[kind].names, LOOKS[kind].seen_in(vectors)
        assert found.shape == (n,)
        for code, row in zip(found.tolist(), shares, strict=True):
            best = int(row.argmax())
            if abs(row[best] - 0.5) > 1e-4:
                assert code == (best if row[best] > 0.5 and best < len(names) else -1)


def test_every_name_may_be_said_in_a_question() -> None:
    for look in LOOKS.values():
        for name in look.names:
            assert look.words.asked([f"{name} chair"]).any(), name
