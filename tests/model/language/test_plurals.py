import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.language.plurals import is_plural, singular

PAIRS = """
dog:dogs cat:cats person:people man:men woman:women child:children mouse:mice goose:geese
knife:knives leaf:leaves bus:buses grass:grasses dress:dresses lens:lenses box:boxes
church:churches horse:horses rose:roses house:houses nose:noses shoe:shoes potato:potatoes
lady:ladies cookie:cookies movie:movies berry:berries puppy:puppies glove:gloves sleeve:sleeves
wave:waves olive:olives cave:caves wolf:wolves calf:calves shelf:shelves ski:skis taxi:taxis
gas:gases canvas:canvases octopus:octopuses cactus:cacti compass:compasses watch:watches axe:axes
foot:feet tooth:teeth ox:oxen butterfly:butterflies tie:ties zebra:zebras buffalo:buffaloes
monkey:monkeys waitress:waitresses emoji:emojis café:cafés t-shirt:t-shirts sandwich:sandwiches
axolotl:axolotls chef:chefs roof:roofs giraffe:giraffes scarf:scarves tv:tvs
"""
ALIKE = [pair.split(":") for pair in PAIRS.split()]


@pytest.mark.parametrize(("one", "several"), ALIKE)
def test_a_plural_has_the_singular_of_its_thing(one: str, several: str) -> None:
    assert (singular(several), singular(one)) == (one, one)
    assert is_plural(several)
    assert not is_plural(one)


@pytest.mark.parametrize(
    "word",
    "glass bus grass dress lens gas canvas iris tennis chess moss cross atlas walrus cactus"
    " compass mattress princess glasses scissors jeans woods sheep fish kansas this red",
)
def test_what_only_looks_like_a_plural_stays(word: str) -> None:
    for each in word.split():
        assert singular(each) == each


@given(st.text(max_size=12))
def test_any_text_is_taken(text: str) -> None:
    assert singular(singular(text)) == singular(text)
