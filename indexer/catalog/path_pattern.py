"""Patterns of paths: which of them a person means who types one, a folder or a name."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable
from difflib import SequenceMatcher
from functools import cached_property
from heapq import nlargest

from model.errors import QueryError, shown
from model.stores.urls import PROTOCOLS, is_url

LONGEST = 4096
"""Characters of a pattern at the most: no path is longer."""

_SUFFIX = re.compile(r"\.[A-Za-z][A-Za-z0-9]*$")
PART = re.compile(r"\*+|\?|\[\^?\]?[^\]]*\]|.", re.DOTALL)
"""A part of a glob: stars, a question mark, a class of characters, or a character."""


class PathPattern:
    """A glob pattern of paths, read as people mean it.

    `*`, `?` and `[a-z]` are those of SQLite's GLOB: case-sensitive, `*` also crosses folders; `**/`
    stands for any folders or none. It is matched on the whole path, on what follows any "/", and,
    without a "/" in it, on the file's name. Beyond that:

    - a folder stands for all that is in it, with and without a "/" at its end;
    - brackets are taken literally as well, as in "[2023] Rome/*";
    - a suffix matches in upper and lower case;
    - composed and decomposed letters (NFC, NFD) are the same;
    - what begins with "./", "../" or "~/" is a path from here or from home;
    - a URL is one of a store, whose keys are taken as they are.

    Attributes:
        text: the pattern as it was given.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def globs(self) -> tuple[str, ...]:
        """Patterns of GLOB in NFC: a path is meant if the whole of it fits one of them."""
        return tuple({glob: None for form in self._forms for glob in _anchored(form)})

    @cached_property
    def name_globs(self) -> tuple[str, ...]:
        """Patterns of GLOB in NFC: a path is meant, too, if the file's name fits one of them."""
        return tuple(form for form in self._forms if "/" not in form)

    def matches(self, path: str) -> bool:
        """Whether a path is meant: absolute, in any normalisation form."""
        whole, name = self._expressions
        path = unicodedata.normalize("NFC", path)
        return bool(whole.fullmatch(path) or name.fullmatch(path.rpartition("/")[2]))

    @cached_property
    def _forms(self) -> tuple[str, ...]:
        text = unicodedata.normalize("NFC", _from_here(self.text))
        text = re.sub(r"\*{3,}", "**", text)
        readings = [text, text.replace("[", "[[]")] if "[" in text else [text]
        forms = (form for reading in readings if reading for form in _forms(reading))
        return tuple(dict.fromkeys(forms))

    @cached_property
    def _expressions(self) -> tuple[re.Pattern[str], re.Pattern[str]]:
        whole, name = (
            re.compile("|".join(map(_expression, globs)) or "(?!)", re.DOTALL)
            for globs in (self.globs, self.name_globs)
        )
        return whole, name


def require_path(pattern: str) -> None:
    """Raise QueryError where a text can be no path, nor a pattern of one."""
    try:
        possible = len(pattern) <= LONGEST and "\0" not in os.fsdecode(os.fsencode(pattern))
    except UnicodeError:
        possible = False
    if not possible:
        raise QueryError(
            f"'{shown(pattern)[:80]}' is no path", "give a folder or a pattern, as in '2023/*'"
        )


def nearest_paths(pattern: str, paths: Iterable[str], count: int = 3) -> list[str]:
    """Folders and files whose names are most like the one in a pattern that matches nothing.

    Args:
        pattern: the pattern.
        paths: absolute paths of files.
        count: number of paths at the most.

    Returns:
        Paths, the nearest first; a folder ends in "/".
    """
    # stars tell nothing of a name, nor does a suffix behind them
    words = (re.sub(r"[*?]+(\.\w*)?$", "", name) for name in _from_here(pattern).split("/"))
    wanted = _folded(([""] + [word for word in words if word])[-1])
    files: dict[str, str] = {}
    folders: dict[str, str] = {}
    seen: set[str] = set()
    for path in paths:
        folder, _, name = path.rpartition("/")
        files.setdefault(name, path)
        while folder and folder not in seen:
            seen.add(folder)
            above, _, name = folder.rpartition("/")
            folders.setdefault(name, folder + "/")
            folder = above
    matcher = SequenceMatcher(b=wanted, autojunk=False)

    def likeness(name: str) -> float:
        matcher.set_seq1(_folded(name))
        bound = min(matcher.real_quick_ratio(), matcher.quick_ratio())
        return matcher.ratio() if bound > 0.4 else bound / 2

    # what has no suffix is meant for a folder, and of those there are far fewer
    places = folders | files if _SUFFIX.search(wanted) else folders
    return [places[name] for name in nlargest(count, places, key=likeness)]


