"""Groups of options: what several verbs can all be told, said once.

A verb takes a dataclass whose fields are options; `takes_groups` puts these in its place among the
verb's own, so that no verb can leave one out or name it differently.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import is_dataclass
from functools import wraps
from inspect import Parameter, signature
from typing import Any, cast


def takes_groups(verb: Callable[..., None]) -> Callable[..., None]:
    """The verb with the options of each group where the group stands among its parameters."""
    own = signature(verb, eval_str=True)
    parameters: list[Parameter] = []
    groups: dict[str, tuple[Callable[..., Any], list[str]]] = {}
    for parameter in own.parameters.values():
        options = [parameter]
        if is_dataclass(parameter.annotation):
            group = cast(Callable[..., Any], parameter.annotation)
            options = [*signature(group, eval_str=True).parameters.values()]
            groups[parameter.name] = (group, [each.name for each in options])
        parameters += [each.replace(kind=Parameter.KEYWORD_ONLY) for each in options]

    @wraps(verb)
    def with_options(**given: Any) -> None:
        for name, (made, fields) in groups.items():
            given[name] = made(**{field: given.pop(field) for field in fields})
        verb(**given)

    with_options.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    with_options.__annotations__ = {p.name: p.annotation for p in parameters}
    return with_options
