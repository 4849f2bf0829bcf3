"""The task of a host for words: gates and a head beside a published Mask2Former or MaskFormer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from model.datasets.ground_truth import Region, TruePhoto
from model.datasets.outlined_photos import OutlinedPhotos
from model.encoders.efficientnet import input_size, require_sides
from model.encoders.sentence import SentenceEncoder
from model.proposals.host_proposer import SIDE, host_pixels, load_host, save_gates
from model.proposals.proposer import MOST
from model.proposals.query_host import NOTHING, SHOWN, QueryHost
from model.training.loop.batch_stream import moved
from model.training.loop.seeds import seed_everything
from model.training.loop.task import Task, TaskContext, TaskKind
from model.training.photo_phrases.phrases import Phrases, PromptShares
from model.training.photo_phrases.recall import phrase_recall
from model.training.query_host.batches import HostBatch, HostPrompts, covered
from model.weights.transformers_folder import save_folder

GATES, HOST = "gates.safetensors", "host"


@dataclass(frozen=True)
class HostSettings:
    """A recipe's section [task] for a host for words.

    Attributes:
        host: folder of a Mask2Former or MaskFormer as the hub has it, below `--data`; an absolute
            one, or one that begins with `~`, is taken as it is.
        learn: `gates`: the gates and the head "shows the prompt", and the host stays as it is; or
            `decoder`: the host's queries and its transformer decoder, too.
        decoder_rate: share of the learning rate that the host's own parts get.
        side: pixels of the longer side at which the host looks at photos; a multiple of 32.
        shares: shares of the prompts that name nothing in their photo. From an empty one nothing
            but the host's decoder learns.
        unseen: phrases that no prompt of training names.
        photos: photos to learn from; a share of them, `photos.holdout`, to measure on.
    """

    host: str
    learn: Literal["gates", "decoder"] = "gates"
    decoder_rate: float = 0.1
    side: int = SIDE
    shares: PromptShares = field(default_factory=lambda: PromptShares(empty=0.0))
    unseen: tuple[str, ...] = ()
    photos: OutlinedPhotos = field(default_factory=OutlinedPhotos)

    def __post_init__(self) -> None:
        require_sides("side", self.side)
        if not 0 < self.decoder_rate <= 1:
            raise ValueError(
                f"decoder_rate is {self.decoder_rate}, expected more than 0, at most 1"
            )


class HostTask(Task):
    """Learns gates and head, and the host's decoder where the recipe says so.

    Args:
        settings: the recipe's.
        train, held: photos with named regions, to learn from and to measure on.
        host: the segmentation network, which becomes part of what is trained.
        sentences: encoder of the phrases' tokens.
        batch: photos a batch.

    Raises:
        WeightsMismatch: the host cannot have gates.
    """

    def __init__(
        self,
        settings: HostSettings,
        train: Sequence[TruePhoto],
        held: Sequence[TruePhoto],
        host: Any,
        sentences: SentenceEncoder,
        batch: int,
    ) -> None:
        self.network: QueryHost = QueryHost(host.requires_grad_(False), sentences.dimension)
        if settings.learn == "decoder":
            host.model.transformer_module.requires_grad_(True)
        self._settings, self._batch = settings, batch
        self._phrases = Phrases([*train, *held], sentences, settings.unseen)
        self._train = [photo for photo in train if self._phrases.of(photo)]
        self._shapes = [input_size(photo.size, settings.side) for photo in self._train]
        self._held = held

    def batches(self, epoch_seed: int) -> HostPrompts:
        """Batches of as many photos as there are, drawn by the sources' weights."""
        settings = self._settings
        return HostPrompts(
            self._train,
            settings.photos.order(self._train, self._batch, epoch_seed, self._shapes),
            self._phrases,
            settings.shares,
            settings.side,
            epoch_seed,
        )

    def loss(self, batch: HostBatch) -> dict[str, Tensor]:
        """The host's own terms, for the classes "shows the prompt" and nothing."""
        terms = self.network.loss(self.network(batch.pixels, batch.prompt), batch.targets)
        return {name.removeprefix("loss_"): value for name, value in terms.items()}

    def validate(self) -> dict[str, float]:
        """Recall among the ten surest masks of every phrase, at stride 4 (`phrase_recall`)."""
        return phrase_recall(self._held, self._phrases, self._proposed, self._cover)

    def export(self, folder: Path) -> None:
        """Gates and head; the host in a folder beside them, if any of it learned."""
        if self._settings.learn == "decoder":
            save_folder(self.network.host, folder / HOST)
        save_gates(self.network, folder / GATES)

    def rate(self, parameter: str) -> float:
        """What the host has learned before learns less."""
        return self._settings.decoder_rate if parameter.startswith("host.") else 1.0

    def _proposed(self, photo: TruePhoto, phrases: Sequence[str]) -> Iterator[Tensor]:
        """10×h×w mask logits of the surest queries, phrase by phrase."""
        device = next(self.network.parameters()).device
        pixels = host_pixels(photo.read(), self._settings.side)[None].to(device)
        for phrase in phrases:
            answers = self.network(pixels, moved(self._phrases.tokens([phrase]), device))
            shows = answers.shows[-1][0]
            surest = (shows[:, SHOWN] - shows[:, NOTHING]).argsort(descending=True)[:MOST]
            yield answers.masks[-1][0, surest]

    def _cover(self, photo: TruePhoto, regions: Sequence[Region]) -> Tensor:
        height, width = input_size(photo.size, self._settings.side)
        return covered(photo, regions, (height // 4, width // 4))


def host_kind() -> TaskKind:
    """Kind of task `query-host`: how a recipe's [task] is read and built."""
    return TaskKind(HostSettings, _build)


def _build(settings: HostSettings, context: TaskContext) -> HostTask:
    learned, measured = settings.photos.read(context.data)
    train = [photo for photo in learned if photo.named]
    held = [photo for photo in measured.get("held", []) if photo.named]  # it chooses weights
    host = load_host(context.data / Path(settings.host).expanduser())
    sentences = SentenceEncoder()
    context.tell(f"{len(train)} photos to learn from, {len(held)} to measure on")
    seed_everything(context.seed)  # what was loaded until now may have drawn
    return HostTask(settings, train, held, host, sentences, context.batch)