def _from_here(text: str) -> str:
    """The text without "." and ".." in it, absolute where it says where it begins.

    A store knows neither: its keys stay, and only the protocol is spelled as an index does it.
    """
    if is_url(text):
        protocol, _, rest = text.partition("://")
        return f"{PROTOCOLS.get(protocol.lower(), protocol)}://{rest}"
    if text.startswith("~/"):
        text = os.path.expanduser(text)  # noqa: PTH111, keeps the "/" at the end
    begins_here = text in (".", "..") or text.startswith(("./", "../"))
    if begins_here or re.search(r"(^|/)(\.\.?/|/)", text.lstrip("/")):
        clean = os.path.abspath(text) if begins_here else os.path.normpath(text)  # noqa: PTH100
        text = clean + "/" * (text.endswith("/") and not clean.endswith("/"))
    return text


def _forms(text: str) -> list[str]:
    """The pattern itself, and that of what lies in the folder where it may name one."""
    forms = []
    for each in [text, text.replace("**/", "")] if "**/" in text else [text]:
        if each.endswith("/"):
            forms.append(each + "*")
            continue
        folder, slash, name = each.rpartition("/")
        forms.append(folder + slash + _any_case(name))
        if not any(c in name.replace("[[]", "") for c in "*?["):
            forms.append(each + "/*")
    return forms


def _anchored(form: str) -> list[str]:
    """Patterns of whole paths: from the start, and from behind any "/"."""
    if is_url(form):
        return [form]
    from_start = [form] if form[:1] in tuple("/*?[") else []
    return from_start + ["*/" + form] * ("/" in form and not form.startswith("/"))


def _any_case(name: str) -> str:
    """The name with a suffix in either case."""
    suffix = _SUFFIX.search(name)
    if suffix is None:
        return name
    letters = (f"[{c.lower()}{c.upper()}]" if c.isalpha() else c for c in suffix[0])
    return name[: suffix.start()] + "".join(letters)


def _expression(glob: str) -> str:
    """The glob as a regular expression that never goes back behind a star that was met."""
    first, *rest = ("".join(map(_of_part, PART.findall(piece))) for piece in _between_stars(glob))
    if not rest:
        return first
    return first + "".join(f"(?>.*?{piece})" for piece in rest[:-1] if piece) + ".*" + rest[-1]


def _between_stars(glob: str) -> list[str]:
    pieces = [""]
    for part in PART.findall(glob):
        if part.startswith("*"):
            pieces.append("")
        else:
            pieces[-1] += part
    return pieces


def _of_part(part: str) -> str:
    if part == "?":
        return "."
    if part == "[":
        return "(?!)"  # as in SQLite, a class without an end meets nothing
    return re.escape(part) if len(part) == 1 else _class(part[1:-1])


def _class(inner: str) -> str:
    """A class of characters, as SQLite reads what is between its brackets."""
    negated, spans = class_spans(inner)
    if not spans:
        return "." if negated else "(?!)"
    ranges = [re.escape(low) + f"-{re.escape(high)}" * (low < high) for low, high in spans]
    return f"[{'^' * negated}{''.join(ranges)}]"


def class_spans(inner: str) -> tuple[bool, list[tuple[str, str]]]:
    """Whether a class of characters is negated, and its spans, first and last of each.

    Args:
        inner: text between its brackets.
    """
    negated = inner.startswith("^")
    characters = list(inner[negated:])
    spans, place = [], 0
    while place < len(characters):
        low = high = characters[place]
        if characters[place + 1 : place + 2] == ["-"] and place + 2 < len(characters):
            high = characters[place + 2]
            place += 2
        # a range is of what comes after its start as well, even where it runs backwards
        spans += [(low, low)] + [(low, high)] * (low < high)
        place += 1
    return negated, spans


def _folded(name: str) -> str:
    """A name without its case and accents."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(c for c in plain if not unicodedata.combining(c))
