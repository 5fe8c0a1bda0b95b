"""The mixed-integer program of a control plan, built with linopy.

One 0/1 choice per unit and schedule (controls_options). Rows are in readable sizes: reductions
in percent of the whole-society base, effects in ug m-3, money in units of `scale` yuan. Every
target can be missed by a slack variable that is fixed to zero until the program is found
infeasible, so one program answers "the best plan" and "the plan that comes nearest".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import linopy
import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from response.controls_chance import Chance
from response.controls_config import AIR, SPECIES, ControlsConfig
from response.controls_options import Floats, Options

TARGETS: Final = ("ratio", "trade", "bottom_line", "budget", "fairness")  # slack by target
_TRADED: Final = ("so2", "nox")
_DIMS: Final = ("unit", "schedule")


@dataclass(frozen=True)
class Targets:
    """City-wide reductions in percent of the whole-society base.

    Attributes:
        base: kg/d by species.
        ratio: What the level asks for, % by species.
        other: What dust and mobile measures save, % by species.
        periods: (period, day) weights that turn days into the periods the ratios hold on.
        floor: Share of its own ratio that each traded species keeps; 1 = no trading.
    """

    base: Mapping[str, float]
    ratio: Mapping[str, float]
    other: Mapping[str, float]
    periods: Floats
    floor: float


@dataclass(frozen=True)
class Program:
    """Everything the program is built from; arrays are in the order of the options' units.

    Attributes:
        effect: (unit, day, AIR) ug m-3 at the city's receptors at full load; None = not known.
        prior_days: Burden so far by enterprise, in days of normal output.
        changed: (unit, schedule) yuan that an order other than the former one costs; or None.
        upper: (unit, schedule) 0/1, what may be chosen in this solve.
    """

    options: Options
    targets: Targets
    config: ControlsConfig
    effect: Floats | None
    prior_days: pd.Series
    budget_yuan: float | None
    chance: Chance | None
    changed: Floats | None
    upper: NDArray[np.bool_]
    day_weights: Floats | None = None  # (day,), what a microgram is worth; None: the same

    @property
    def scale(self) -> float:
        """Yuan per unit of money in the program."""
        positive = self.options.loss[self.options.loss > 0]
        return float(positive.mean()) if positive.size else 1.0

    @property
    def saved(self) -> Floats:
        """(unit, schedule, day, AIR) ug m-3 that a schedule saves; zeros where not known."""
        shape = (*self.options.mean_load.shape, len(AIR))
        if self.effect is None:
            return np.zeros(shape)
        return (1 - self.options.mean_load)[..., None] * self.effect[:, None]

    @property
    def reduced(self) -> Floats:
        """(unit, schedule, period, SPECIES) % of the base."""
        base = np.array([self.targets.base[s] for s in SPECIES])
        daily = self.options.cut / base * 100
        return np.asarray(np.einsum("usdp,gd->usgp", daily, self.targets.periods))


def build(program: Program, *, relaxed: bool = False, elastic: bool = False) -> linopy.Model:
    """The model without objective.

    Variables: x (unit, schedule); reduced (period, species) %, effect (day, pollutant) ug m-3,
    money, change; slack_<target>, zero unless elastic. relaxed: choices need not be whole.
    """
    model = linopy.Model()
    x = model.add_variables(
        lower=0, upper=_grid(program.upper.astype(float)), integer=not relaxed, name="x"
    )
    model.add_constraints(x.sum("schedule") == 1, name="one")
    _totals(model, x, program)
    _ratios(model, program)
    if program.budget_yuan is not None:
        slack = _slack(model, "budget", {})
        limit = program.budget_yuan / program.scale
        model.add_constraints(model.variables["money"] - slack <= limit, name="budget")
    if program.chance is not None:
        _bottom_line(model, program.chance, relaxed=relaxed, elastic=elastic)
    _fairness(model, x, program)
    for name in TARGETS if elastic else ():
        if f"slack_{name}" in model.variables:
            model.variables[f"slack_{name}"].update(upper=np.inf)
    return model


def objective(program: Program, model: linopy.Model, goal: str) -> linopy.LinearExpression:
    """To be minimised: money (and changed orders), or effect with the sign turned."""
    v = model.variables
    cost = 1 * v["money"] + 1 * v["change"]
    if goal != "most_effect":
        return cost
    each = np.array([program.config.effect.weights.get(p, 0.0) for p in AIR])
    days = program.saved.shape[2]
    by_day = np.ones(days) if program.day_weights is None else program.day_weights
    weights = by_day[:, None] * each
    coords = {"day": range(days), "pollutant": list(AIR)}
    weighted = (xr.DataArray(weights, dims=("day", "pollutant"), coords=coords)
                * v["effect"]).sum()  # fmt: skip
    # Money breaks ties only: a thousandth of the dearest effect there is.
    worth = 1e-6 * max(float((program.saved * weights).sum(axis=(2, 3)).max()), 1e-9)
    return -1 * weighted + worth * cost


def _totals(model: linopy.Model, x: linopy.Variable, program: Program) -> None:
    options, scale = program.options, program.scale
    reduced = _define(model, "reduced", program.reduced, ("period", "species"), SPECIES)
    _equal(model, x, reduced, program.reduced, ("period", "species"), SPECIES)
    if program.effect is not None:
        saved = program.saved
        effect = _define(model, "effect", saved, ("day", "pollutant"), AIR)
        _equal(model, x, effect, saved, ("day", "pollutant"), AIR)
    for name, amount in (("money", options.loss.sum(axis=2)), ("change", program.changed)):
        total = model.add_variables(lower=-np.inf, name=name)
        share = np.zeros(program.upper.shape) if amount is None else amount / scale
        model.add_constraints((_grid(share) * x).sum(list(_DIMS)) - total == 0, name=name)


def _define(
    model: linopy.Model, name: str, values: Floats, dims: tuple[str, str], last: tuple[str, ...]
) -> linopy.Variable:
    coords: Any = [pd.RangeIndex(values.shape[2], name=dims[0]), pd.Index(last, name=dims[1])]
    return model.add_variables(lower=-np.inf, coords=coords, name=name)


def _equal(
    model: linopy.Model, x: linopy.Variable, total: linopy.Variable, values: Floats,
    dims: tuple[str, str], last: tuple[str, ...],
) -> None:  # fmt: skip
    """Total == sum of values over the choices; far too small coefficients are dropped."""
    top = np.abs(values).max(axis=(0, 1), keepdims=True)
    kept = np.where(np.abs(values) < 1e-7 * top, 0.0, values)
    coords = {
        "unit": range(values.shape[0]), "schedule": range(values.shape[1]),
        dims[0]: range(values.shape[2]), dims[1]: list(last),
    }  # fmt: skip
    grid = xr.DataArray(kept, dims=(*_DIMS, *dims), coords=coords)
    model.add_constraints((grid * x).sum(list(_DIMS)) - total == 0, name=f"sum_{total.name}")


def _ratios(model: linopy.Model, program: Program) -> None:
    targets, reduced = program.targets, model.variables["reduced"]
    slack = _slack(model, "ratio", {k: reduced.coords[k] for k in ("period", "species")})
    need = {s: targets.ratio[s] - targets.other[s] for s in SPECIES}
    own = dict(need)
    if targets.floor < 1:
        for s in _TRADED:
            own[s] = targets.floor * targets.ratio[s] - targets.other[s]
        both = reduced.sel(species=list(_TRADED)).sum("species")
        spare = _slack(model, "trade", {"period": reduced.coords["period"]})
        model.add_constraints(both + spare >= need["so2"] + need["nox"], name="trade")
    row = xr.DataArray([own[s] for s in SPECIES], dims="species", coords={"species": list(SPECIES)})
    model.add_constraints(reduced + slack >= row, name="ratio")


def _bottom_line(model: linopy.Model, chance: Chance, *, relaxed: bool, elastic: bool) -> None:
    """At most `allowed` members a day above the line; over = 1 gives a member up.

    Where the target must hold, at least the (allowed + 1)-th largest need of each pollutant has
    to be saved, so only members that need more keep a row of their own.
    """
    members, days, _ = chance.need.shape
    index = [pd.RangeIndex(members, name="member"), pd.RangeIndex(days, name="day")]
    lost = xr.DataArray(chance.hopeless.astype(float), coords=index)
    over = model.add_variables(lower=lost, upper=1, integer=not relaxed, name="over")
    slack = _slack(model, "bottom_line", {"day": index[1]}, whole=not relaxed)
    model.add_constraints(over.sum("member") - slack <= chance.allowed, name="bottom_line")
    effect = model.variables["effect"]
    # Members that are lost anyway use up the allowance.
    spare = np.clip(chance.allowed - chance.hopeless.sum(axis=0), 0, members - 1)
    for number, name in enumerate(AIR):
        need = np.where(chance.hopeless, 0.0, chance.need[..., number])
        least = -np.sort(-need, axis=0)[spare, np.arange(days)] * (not elastic)
        saved = effect.isel(pollutant=number, drop=True)
        if least.max() > 0:
            model.add_constraints(
                saved >= xr.DataArray(least, coords=index[1:]), name=f"day_{name}"
            )
        wanted = xr.DataArray(need, coords=index)
        rows = wanted > xr.DataArray(least, coords=index[1:])
        if bool(rows.any()):
            model.add_constraints(saved + wanted * over >= wanted, name=f"member_{name}", mask=rows)


def _fairness(model: linopy.Model, x: linopy.Variable, program: Program) -> None:
    """Burden of equals (grade, industry) within a bound, or no further apart than before."""
    slack = _slack(model, "fairness", {})
    table = fair_enterprises(program)
    if table.empty:
        return
    options = program.options
    of = options.units["enterprise"].to_numpy()
    position = np.flatnonzero(np.isin(of, table.index))
    share = burden_days(options)[position]
    coords = {"unit": position, "schedule": range(share.shape[1])}
    each = (xr.DataArray(share, dims=_DIMS, coords=coords) * x.isel(unit=position)).sum("schedule")
    names = xr.DataArray(of[position], dims="unit", coords={"unit": position}, name="enterprise")
    burden = each.groupby(names).sum()
    firms = table.loc[burden.indexes["enterprise"]]
    bounds = firms.groupby("group")["bound"].first()
    index = pd.Index(bounds.index, name="group")
    low = model.add_variables(lower=-np.inf, coords=[index], name="low")
    high = model.add_variables(lower=-np.inf, coords=[index], name="high")
    width = xr.DataArray(bounds.to_numpy(), coords=[index])
    model.add_constraints(high - low - slack <= width, name="fairness")
    at = {"enterprise": firms.index.to_numpy()}
    group = xr.DataArray(firms["group"].to_numpy(), dims="enterprise", coords=at)
    prior = xr.DataArray(-firms["prior"].to_numpy(), dims="enterprise", coords=at)
    for name, edge, sign in (("high", high, "<="), ("low", low, ">=")):
        mine = (1 * edge).sel(group=group).drop_vars("group")
        model.add_constraints(burden - mine, sign, prior, name=f"fair_{name}")


def burden_days(options: Options) -> Floats:
    """(unit, schedule), loss in days of the enterprise's normal output; 0 where it has none."""
    value = options.units.groupby("enterprise")["value_yuan_d"].transform("sum").to_numpy()
    worth = np.where(value > 0, value, np.inf).astype(float)
    return np.asarray(options.loss.sum(axis=2) / worth[:, None])


