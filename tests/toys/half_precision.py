"""Where torch's own attention computes in bfloat16, and where it refuses to."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional


def _attends_in_bfloat16() -> bool:
    query = torch.zeros(1, 1, 64, 32, dtype=torch.bfloat16)
    try:
        functional.scaled_dot_product_attention(query, query, query)
    except RuntimeError:
        return False
    return True


needs_bfloat16 = pytest.mark.skipif(
    not _attends_in_bfloat16(),
    reason="a processor with AMX that may not use AVX-512: torch's attention refuses bfloat16",
)
