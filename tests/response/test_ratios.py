"""City-wide ratios: each edition's numbers, and what may not be written into the file."""

import pytest
from pydantic import ValidationError

from forecast.problems import ConfigError
from response import ratios, rules


@pytest.mark.parametrize(
    ("edition", "level", "so2", "nox", "pm", "voc"),
    [
        ("2017", "yellow", 0.1, 0.1, 0.1, 0.1),
        ("2017", "orange", 0.2, 0.2, 0.2, 0.15),
        ("2017", "red", 0.3, 0.3, 0.3, 0.2),
        ("2019", "yellow", 0.1, 0.1, 0.1, 0.1),
        ("2019", "orange", 0.2, 0.2, 0.2, 0.2),
        ("2019", "red", 0.3, 0.3, 0.3, 0.3),
        ("2024", "yellow", 0.1, 0.1, 0.1, 0.1),
        ("2024", "orange", 0.2, 0.2, 0.2, 0.2),
        ("2024", "red", 0.3, 0.3, 0.3, 0.3),
    ],
)
def test_each_row_of_the_ratios(
    edition: str, level: str, so2: float, nox: float, pm: float, voc: float
) -> None:
    wanted = {"so2": so2, "nox": nox, "pm": pm, "voc": voc}
    assert ratios.load(edition).of(level) == wanted


def test_every_edition_of_the_rules_has_ratios() -> None:
    for edition in rules.editions():
        assert ratios.for_rules(edition).of("orange")["so2"] == 0.2
    assert ratios.for_rules("national-2024").document == "环大气〔2024〕6号"


def test_what_was_not_read_is_said() -> None:
    assert len(ratios.load("2017").assumptions) == 3
    assert len(ratios.load("2024").assumptions) == 2  # denominator and trading


def test_unknown_names_are_refused_with_what_there_is() -> None:
    with pytest.raises(ConfigError, match="2017, 2019, 2024"):
        ratios.load("2020")
    with pytest.raises(ConfigError, match="yellow, orange, red"):
        ratios.load("2024").of("blue")
    with pytest.raises(ConfigError, match="national-2024"):
        ratios.for_rules("mars")


def test_a_higher_level_may_not_ask_for_less() -> None:
    data = ratios.load("2024").model_dump()
    data["levels"]["red"]["voc"] = 0.15
    with pytest.raises(ValidationError, match="voc: red asks for less than orange"):
        ratios.Ratios.model_validate(data)
    data["levels"]["red"]["ozone"] = 0.3
    with pytest.raises(ValidationError, match="Extra inputs"):
        ratios.Ratios.model_validate(data)
