from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from forecast.config import configs_dir
from serving import signatures
from serving.signatures import Signatures


def changed(**counts: int) -> dict[str, Any]:
    found = yaml.safe_load((configs_dir() / "signatures.yaml").read_text(encoding="utf-8"))
    return {**found, "signatures": {**found["signatures"], **counts}}


def test_orange_and_red_take_two_people_and_it_is_said_to_be_an_assumption() -> None:
    found = signatures.load()
    assert found.signatures == {"blue": 1, "yellow": 1, "orange": 2, "red": 2}
    assert found.basis.assumption
    assert found.basis.note
    assert signatures.needed("red") == 2


@pytest.mark.parametrize("counts", [{"orange": 1}, {"yellow": 3}, {"blue": 0}, {"purple": 2}])
def test_a_file_cannot_make_it_less(counts: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        Signatures.model_validate(changed(**counts))
