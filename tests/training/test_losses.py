"""What training minimises, against numbers by hand."""

import numpy as np
import pytest
import torch

from forecast.schema import POLLUTANTS, QUANTILES
from training import losses
from training.losses import LossConfig, Scale

N, K = len(POLLUTANTS), len(QUANTILES)
SCALE = Scale(torch.full((N,), 50.0), torch.full((N,), 20.0), torch.full((N,), 30.0))
CITY = torch.ones(2)


def test_quantile_score_by_hand() -> None:
    made = losses.pinball(torch.full((K,), 10.0), torch.tensor(13.0))
    assert made.item() == pytest.approx(3 * np.mean(QUANTILES))  # y above: q x gap
    made = losses.pinball(torch.full((K,), 10.0), torch.tensor(8.0))
    assert made.item() == pytest.approx(2 * np.mean(1 - np.array(QUANTILES)))
    ladder = torch.arange(K, dtype=torch.float32)
    gap = 4.0 - np.arange(K)
    q = np.array(QUANTILES)
    by_hand = np.maximum(q * gap, (q - 1) * gap).mean()
    assert losses.pinball(ladder, torch.tensor(4.0)).item() == pytest.approx(by_hand, rel=1e-5)


def test_mean_of_the_distribution_by_hand() -> None:
    symmetric = torch.tensor(QUANTILES) * 0 + 7.0
    assert losses.expected(symmetric).item() == pytest.approx(7.0, rel=1e-5)
    uniform = torch.tensor(QUANTILES)  # of U(0, 1), masses beyond the outer ones at their value
    assert losses.expected(uniform).item() == pytest.approx(0.5, abs=1e-5)


def example() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    z = torch.randn(2, 32, 2, N, K).sort(dim=-1).values.requires_grad_()
    return z, torch.rand(2, 32, 2, N) * 100


def test_missing_targets_carry_no_gradient_and_no_weight() -> None:
    z, conc = example()
    conc[0, 3, 1, 2] = torch.nan
    conc[1] = torch.nan
    value = losses.loss(z, conc, SCALE, CITY, LossConfig(day=0.0))
    value.backward()
    assert torch.isfinite(value)
    assert z.grad is not None
    assert (z.grad[0, 3, 1, 2] == 0).all()
    assert (z.grad[1] == 0).all()
    assert (z.grad[0, 4] != 0).any()
    alone = losses.loss(z[:1].detach(), conc[:1], SCALE, CITY, LossConfig(day=0.0))
    assert value.item() == pytest.approx(alone.item(), rel=1e-5)


def test_nothing_observed_is_no_loss_and_no_nan() -> None:
    z, conc = example()
    value = losses.loss(z, conc * torch.nan, SCALE, CITY, LossConfig())
    value.backward()
    assert value.item() == 0
    assert z.grad is not None
    assert torch.isfinite(z.grad).all()


def test_the_tail_is_scored_where_the_heavy_level_is_passed_only() -> None:
    low = torch.full((1, 32, 2, N, K), -0.5)
    conc = torch.full((1, 32, 2, N), 30.0)
    conc[..., POLLUTANTS.index("co")] = 1.0
    scale = Scale(
        torch.tensor([50.0] * 4 + [1.0, 50.0]), torch.tensor([20.0] * 4 + [0.5, 20.0]),
        torch.tensor([30.0] * 4 + [0.5, 30.0]),
    )  # fmt: skip
    with_tail, without = (
        losses.loss(low, conc, scale, CITY, LossConfig(day=0.0, tail=t)).item() for t in (1.0, 0.0)
    )
    assert with_tail == pytest.approx(without)
    conc[..., 0] = 400.0
    with_tail, without = (
        losses.loss(low, conc, scale, CITY, LossConfig(day=0.0, tail=t)).item() for t in (1.0, 0.0)
    )
    # PM2.5 is a share 2 / 7.2 of the weights; above 150 there are 250 missed at every quantile.
    expected = 2 / 7.2 * 250 * np.mean(QUANTILES) / 30
    assert with_tail - without == pytest.approx(expected, rel=1e-4)


def test_threshold_weighted_score_is_proper() -> None:
    """The true quantiles score better than shifted ones, on average (pinball of max(x, t))."""
    rng = np.random.default_rng(0)
    y = torch.tensor(rng.gamma(2.0, 60.0, 40_000), dtype=torch.float32)
    true = torch.quantile(y[:20_000], torch.tensor(QUANTILES))

    def score(quantiles: torch.Tensor) -> float:
        high = torch.tensor(150.0)
        return losses.pinball(
            torch.maximum(quantiles, high).expand(len(y), K), torch.maximum(y, high)
        ).mean().item()  # fmt: skip

    best = score(true)
    for other in (true * 1.25, true * 0.8, true + 30, true.mean().expand(K)):
        assert score(other) > best


def test_error_of_the_city_day_is_that_of_the_mean_not_of_hours() -> None:
    """Hours wrong by +10 and -10 in turn cost nothing as a day; wrong by +10 throughout, 10."""
    y = torch.full((1, 96, 2, N), 60.0)
    known = torch.ones_like(y, dtype=torch.bool)
    turn = torch.tensor([10.0, -10.0]).repeat(48)[None, :, None, None, None]
    flat = torch.full((1, 96, 2, N, K), 60.0)
    scale = Scale(SCALE.centre, SCALE.width, torch.ones(N))
    in_turn = losses._day_error(flat + turn, y, known, scale, CITY)
    np.testing.assert_allclose(in_turn, 0, atol=1e-4)
    np.testing.assert_allclose(losses._day_error(flat + 10, y, known, scale, CITY), 10, rtol=1e-4)
    only_first = torch.tensor([1.0, 0.0])  # a station that is not in the area mean
    there = flat.clone()
    there[:, :, 1] += 500
    np.testing.assert_allclose(losses._day_error(there, y, known, scale, only_first), 0, atol=1e-4)
