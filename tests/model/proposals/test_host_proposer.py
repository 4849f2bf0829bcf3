from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_hosts import tiny_host

from model.encoders.sentence import SentenceEncoder
from model.errors import WeightsMismatch
from model.masks.segments import Segments
from model.photos.images import Image
from model.proposals.host_proposer import HostProposer, load_gates, save_gates
from model.proposals.query_host import QueryHost


@pytest.fixture(scope="module")
def sentences() -> SentenceEncoder:
    return SentenceEncoder()


def network(sentences: SentenceEncoder, kind: str = "mask2former") -> QueryHost:
    host = QueryHost(tiny_host(kind), sentences.dimension)
    with torch.no_grad():
        for gate in host.gates:
            gate.gate.fill_(2.0)
    return host


def photo() -> Image:
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3)).astype(np.uint8)
    return Image(pixels, (48, 64))


@pytest.mark.parametrize("kind", ["mask2former", "maskformer"])
def test_masks_come_in_the_frame_of_the_index_and_no_more_than_asked(
    kind: str, sentences: SentenceEncoder
) -> None:
    proposer = HostProposer(network(sentences, kind), sentences, side=64)
    found = proposer.propose(photo(), "red door", Segments.empty((30, 40)), most=3)
    assert found.size == (30, 40)
    assert 0 < len(found) <= 3
    assert ((found.quality >= 0) & (found.quality <= 1)).all()


def test_words_change_the_masks_and_their_absence_gives_the_hosts_own(
    sentences: SentenceEncoder,
) -> None:
    proposer = HostProposer(network(sentences), sentences, side=64)
    closed = HostProposer(QueryHost(tiny_host("mask2former"), sentences.dimension), sentences, 64)
    frame = Segments.empty((48, 64))
    one, other = (proposer.propose(photo(), words, frame) for words in ("red door", "blue sky"))
    assert one.counts != other.counts
    nothing = proposer.propose(photo(), "", frame)
    assert nothing.counts == closed.propose(photo(), "", frame).counts


def test_gates_are_written_and_read_and_those_of_another_host_are_refused(
    tmp_path: Path, sentences: SentenceEncoder
) -> None:
    trained = network(sentences)
    save_gates(trained, tmp_path / "gates.safetensors")
    other = QueryHost(tiny_host("mask2former"), sentences.dimension)
    load_gates(other, tmp_path / "gates.safetensors")
    assert [gate.gate.item() for gate in other.gates] == [2.0] * len(other.gates)
    same = (HostProposer(each, sentences, 64).fingerprint for each in (trained, other))
    assert len(set(same)) == 1
    with pytest.raises(WeightsMismatch, match="gates of a host"):
        load_gates(QueryHost(tiny_host("maskformer"), 8), tmp_path / "gates.safetensors")
