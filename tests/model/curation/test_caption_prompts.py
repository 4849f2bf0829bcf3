"""Questions to captioning models can be replaced, but never unnoticed."""

import pytest

from model.curation.caption_prompts import CaptionPrompts
from model.errors import RecipeInvalid
from model.toml_tables import from_table


def test_built_in_questions_ask_for_each_granularity() -> None:
    prompts = from_table(CaptionPrompts, {}, "[prompts]")
    assert [granularity for granularity, _ in prompts.asked()] == ["scene", "object", "part"]
    assert len({text for _, text in prompts.asked()}) == 3
    for _, text in prompts.asked():
        assert text == " ".join(text.split())


def test_a_configuration_replaces_what_it_names() -> None:
    table = {"version": "mine", "scene": " What is this? ", "part": ""}
    prompts = from_table(CaptionPrompts, table, "[prompts]")
    assert prompts.version == "mine"
    asked = dict(prompts.asked())
    assert asked == {"scene": "What is this?", "object": CaptionPrompts().object}


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"scene": "What is this?"}, "give the key 'version'"),
        ({"version": "2", "scene": "", "object": " ", "part": ""}, "ask nothing"),
        ({"version": "2", "part": "x" * 4001}, "part has 4001 characters"),
        ({"whole": "What?"}, "unknown key 'whole'"),
        ({"scene": 3}, r"\[prompts\] scene is 3, expected a string"),
    ],
)
def test_questions_that_cannot_be_asked_are_told(table: dict[str, object], told: str) -> None:
    with pytest.raises(RecipeInvalid, match=told):
        from_table(CaptionPrompts, table, "[prompts]")
