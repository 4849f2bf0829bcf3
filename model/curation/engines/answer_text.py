"""Answers of language models as captions: prose on one line, without markup or thinking aloud."""

from __future__ import annotations

import re

from model.curation.engines.caption_files import plain_text

_THOUGHT = re.compile(r"<think>.*?(</think>|\Z)", re.DOTALL)
_ITEM = re.compile(r"^(#{1,6}|[-*•–]|\d{1,3}[.)])\s+")
_EMPHASIS = re.compile(r"\*\*|__|`")
_END = re.compile(r"[.!?][\"'”’)]*(?=\s|$)")


def plain_prose(answer: str, cut: bool = False) -> str:
    """The sentences of an answer: items of lists become sentences of their own.

    Args:
        answer: text as a model wrote it.
        cut: whether it had to stop before the end; the sentence that it was in is left out then,
            unless there is no other.
    """
    text = _THOUGHT.sub("", answer.encode("utf-8", "ignore").decode("utf-8"))
    lines = [_EMPHASIS.sub("", _ITEM.sub("", line.strip())) for line in text.splitlines()]
    lines = list(filter(None, map(plain_text, lines)))
    if len(lines) > 1 and lines[0].endswith(":"):  # "Here is a description of the photo:"
        del lines[0]
    if cut and lines:
        lines = _without_the_last_sentence(lines)
    return " ".join(line if line[-1] in ".!?:,;\"'”’)" else f"{line}." for line in lines)


def _without_the_last_sentence(lines: list[str]) -> list[str]:
    *whole, last = lines
    ends = [match.end() for match in _END.finditer(last)]
    if ends:
        return [*whole, last[: ends[-1]]]
    return whole or [last]
