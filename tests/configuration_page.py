"""docs/configuration.md from the models that read the files: python -m tests.configuration_page

Keys, types, defaults and limits are those of the pydantic models; the words are the comment behind
a field, or its description. tests/test_configuration_page.py fails where page and models differ.
"""

import inspect
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

Row = tuple[str, str, str, str, str]

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "configuration.md"
# Environment variable -> what it is; secrets are marked.
ENVIRONMENT: Final = {
    "LANTIAN_HOME": "folder of observations, forecasts, runs and the store; default `var`",
    "LANTIAN_DATABASE_URL": (
        "store: `sqlite:///FILE` or `postgresql://USER@HOST/NAME`; default `lantian.db` of the "
        "home. **Secret** where it holds a password"
    ),
    "LANTIAN_METRICS_TOKEN": "what `/metrics` asks for as a bearer token; default open. **Secret**",
    "LANTIAN_OIDC_ISSUER": "OpenID Connect provider of the house; none: passwords only",
    "LANTIAN_OIDC_CLIENT_ID": "this server's name there",
    "LANTIAN_OIDC_CLIENT_SECRET": "and its **secret**",
    "LANTIAN_OIDC_REDIRECT": "`https://HOST/login/oidc/callback`, as the provider knows it",
    "LANTIAN_OIDC_ROLES": "`group=role,...`: the first that fits",
    "LANTIAN_OIDC_CLAIM": "the claim with the groups; default `groups`",
    "LANTIAN_REVISION": "the code's revision where there is no checkout, for provenance",
    "MLFLOW_TRACKING_URI": "where training is recorded; default `mlflow/` of the home",
}
# Set by the program itself or by a library's own rule; nobody configures them.
INTERNAL: Final = {
    "LANTIAN_SERVE", "PROMETHEUS_MULTIPROC_DIR", "MLFLOW_DISABLE_TELEMETRY", "OMP_NUM_THREADS",
}  # fmt: skip


def roots() -> list[tuple[str, str, type[BaseModel]]]:
    """File, what it is, model."""
    from forecast.calibration_config import CalibrationConfig
    from forecast.config import CityConfig
    from forecast.quality_limits import Limits
    from forecast.verify.settings import VerifySettings
    from forecast.weather import Sources
    from forecast.weather_grid import Names as WeatherNames
    from forecast.weather_perturb import Magnitudes
    from response.budget_config import Composite, Resampling, Targets
    from response.controls_config import ControlsConfig
    from response.measures_config import Edition
    from response.plume_settings import Settings as Plume
    from response.ratios import _File as Ratios
    from response.resumption_settings import BottomLine, Settings
    from response.rules import Rules
    from serving.publish.config import House, Profile
    from serving.signatures import Signatures
    from training.settings import TrainConfig
    from twin.config import TwinConfig

    return [
        ("configs/<city>.yaml", "a city", CityConfig),
        ("configs/publish/<house>.yaml", "who publishes, channels, clock of the house", House),
        ("configs/publish/cap-*.yaml", "how a warning becomes a CAP message", Profile),
        ("configs/signatures.yaml", "how many sign which level", Signatures),
        ("configs/quality/*.yaml", "limits of quality tests", Limits),
        ("configs/calibration/*.yaml", "micro-stations", CalibrationConfig),
        ("configs/weather/sources.yaml", "weather sources", Sources),
        ("configs/weather/perturbation*.yaml", "errors of perturbed weather", Magnitudes),
        ("configs/weather/names.yaml", "names of foreign weather variables", WeatherNames),
        ("configs/rules/*.yaml", "an edition of the warning rules", Rules),
        ("configs/measures/mee-*.yaml", "an edition of the measures", Edition),
        ("configs/measures/ratios.yaml", "legal ratios of reduction", Ratios),
        ("configs/controls/*.yaml", "the control plan", ControlsConfig),
        ("configs/dispersion/*.yaml", "dispersion", Plume),
        ("configs/resumption/*.yaml", "resumption", Settings),
        ("configs/resumption/bottom-line.yaml", "the bottom line", BottomLine),
        ("configs/budget/<city>.yaml", "targets of a year", Targets),
        ("configs/budget/composite/*.yaml", "composite index", Composite),
        ("configs/budget/resampling.yaml", "days drawn for the rest of the year", Resampling),
        ("configs/verify/*.yaml", "verification", VerifySettings),
        ("configs/train/*.yaml", "training", TrainConfig),
        ("configs/twin/*.yaml", "a simulated city", TwinConfig),
    ]


def page() -> str:
    """The whole page."""
    out = [
        "# Configuration",
        "",
        "Made from the code by `python -m tests.configuration_page`; not edited by hand. Every",
        "file is checked when it is read: unknown keys are refused, all errors are told at once",
        "with file, key, what was found and what was expected. No default: the key is required.",
        "Relative paths are looked up beside the file.",
        "",
        "## Environment",
        "Secrets are given here only. A house's file names further variables by `token_env`,",
        "`user_env`, `password_env`, `url_env`.",
        "",
        "| variable | what |",
        "|---|---|",
        *(f"| `{name}` | {words} |" for name, words in sorted(ENVIRONMENT.items())),
        "",
    ]
    for file, words, model in roots():
        out += [f"## `{file}`", f"{words[0].upper()}{words[1:]} (`{where(model)}`).", ""]
        out += ["| key | type | default | limits | what |", "|---|---|---|---|---|"]
        out += [f"| {' | '.join(cell(c) for c in row)} |" for row in rows(model)]
        out.append("")
    return "\n".join(out)


