import pytest
import torch
from closeness import assert_close, terms_of
from tiny_hosts import SIDE, WIDTH, tiny_host
from torch import Tensor
from transformers import Mask2FormerConfig

from model.errors import WeightsMismatch
from model.proposals.prompt_tokens import PromptTokens
from model.proposals.query_host import NOTHING, SHOWN, HostAnswers, QueryHost

TEXT = 12
HOSTS = ["mask2former", "maskformer"]


def pixels(photos: int = 2) -> Tensor:
    return torch.randn(photos, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))


def prompt(lengths: list[int], most: int = 4) -> PromptTokens:
    vectors = torch.randn(len(lengths), most, TEXT, generator=torch.Generator().manual_seed(2))
    return PromptTokens(vectors, torch.arange(most) < torch.tensor(lengths)[:, None])


def opened(network: QueryHost, by: float = 0.7) -> QueryHost:
    with torch.no_grad():
        for gate in network.gates:
            gate.gate.fill_(by)
    return network


@torch.no_grad()
def asked(network: QueryHost, words: PromptTokens) -> HostAnswers:
    return network.eval()(pixels(len(words.seen)).to(words.vectors), words)


@pytest.mark.parametrize("kind", HOSTS)
def test_closed_gates_leave_the_hosts_own_masks(kind: str) -> None:
    plain = tiny_host(kind)
    with torch.no_grad():
        own = plain(pixels(), output_hidden_states=True)
    network = QueryHost(plain, TEXT)
    found = asked(network, prompt([4, 2])).masks[-1]
    assert_close(found, own.masks_queries_logits, terms_of(network))
    with torch.no_grad():
        assert torch.equal(
            plain(pixels(), output_hidden_states=True).masks_queries_logits,
            own.masks_queries_logits,
        )


@pytest.mark.parametrize("kind", HOSTS)
def test_an_open_gate_lets_words_change_the_masks(kind: str) -> None:
    network = opened(QueryHost(tiny_host(kind), TEXT))
    one, other = (asked(network, words).masks[-1] for words in (prompt([4, 4]), prompt([1, 4])))
    assert not torch.equal(one[0], other[0])
    assert torch.equal(one[1], other[1])


@pytest.mark.parametrize("kind", HOSTS)
def test_an_empty_prompt_gives_the_hosts_own_masks_beside_others(kind: str) -> None:
    plain = tiny_host(kind)
    with torch.no_grad():
        own = plain(pixels(), output_hidden_states=True).masks_queries_logits
    network = opened(QueryHost(plain, TEXT))
    empty = asked(network, prompt([0, 0])).masks[-1]
    assert_close(empty, own, terms_of(network))
    mixed = asked(network, prompt([0, 3])).masks[-1]
    assert torch.equal(mixed[0], empty[0])
    assert not torch.equal(mixed[1], empty[1])
    assert mixed.isfinite().all()


@pytest.mark.numeric
@pytest.mark.parametrize("kind", HOSTS)
def test_an_empty_prompt_is_shown_by_whatever_the_hosts_own_head_knows(kind: str) -> None:
    network = opened(QueryHost(tiny_host(kind), TEXT)).double()
    with torch.no_grad():
        seen = network.host(pixels().double(), output_hidden_states=True)
    own = seen.class_queries_logits.softmax(dim=2)
    words = prompt([0, 3])
    answers = asked(network, PromptTokens(words.vectors.double(), words.seen))
    found = answers.shows[-1].softmax(dim=2)
    assert_close(found[0, :, SHOWN], 1 - own[0, :, -1], terms_of(network))
    assert_close(found[0, :, NOTHING], own[0, :, -1], terms_of(network))
    assert (found[1, :, NOTHING] - own[1, :, -1]).abs().max() > 0.01
    assert len(answers.shows) == len(answers.masks) > 1


@pytest.mark.numeric
@pytest.mark.parametrize("kind", HOSTS)
def test_padding_is_not_heard_in_float64(kind: str) -> None:
    network = opened(QueryHost(tiny_host(kind), TEXT)).double()
    short = prompt([2, 2], most=2)
    vectors = torch.cat([short.vectors, torch.full((2, 3, TEXT), torch.nan)], dim=1).double()
    padded = PromptTokens(vectors, torch.arange(5).expand(2, 5) < 2)
    short = PromptTokens(short.vectors.double(), short.seen)
    one, other = asked(network, padded), asked(network, short)
    for found, expected in zip(one.masks, other.masks, strict=True):
        assert_close(found, expected, terms_of(network), "float64")


