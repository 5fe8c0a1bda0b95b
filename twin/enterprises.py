"""Enterprises of the simulated city: who they are, what they run, what each unit emits.

Takes the configuration and the geography, gives three tables (enterprises, production units,
stacks) and the units' hourly emissions. The counts of grades, VOC emitters and the positive list
hold exactly, and each industry's units sum to its annual total. Everything is simulated; names
say so. Knows nothing of plans: how far an enterprise complies is a number somebody else uses.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from forecast.problems import ConfigError, Problem
from twin import activity, enterprise_sites, enterprise_units
from twin.config import TwinConfig, industry_counts
from twin.config_emissions import (
    EMITTED,
    GRADED,
    REGISTERED,
    EnterprisesConfig,
    Heating,
    Industry,
    Times,
    get_grades,
)
from twin.geography import Geography
from twin.seeds import rng

KINDS: Final = ("ordinary", "guarantee", "minor", "key_project")


@dataclass(frozen=True)
class Enterprises:
    """The register's truth.

    Attributes:
        simulated: twin:<digest>:<seed>.
        enterprises: Index `enterprise`; name, credit_code, permit, area, longitude, latitude, x,
            y [m], industry, industry_zh, code, key, grade, kind, positive_list, voc, size,
            value_yuan_d, trucks_d, compliance (share of what is ordered that is done), evades
            (no, day or night), contact.
        units: Index `unit`; enterprise, name, unit_kind, line, profile, daily means so2 nox pm voc
            co [kg/d], pm25_share, nh3 [kg/d], value_yuan_d, trucks_d, min_load (0..1),
            hours_to_stop, hours_to_restart, capacity, capacity_unit, fuel, proof, and of its
            enterprise area, x, y, longitude, latitude, industry, grade, kind.
        stacks: Index `stack`; unit, enterprise, share (of the unit), height_m, diameter_m,
            temperature_k, speed_m_s, x, y, longitude, latitude.
        profiles: Hourly profile by name.
        heating: Demand for heat.
    """

    simulated: str
    enterprises: pd.DataFrame
    units: pd.DataFrame
    stacks: pd.DataFrame
    profiles: Mapping[str, Times]
    heating: Heating


def create(config: TwinConfig, geography: Geography) -> Enterprises:
    """Make the city's enterprises; the seed is the geography's.

    Raises:
        ConfigError: Tables that do not fit together, all problems at once.
    """
    seed = geography.seed
    kinds, want = config.industries.industries, config.enterprises
    rows = [
        {"industry": name, "size": size}
        for name, count in industry_counts(config).items()
        for size in _sizes(kinds[name], count, rng(seed, "enterprises", "size", name))
    ]
    table = pd.DataFrame(rows)
    table["rank"] = table.groupby("industry")["size"].rank(pct=True)
    table["grade"] = _grades(table, kinds, want, rng(seed, "enterprises", "grades"))
    table["kind"] = _kinds(table, kinds, want, rng(seed, "enterprises", "kinds"))
    table["voc"] = _voc(table, kinds, want, rng(seed, "enterprises", "voc"))
    table["positive_list"] = _positive(table, want, rng(seed, "enterprises", "positive"))
    table.index = pd.Index([f"E{i + 1:04d}" for i in range(len(table))], name="enterprise")
    table = _described(table, kinds, config, seed)
    table = table.join(enterprise_sites.sites(table, kinds, want, geography, seed=seed))
    units = enterprise_units.units(table, config, seed=seed)
    stacks = enterprise_units.stacks(units, kinds, seed=seed)
    made = Enterprises(
        geography.simulated,
        table.drop(columns="rank"),
        units,
        stacks,
        {str(name): times for name, times in config.industries.profiles.items()},
        config.emissions.heating,
    )
    if problems := check(made, where=config.city.id):
        raise ConfigError(problems)
    return made


def check(made: Enterprises, *, where: str) -> list[Problem]:
    """What does not fit together: a unit without stack, a grade unknown, a stranger."""
    problems: list[Problem] = []

    def expect(items: Sequence[object], found: str, expected: str) -> None:
        problems.extend(Problem(f"{where}: {item}", found, expected) for item in items)

    people, units, stacks = made.enterprises, made.units, made.stacks
    expect(units.index[~units.index.isin(stacks["unit"])].tolist(), "no stack", "one at least")
    expect(people.index[~people.index.isin(units["enterprise"])].tolist(), "no unit", "one or more")
    lost = ~units["enterprise"].isin(people.index)
    expect(units.index[lost].tolist(), "unknown enterprise", "one of the register")
    lost = ~stacks["unit"].isin(units.index)
    expect(stacks.index[lost].tolist(), "unknown unit", "one of the register")
    wrong = people[~people["grade"].isin(get_grades())]
    for item, grade in wrong["grade"].items():
        expect([item], f"grade {grade!r}", f"one of {get_grades()}")
    wrong = people[~people["kind"].isin(KINDS)]
    for item, kind in wrong["kind"].items():
        expect([item], f"kind {kind!r}", f"one of {KINDS}")
    sums = stacks.groupby("unit")["share"].sum()
    expect(sums.index[(sums - 1).abs() > 1e-6].tolist(), "shares of stacks not one", "one")
    expect(units.index[(units[list(REGISTERED)] < 0).any(axis=1)].tolist(), "below zero", "kg/d")
    return problems


def mean_rates(units: pd.DataFrame) -> np.ndarray:
    """Yearly mean emission of each unit (unit, species), kg/h, in the order of EMITTED."""
    pm, fine = units["pm"].to_numpy(), units["pm25_share"].to_numpy()
    by_name = {
        "so2": units["so2"].to_numpy(), "nox": units["nox"].to_numpy(), "pm25": pm * fine,
        "pm_coarse": pm * (1 - fine), "voc": units["voc"].to_numpy(),
        "co": units["co"].to_numpy(), "nh3": units["nh3"].to_numpy(),
    }  # fmt: skip
    return np.column_stack([by_name[s] for s in EMITTED]) / 24


def unit_factors(
    made: Enterprises,
    times_utc: pd.DatetimeIndex,
    *,
    offset: pd.Timedelta,
    temperature_k: np.ndarray | None = None,
) -> np.ndarray:
    """Activity of each unit by hour (unit, hour), relative to its yearly mean, float32.

    Args:
        made: The enterprises.
        times_utc: UTC ends of hours, naive.
        offset: Local time minus UTC.
        temperature_k: 24-h mean air temperature (hour,), K, for heat; None: mean climate.
    """
    names = list(made.profiles)
    series = [
        activity.factors(
            made.profiles[n], made.heating, times_utc, offset=offset, temperature_k=temperature_k
        )
        for n in names
    ]
    position = made.units["profile"].map({n: i for i, n in enumerate(names)}).to_numpy(dtype=int)
    return np.stack(series).astype(np.float32)[position]


def unit_rates(
    made: Enterprises,
    times_utc: pd.DatetimeIndex,
    *,
    offset: pd.Timedelta,
    temperature_k: np.ndarray | None = None,
) -> np.ndarray:
    """Emission of each unit without any order (unit, hour, species), kg/h, float32."""
    factors = unit_factors(made, times_utc, offset=offset, temperature_k=temperature_k)
    return factors[:, :, None] * mean_rates(made.units).astype(np.float32)[:, None, :]


def _sizes(industry: Industry, count: int, random: np.random.Generator) -> np.ndarray:
    return np.clip(random.lognormal(0, industry.spread, count), 0.15, 8)


def _grades(
    table: pd.DataFrame, kinds: Mapping[str, Industry], want: EnterprisesConfig,
    random: np.random.Generator,
) -> np.ndarray:  # fmt: skip
    """Larger works tend to be graded better; counts are exact within each scheme."""
    graded = table["industry"].map(lambda i: kinds[i].scheme == "graded").to_numpy()
    score = table["rank"].to_numpy() + random.normal(0, 0.3, len(table))
    result = np.empty(len(table), dtype=object)
    for mask, order in ((graded, GRADED), (~graded, ("leading", "non_leading"))):
        best_first = np.flatnonzero(mask)[np.argsort(-score[mask], kind="stable")]
        names = [g for g in order for _ in range(want.grades.get(g, 0))]  # type: ignore[call-overload]
        result[best_first] = names
    return result


def _kinds(
    table: pd.DataFrame, kinds: Mapping[str, Industry], want: EnterprisesConfig,
    random: np.random.Generator,
) -> np.ndarray:  # fmt: skip
    """Livelihood guarantee by weight, key projects, and the smallest as minor."""
    result = np.full(len(table), "ordinary", dtype=object)
    luck = random.gumbel(size=len(table))
    for kind, count in (("guarantee", want.guarantee), ("key_project", want.key_project)):
        weight = table["industry"].map(lambda i, k=kind: float(getattr(kinds[i], k))).to_numpy()
        able = (weight > 0) & (result == "ordinary")
        score = np.where(able, np.log(weight + 1e-9) + luck, -np.inf)
        result[np.argsort(-score, kind="stable")[:count]] = kind
    good = table["grade"].isin(["A", "B", "leading"]).to_numpy()
    able = table["industry"].map(lambda i: kinds[i].minor).to_numpy() & (result == "ordinary")
    able &= table["rank"].to_numpy() <= 0.7  # the larger ones carry the industry's emissions
    score = np.where(able, -table["rank"].to_numpy() - 0.5 * good, -np.inf)
    chosen = np.argsort(-score, kind="stable")[: want.minor]
    result[chosen[np.isfinite(score[chosen])]] = "minor"
    return result


def _voc(
    table: pd.DataFrame, kinds: Mapping[str, Industry], want: EnterprisesConfig,
    random: np.random.Generator,
) -> np.ndarray:  # fmt: skip
    """Who emits VOC: all of some industries, and so many of others that the count is exact."""
    rule = table["industry"].map(lambda i: kinds[i].voc).to_numpy()
    ordinary = table["kind"].to_numpy() != "minor"
    score = np.where(rule == "some", random.random(len(table)), -1.0)
    largest = table[ordinary & (rule == "some")].groupby("industry")["size"].idxmax()
    score[table.index.get_indexer(largest)] = 2  # someone must emit the industry's amount
    chosen = np.argsort(-score, kind="stable")[: want.voc - int((rule == "all").sum())]
    result = rule == "all"
    result[chosen] = True
    return np.asarray(result)


def _positive(
    table: pd.DataFrame, want: EnterprisesConfig, random: np.random.Generator
) -> np.ndarray:
    """The positive list: well graded and guaranteed first, then by luck."""
    standing = {"A": 3.0, "leading": 3.0, "B": 2.5, "C": 1.0, "non_leading": 0.7, "D": 0.0}
    score = table["grade"].map(standing).to_numpy() + random.uniform(0, 1, len(table))
    score += 2.0 * (table["kind"] == "guarantee").to_numpy()
    result = np.zeros(len(table), bool)
    result[np.argsort(-score, kind="stable")[: want.positive_list]] = True
    return result


def _described(
    table: pd.DataFrame, kinds: Mapping[str, Industry], config: TwinConfig, seed: int
) -> pd.DataFrame:
    """Add names, codes, output, trucks and how far each complies."""
    industry = table["industry"].map(kinds)
    trucks = industry.map(lambda i: i.trucks_d) * table["size"]
    random = rng(seed, "enterprises", "compliance")
    shares = config.enterprises.compliance
    # Who has more to lose obeys better: graded firms are drawn from the upper part of the scale.
    luck = random.random(len(table)) * np.where(table["grade"].isin(["A", "leading"]), 0.8, 1.0)
    partly, hardly = luck >= shares.full, luck >= shares.full + shares.partly
    done = np.where(partly, random.uniform(0.4, 0.9, len(table)), 1.0)
    done = np.where(hardly, random.uniform(0.0, 0.3, len(table)), done)
    number = table.groupby("industry").cumcount() + 1
    serial = [f"{i + 1:06d}" for i in range(len(table))]
    code = [f"9141{config.city.geocode[2:]}SIM{s}X" for s in serial]
    zh = industry.map(lambda i: i.zh)
    return table.assign(
        name=[f"模拟{z}企业{n:02d}" for z, n in zip(zh, number, strict=True)],
        credit_code=code,
        permit=[f"{c}001P" for c in code],
        industry_zh=zh,
        code=industry.map(lambda i: i.code),
        key=industry.map(lambda i: i.key or ""),
        value_yuan_d=(industry.map(lambda i: i.value_yuan_d) * table["size"]).round(-2),
        trucks_d=np.maximum(trucks.round(), 1).astype(int),
        compliance=done.round(3),
        evades=np.select([hardly, partly], ["night", "day"], default="no").astype(object),
        contact=[f"模拟联系人{s[-4:]}" for s in serial],
    )