def where(model: type[BaseModel]) -> str:
    """Module and class."""
    return f"{model.__module__}.{model.__name__}"


def cell(text: str) -> str:
    """Text of a table's cell."""
    return text.replace("|", "\\|").replace("\n", " ")


def rows(model: type[BaseModel], before: str = "", seen: tuple[Any, ...] = ()) -> Iterator[Row]:
    """Key, type, default, limits and words of each field, nested ones with their path."""
    comments = comments_of(model)
    for name, field in model.model_fields.items():
        key = f"{before}{field.alias or name}"
        limits = ", ".join(limit(m) for m in field.metadata if limit(m))
        said = field.description or comments.get(name, "")
        yield (f"`{key}`", words_of(field.annotation), default(field), limits, said)
        for inner, mark in models_in(field.annotation):
            if inner not in seen:
                yield from rows(inner, f"{key}{mark}.", (*seen, model, inner))


def models_in(kind: Any, mark: str = "") -> Iterator[tuple[type[BaseModel], str]]:
    """Models inside an annotation, and how their keys are reached."""
    origin, inside = get_origin(kind), get_args(kind)
    if inspect.isclass(kind) and issubclass(kind, BaseModel):
        yield kind, mark
    elif origin is Annotated:
        yield from models_in(inside[0], mark)
    elif origin in (Union, types.UnionType):
        choices = [a for a in inside if a is not type(None)]
        for one in choices:
            tag = discriminator(one) if len(choices) > 1 else ""
            yield from models_in(one, mark.replace("[]", f"[{tag}]") if tag else mark)
    elif origin in (tuple, list, frozenset, set) and inside:
        yield from models_in(inside[0], f"{mark}[]")
    elif origin is dict or (origin is not None and "Mapping" in str(origin)):
        yield from models_in(inside[1], f"{mark}.<key>")


def discriminator(model: Any) -> str:
    """`kind` of a model that is one of several."""
    field = getattr(model, "model_fields", {}).get("kind")
    return str(get_args(field.annotation)[0]) if field and get_args(field.annotation) else ""


def words_of(kind: Any) -> str:
    """An annotation in words."""
    origin, inside = get_origin(kind), get_args(kind)
    if kind is type(None):
        return "null"
    if inspect.isclass(kind) and issubclass(kind, BaseModel):
        return "section"
    if origin is Annotated:
        return words_of(inside[0])
    if origin is Literal:
        return ", ".join(f"`{v}`" for v in inside)
    if origin in (Union, types.UnionType):
        return " or ".join(words_of(a) for a in inside)
    if origin in (tuple, list, frozenset, set):
        return f"list of {words_of(inside[0])}" if inside else "list"
    if origin is dict or (origin is not None and "Mapping" in str(origin)):
        return f"{words_of(inside[0])} to {words_of(inside[1])}"
    return {"str": "text", "int": "whole number", "float": "number", "bool": "yes or no"}.get(
        getattr(kind, "__name__", ""), getattr(kind, "__name__", str(kind)).lower()
    )


def default(field: FieldInfo) -> str:
    """The default; empty where the key is required."""
    if field.is_required():
        return ""
    if field.default_factory is not None:
        return "made"
    value = field.default
    if value is PydanticUndefined or isinstance(value, BaseModel):
        return "its defaults"
    if value is None:
        return "null"
    if isinstance(value, Path):
        return f"`{value.name}`"
    if isinstance(value, tuple | list | dict | frozenset) and any(
        isinstance(v, BaseModel) for v in (value.values() if isinstance(value, dict) else value)
    ):
        return "as shipped"
    if isinstance(value, frozenset | set):
        value = sorted(value)
    return f"`{value}`" if str(value) else "empty"


def limit(metadata: Any) -> str:
    """One constraint in words."""
    for name, words in (
        ("ge", "≥ {}"), ("gt", "> {}"), ("le", "≤ {}"), ("lt", "< {}"),
        ("min_length", "at least {} items"), ("max_length", "at most {} items"),
        ("pattern", "`{}`"), ("multiple_of", "a multiple of {}"),
    ):  # fmt: skip
        value = getattr(metadata, name, None)
        if value is not None:
            return words.format(value)
    return ""


def comments_of(model: type[BaseModel]) -> dict[str, str]:
    """The comment behind each field of a model and of those it inherits from."""
    found: dict[str, str] = {}
    for one in reversed(model.__mro__):
        if one is BaseModel or not issubclass(one, BaseModel):
            continue
        try:
            source = inspect.getsource(one)
        except (OSError, TypeError):
            continue
        for line in source.splitlines():
            if match := re.match(r"    (\w+): .*?  # (.+)$", line):
                words = match[2].strip()
                if not words.startswith(("noqa", "type:", "fmt:")):
                    found[match[1]] = re.sub(r"\s*# (noqa|type:).*$", "", words)
    return found


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")


if __name__ == "__main__":
    main()
