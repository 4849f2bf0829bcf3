"""The API as its document tells it: compared with what is on file, and asked all it allows."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "openapi.json"
OTHERS = re.compile(r"/(events|jobs|exports|saved|history|feedback|doctor)")
"""Paths that write, take long, or never end."""
CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]


def test_the_document_on_file_is_the_api(
    client: httpx.Client, request: pytest.FixtureRequest
) -> None:
    told = client.get("/api/v1/openapi.json").json()
    text = json.dumps(told, indent=1, sort_keys=True) + "\n"
    if request.config.getoption("--update-golden"):
        DOCUMENT.write_text(text)
    assert DOCUMENT.read_text() == text, "write docs/openapi.json with --update-golden, and read it"


def test_whatever_its_document_allows_is_answered_as_it_says(client: httpx.Client) -> None:
    schema = schemathesis.openapi.from_dict(client.get("/api/v1/openapi.json").json())
    schema.config.update(base_url=str(client.base_url))
    asked = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if OTHERS.search(operation.path):
            continue
        asked += 1

        @settings(
            max_examples=3,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def ask(case: schemathesis.Case) -> None:
            case.call_and_validate(checks=CHECKS)

        ask()
    assert asked >= 14