@pytest.mark.numeric
@pytest.mark.parametrize("kind", HOSTS)
def test_the_gate_is_the_papers_equation_in_float64(kind: str) -> None:
    network = opened(QueryHost(tiny_host(kind), TEXT), 0.4).double()
    gate, words = network.gates[0], prompt([3])
    queries = torch.randn(1, 5, WIDTH, dtype=torch.float64)
    attention, heads = gate.attention, 2
    text = words.vectors[:, :3].double() @ gate.words.weight.T
    q, k, v = (
        each @ part.T + bias
        for each, part, bias in zip(
            (gate.norm(queries), text, text),
            attention.in_proj_weight.chunk(3),
            attention.in_proj_bias.chunk(3),
            strict=True,
        )
    )
    told = []
    for head in range(heads):
        some = slice(head * WIDTH // heads, (head + 1) * WIDTH // heads)
        weights = (q[..., some] @ k[..., some].transpose(1, 2) / (WIDTH // heads) ** 0.5).softmax(2)
        told.append(weights @ v[..., some])
    expected = queries + gate.gate * attention.out_proj(torch.cat(told, dim=2))
    found = gate(queries, PromptTokens(words.vectors.double(), words.seen))
    assert_close(
        found, expected, terms_of(gate), "float64", scale=float(expected.detach().abs().max()) + 1
    )


@pytest.mark.parametrize("kind", HOSTS)
def test_the_losses_teach_gates_and_head_and_take_prompts_without_a_region(kind: str) -> None:
    network = opened(QueryHost(tiny_host(kind), TEXT), 0.1).train()
    answers = network(pixels(), prompt([4, 3]))
    region = torch.zeros(1, SIDE, SIDE)
    region[:, 8:40, 8:40] = 1
    for targets in ([region, region[:0]], [region[:0], region[:0]]):
        terms = network.loss(answers, targets)
        assert terms["loss"].isfinite()
        assert_close(
            terms["loss"], sum(v for name, v in terms.items() if name != "loss"), len(terms)
        )
    assert terms.keys() - {"loss"} == network.host.weight_dict.keys()
    network.loss(answers, [region, region])["loss"].backward()
    for gate in network.gates:
        assert gate.gate.grad is not None
        assert gate.gate.grad != 0
    assert network.shows.weight.grad.abs().sum() > 0


@pytest.mark.numeric
@pytest.mark.parametrize("kind", HOSTS)
def test_the_losses_are_the_hosts_own_of_every_layer(kind: str) -> None:
    network, region = QueryHost(tiny_host(kind), TEXT), torch.zeros(1, SIDE, SIDE)
    region[:, 8:40, 8:40] = 1
    answers = asked(network, prompt([4, 0]))
    torch.manual_seed(3)
    terms = network.loss(answers, [region, region[:0]])
    torch.manual_seed(3)
    expected = dict.fromkeys(network.host.weight_dict, 0.0)
    shown = [torch.tensor([SHOWN]), torch.tensor([], dtype=torch.int64)]
    order = [-1, *range(len(answers.masks) - 1)]  # points are drawn for the last layer first
    for layer in order:
        own = network._criterion(
            answers.masks[layer], answers.shows[layer], [region, region[:0]], shown
        )
        for name, weight in network.host.weight_dict.items():
            expected[name] += weight * float(own[name])
    for name, value in expected.items():
        assert_close(terms[name], torch.tensor(value), 8 * len(order), "float32")


def test_under_autocast_the_losses_keep_all_digits() -> None:
    network = opened(QueryHost(tiny_host("mask2former"), TEXT), 0.1)
    targets = [torch.rand(3, SIDE, SIDE, generator=torch.Generator().manual_seed(4)) > 0.5] * 2
    with torch.autocast("cpu", torch.bfloat16):
        answers = network(pixels(), prompt([4, 3]))
        torch.manual_seed(5)
        terms = network.loss(answers, targets)
    assert answers.masks[-1].dtype == torch.bfloat16
    torch.manual_seed(5)
    for name, value in network.loss(answers, targets).items():
        assert terms[name].dtype == torch.float32
        assert_close(terms[name], value, 64)
    terms["loss"].backward()
    assert network.gates[0].gate.grad.isfinite()


def test_weights_of_the_losses_are_those_of_the_paper() -> None:
    network = QueryHost(tiny_host("mask2former"), TEXT)
    weights = network.host.weight_dict
    assert weights == {"loss_cross_entropy": 2.0, "loss_mask": 5.0, "loss_dice": 5.0}
    assert network._criterion.empty_weight.tolist() == pytest.approx([1.0, 0.1])
    published = Mask2FormerConfig()
    assert (published.class_weight, published.mask_weight, published.dice_weight) == (2, 5, 5)
    assert published.no_object_weight == 0.1
    assert published.train_num_points == 12_544
    assert published.use_auxiliary_loss


def test_hosts_that_leave_out_or_unbound_the_gates_are_refused() -> None:
    with pytest.raises(WeightsMismatch, match="pre_norm"):
        QueryHost(tiny_host("mask2former", pre_norm=True), TEXT)
    with pytest.raises(WeightsMismatch, match=r"leaves out whole layers \(0.1\)"):
        QueryHost(tiny_host("mask2former", dropout=0.1), TEXT)
    with pytest.raises(WeightsMismatch, match="Linear is no host"):
        QueryHost(torch.nn.Linear(1, 1), TEXT)


def test_a_maskformer_that_drops_out_is_a_host_as_the_published_ones_are() -> None:
    plain = tiny_host("maskformer", dropout=0.1)
    with torch.no_grad():
        own = plain(pixels(), output_hidden_states=True)
    network = QueryHost(plain, TEXT)
    found = asked(network, prompt([4, 2])).masks[-1]
    assert_close(found, own.masks_queries_logits, terms_of(network))
