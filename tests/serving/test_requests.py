"""A wish becomes what the inference process draws: entries of a condition, and options."""

from atelier.serving.requests import Abilities, Wishes, resolve

PETS = Abilities("pets@1", "class", ("cat", "dog", "cow"), (), ())
FACES = Abilities("faces@1", "attributes", (), ("smiling", "young", "hat"), ("truncation_psi",))


def test_classes_are_asked_for_whole_so_that_none_of_the_data_comes_in_between() -> None:
    assert resolve(Wishes(class_index=1), PETS).chosen == [(0, 0.0), (1, 1.0), (2, 0.0)]
    assert resolve(Wishes(class_weights={"cow": 0.25, "cat": 0.75}), PETS).chosen == [(0, 0.75), (1, 0.0), (2, 0.25)]
    assert resolve(Wishes(class_weights={}), PETS).chosen == [(0, 0.0), (1, 0.0), (2, 0.0)]


def test_what_is_not_asked_for_is_left_to_the_data() -> None:
    assert resolve(Wishes(), PETS).chosen == []
    assert resolve(Wishes(attributes={}), FACES).chosen == []
    assert resolve(Wishes(attributes={"hat": -1, "smiling": 0}), FACES).chosen == [(2, -1.0), (0, 0.0)]


def test_a_row_holds_what_decides_the_image_and_what_its_picture_says() -> None:
    request = resolve(Wishes(attributes={"young": 2}, truncation_psi=0.5), FACES)
    assert request.row(7, model="faces", version=1) == {
        "seed": 7,
        "chosen": [(1, 2.0)],
        "options": {"truncation_psi": 0.5},
        "parameters": {"model": "faces", "version": 1, "seed": 7, "attributes": {"young": 2.0}, "truncation_psi": 0.5},
    }
    assert request.identity(7) == {"seed": 7, "attributes": {"young": 2.0}, "truncation_psi": 0.5}


def test_a_negative_prompt_is_led_away_from() -> None:
    words = Abilities("words@1", "text", (), (), ("truncation_psi",))
    assert resolve(Wishes(prompt=" a cat "), words).chosen == [("a cat", 1.0)]
    assert resolve(Wishes(prompt="a cat", negative_prompt="a dog"), words).chosen == [("a cat", 1.5), ("a dog", -0.5)]
    assert resolve(Wishes(prompt="a cat", negative_prompt="a cat"), words).chosen == [("a cat", 1.0)]
    assert resolve(Wishes(prompt_weights={"a": 0.25, "b": 0.75}), words).chosen == [("a", 0.25), ("b", 0.75)]
    assert resolve(Wishes(), words).chosen == []
