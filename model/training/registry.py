"""The kinds of tasks that a recipe may name, loaded on use."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from model.training.loop.task import TaskKind


def _segment_head() -> TaskKind:
    from model.training.segment_head.task import head_kind

    return head_kind()


def _masks() -> TaskKind:
    from model.training.dense_masks.task import mask_kind

    return mask_kind()


def _prompts() -> TaskKind:
    from model.training.prompts.task import prompt_kind

    return prompt_kind()


def _proposals() -> TaskKind:
    from model.training.guided_masks.task import guided_kind

    return guided_kind()


def _query_host() -> TaskKind:
    from model.training.query_host.task import host_kind

    return host_kind()


def _towers() -> TaskKind:
    from model.training.towers.task import tower_kind

    return tower_kind()


KINDS: Mapping[str, Callable[[], TaskKind]] = {
    "masks": _masks,
    "prompts": _prompts,
    "proposals": _proposals,
    "query-host": _query_host,
    "segment-head": _segment_head,
    "towers": _towers,
}