def fair_enterprises(program: Program) -> pd.DataFrame:
    """Enterprises of groups whose bound can bind: group (number), prior [days], bound [days]."""
    units = program.options.units
    most = np.where(program.upper, burden_days(program.options), 0.0).max(axis=1)
    steered = units["rule"].isin(["ordinary", "minor"]) & (units["value_yuan_d"] > 0)
    firms = (
        units.assign(most=most)[steered]
        .groupby("enterprise")
        .agg(grade=("grade", "first"), industry=("industry", "first"), most=("most", "sum"))
    )
    firms["prior"] = program.prior_days.reindex(firms.index).fillna(0.0)
    firms["top"] = firms["prior"] + firms["most"]
    groups = firms.groupby(["grade", "industry"])
    firms["group"] = groups.ngroup()
    lowest = groups["prior"].transform("min")
    spread = groups["prior"].transform("max") - lowest
    firms["bound"] = np.maximum(spread, program.config.fairness.bound_days)
    binds = groups["top"].transform("max") - lowest > firms["bound"]
    several = groups["top"].transform("size") > 1
    return firms.loc[binds & several, ["group", "prior", "bound"]]


def _slack(
    model: linopy.Model, target: str, coords: Mapping[str, Any], *, whole: bool = False
) -> linopy.Variable:
    index = [pd.Index(np.asarray(v), name=k) for k, v in coords.items()]
    zero: Any = 0.0
    if index:
        zero = xr.DataArray(np.zeros([len(i) for i in index]), coords=index)
    return model.add_variables(lower=zero, upper=zero, integer=whole, name=f"slack_{target}")


def _grid(values: Floats) -> xr.DataArray:
    coords = {"unit": range(values.shape[0]), "schedule": range(values.shape[1])}
    return xr.DataArray(values, dims=_DIMS, coords=coords)
