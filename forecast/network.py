"""The sequence model: torch only, arrays of `forecast.network_inputs` in, quantiles in z out.

Direct, no roll-out: every hour to the end of D+3 at once. A recurrent trunk reads the city's past
week and then, in both directions, the city's coming weather in steps of three hours (future
weather is known, and pollution accumulates); an hourly head gives every station its own values
from the trunk, its own readings and weather, and what the wind brings from other stations.

    past (n, 56, c) + mean over stations of their past --- GRU ----> state
    future (n, 32, c) + mean over stations of their weather
        --- bidirectional GRU x layers, begun from that state --> (n, 96, width)
    station, same hour, hour's weather, exchange, identity --(+)--> residual blocks
        --> (n, 96, s, POLLUTANTS, quantiles) in z

Quantiles cannot cross: the median is free, the others are steps of positive width away from it.
A station the network was not trained on has the zero identity, which training practised (dropout).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import torch
from torch import Tensor, nn

from forecast.network_inputs import PATCH, STEPS
from forecast.schema import MAX_LEAD, POLLUTANTS, QUANTILES

_N: Final = len(POLLUTANTS)
_MIDDLE: Final = QUANTILES.index(0.5)
MOST_SOURCES: Final = 96  # of an exchange: its cost grows with stations x sources
_PLACE_KM: Final = 30.0
_STEP_HOURS: Final = tuple(PATCH * (k + 0.5) for k in range(STEPS))


@dataclass(frozen=True)
class NetworkConfig:
    """Size of a network; with `channels` and `stations` all that is needed to build it."""

    channels: Mapping[str, int]  # network_inputs.Inputs.channels()
    stations: tuple[str, ...]  # identities known from training
    width: int = 128
    layers: int = 2  # of the trunk over the future
    blocks: int = 2  # of the head
    dropout: float = 0.25
    channel_dropout: float = 0.0  # of whole input channels of the trunk, over all steps
    identity: int = 8  # size of a station's identity
    identity_dropout: float = 0.3
    exchange_heads: int = 3
    trunk: str = "gru"  # gru, lstm, mixer or attention: the losing ones are kept for comparison
    outputs: int = field(default=_N * len(QUANTILES))


class Exchange(nn.Module):
    """What the wind brings from other stations: attention whose scores are physical.

    The score of station j for station i at step t is -distance / reach + pull x (how much j lies
    upwind) - ((distance along the wind - wind x time) / spread)^2: near, upwind, and just as far
    as the air has travelled since the issue time. Reach, pull and spread are learned per head.
    """

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.reach = nn.Parameter(torch.linspace(1.5, 4.0, heads))  # log km
        self.pull = nn.Parameter(torch.linspace(0.0, 1.0, heads))
        self.spread = nn.Parameter(torch.full((heads,), 3.5))  # log km
        self.travel = nn.Parameter(torch.linspace(-4.0, -1.0, heads))  # log weight

    def forward(self, recent: Tensor, wind: Tensor, place: Tensor) -> Tensor:
        """(n, s, p + 1), (n, steps, 2), (s, 2) -> (n, steps, s, heads x p)."""
        sources = _sources(len(place), recent.device)
        recent = recent[:, sources]
        gap = place[:, None] - place[None, sources]  # from j to i, km
        distance = gap.norm(dim=-1)
        hours = torch.tensor(_STEP_HOURS, dtype=wind.dtype, device=wind.device)
        speed = wind.norm(dim=-1).clamp_min(0.1)  # (n, steps)
        along = torch.einsum("ntk,ijk->ntij", wind / speed[..., None], gap)
        gone = (speed * hours * 3.6).clamp_max(150.0)[..., None, None]  # km
        late = ((along - gone) / 50.0) ** 2
        upwind = along / (distance + 5.0)
        known = recent[..., -1]
        mask = torch.where(known > 0, 0.0, -1e4)[:, None, None, :]
        values, out = recent[..., :-1], []
        for h in range(len(self.reach)):
            score = -distance / self.reach[h].exp() + self.pull[h] * upwind + mask
            score = score - self.travel[h].exp() * late / (self.spread[h] - 2.5).exp()
            weight = score.softmax(dim=-1)
            out.append(torch.einsum("ntij,njp->ntip", weight, values))
        return torch.cat(out, dim=-1)


def _sources(stations: int, device: torch.device) -> Tensor:
    """Stations that others listen to: all, or of a large network MOST_SOURCES spread over it."""
    if stations <= MOST_SOURCES:
        return torch.arange(stations, device=device)
    return torch.linspace(0, stations - 1, MOST_SOURCES, device=device).long()


class Network(nn.Module):
    """See the module's docstring. Input and output shapes: `forward`."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        w, c = config.width, config.channels
        drop = config.dropout
        self.trust = nn.Embedding(3, 16)
        self.past_in = _Gathered(c["past"], c["field"], w, config)
        self.past = nn.GRU(w, w, batch_first=True)
        self.future_in = _Gathered(c["future"] + 16, PATCH * c["hours"], w, config)
        self.begin = nn.Linear(w, 2 * config.layers * w)
        self.future = _trunk(config)
        self.to_hours = nn.Linear(2 * w, PATCH * w)
        self.station = nn.Sequential(
            nn.Linear(c["station"] + config.identity, w), nn.SiLU(), nn.Dropout(drop),
            nn.Linear(w, w),
        )  # fmt: skip
        self.identity = nn.Embedding(len(config.stations) + 1, config.identity, padding_idx=0)
        self.hour = nn.Linear(c["hours"], w)
        self.same_hour = nn.Linear(c["same_hour"], w, bias=False)
        self.exchange = Exchange(config.exchange_heads)
        self.brought = nn.Linear(config.exchange_heads * _N, w, bias=False)
        self.blocks = nn.ModuleList(_Block(w, drop) for _ in range(config.blocks))
        self.out = nn.Sequential(nn.LayerNorm(w), nn.Linear(w, config.outputs))
        self.hold = nn.Parameter(torch.zeros(MAX_LEAD, _N))  # how much of the last value stays

    def forward(
        self,
        past: Tensor,
        field: Tensor,
        future: Tensor,
        station: Tensor,
        hours: Tensor,
        same_hour: Tensor,
        recent: Tensor,
        wind: Tensor,
        trust: Tensor,
        place: Tensor,
        identity: Tensor,
        leads: Tensor | None = None,
    ) -> Tensor:
        """Quantiles in z.

        Args:
            past ... place: `network_inputs.Inputs`, as tensors.
            identity: (s,) 0 for a station that is not among config.stations, else its number + 1.
            leads: (k,) leads to answer for, 1..96; all of them by default. Training answers for
                some: neighbouring hours teach nearly the same.

        Returns:
            (n, lead, s, POLLUTANTS, QUANTILES), increasing in the last dim.
        """
        n, s = station.shape[:2]
        w = self.config.width
        at = torch.arange(MAX_LEAD, device=past.device) if leads is None else leads - 1
        trunk = self._trunk(past, field, future, hours, trust, place)
        city = self.to_hours(trunk).reshape(n, MAX_LEAD, 1, w)
        who = self.identity(self._hidden(identity, n)).expand(n, s, -1)
        own = self.station(torch.cat([station, who], dim=-1))[:, None]
        x = city[:, at] + own + self.hour(hours[:, at])
        x = x + self.same_hour(same_hour)[:, at % 24]
        x = x + self.brought(self.exchange(recent, wind, place))[:, at // PATCH]
        for block in self.blocks:
            x = block(x)
        raw = self.out(x).reshape(n, len(at), s, _N, len(QUANTILES))
        held = torch.sigmoid(self.hold[at] - 3.0)[None, :, None, :] * recent[:, None, :, :_N]
        return quantiles_of(raw, held)

    def _trunk(
        self,
        past: Tensor,
        field: Tensor,
        future: Tensor,
        hours: Tensor,
        trust: Tensor,
        place: Tensor,
    ) -> Tensor:
        n, w, layers = len(past), self.config.width, self.config.layers
        _, state = self.past(self.past_in(past, field, place))
        known = self.trust(trust)[:, None].expand(n, STEPS, -1)
        s, channels = hours.shape[2:]
        weather = hours.reshape(n, STEPS, PATCH, s, channels).transpose(2, 3)
        weather = weather.reshape(n, STEPS, s, PATCH * channels)
        ahead = self.future_in(torch.cat([future, known], dim=-1), weather, place)
        begin = torch.tanh(self.begin(state[0])).reshape(n, 2 * layers, w).transpose(0, 1)
        out: Tensor = self.future(ahead, begin.contiguous())
        return out

    def _hidden(self, identity: Tensor, n: int) -> Tensor:
        """Identities (n, s), some of them hidden while training."""
        many = identity[None].expand(n, -1)
        if not self.training:
            return many
        kept = torch.rand(many.shape, device=many.device) > self.config.identity_dropout
        return many * kept


class _Gathered(nn.Module):
    """City channels and the mean over stations of theirs, each station told where it stands.

    The mean of what stations say keeps gradients across the city (a front that has passed the
    northern ones), which the mean of the values alone does not.
    """

    def __init__(self, city: int, station: int, width: int, config: NetworkConfig) -> None:
        super().__init__()
        self.hide = config.channel_dropout
        self.city = nn.Linear(city, width)
        self.station = nn.Linear(station + 2, width)
        self.gathered = nn.Linear(width, width)
        self.drop = nn.Dropout(config.dropout)

    def forward(self, city: Tensor, station: Tensor, place: Tensor) -> Tensor:
        n, steps, s, _ = station.shape
        if self.training and self.hide:
            city = city * _shown(city[:, :1], self.hide)
            station = station * _shown(station[:, :1, :1], self.hide)
        where = (place / _PLACE_KM)[None, None].expand(n, steps, s, 2)
        said = nn.functional.silu(self.station(torch.cat([station, where], dim=-1)))
        both = self.city(city) + self.gathered(said.mean(dim=2))
        out: Tensor = self.drop(nn.functional.silu(both))
        return out


def _shown(like: Tensor, hide: float) -> Tensor:
    """Ones of the shape of `like`, some of them 0, the others larger in turn."""
    return nn.functional.dropout(torch.ones_like(like), hide)


class _Recurrent(nn.Module):
    """Bidirectional recurrent trunk over the future, begun from the past's state."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        kind = nn.GRU if config.trunk == "gru" else nn.LSTM
        self.kind = config.trunk
        self.rnn = kind(
            config.width, config.width, num_layers=config.layers, batch_first=True,
            bidirectional=True, dropout=config.dropout if config.layers > 1 else 0.0,
        )  # fmt: skip

    def forward(self, x: Tensor, begin: Tensor) -> Tensor:
        state = begin if self.kind == "gru" else (begin, torch.zeros_like(begin))
        out: Tensor = self.rnn(x, state)[0]
        return out


class _Attention(nn.Module):
    """Transformer trunk; the past's state is a token before the future."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        w = config.width
        layer = nn.TransformerEncoderLayer(
            w, 4, 2 * w, dropout=config.dropout, batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, config.layers, enable_nested_tensor=False)
        self.place = nn.Parameter(torch.randn(STEPS + 1, w) * 0.02)
        self.up = nn.Linear(w, 2 * w)

    def forward(self, x: Tensor, begin: Tensor) -> Tensor:
        first = begin.mean(dim=0)[:, None]
        out: Tensor = self.up(self.encoder(torch.cat([first, x], dim=1) + self.place)[:, 1:])
        return out


class _Mixer(nn.Module):
    """Mixer trunk: dense layers over steps and over channels in turn."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        w = config.width
        self.steps = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(STEPS + 1), nn.Linear(STEPS + 1, STEPS + 1), nn.SiLU())
            for _ in range(config.layers)
        )
        self.mix = nn.ModuleList(_Block(w, config.dropout) for _ in range(config.layers))
        self.up = nn.Linear(w, 2 * w)

    def forward(self, x: Tensor, begin: Tensor) -> Tensor:
        x = torch.cat([begin.mean(dim=0)[:, None], x], dim=1)
        for steps, mix in zip(self.steps, self.mix, strict=True):
            x = mix(x + steps(x.transpose(1, 2)).transpose(1, 2))
        out: Tensor = self.up(x[:, 1:])
        return out


class _Block(nn.Module):
    """A residual dense block."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, width), nn.SiLU(), nn.Dropout(dropout),
            nn.Linear(width, width),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.inner(x)
        return out


def _trunk(config: NetworkConfig) -> nn.Module:
    kinds = {"gru": _Recurrent, "lstm": _Recurrent, "attention": _Attention, "mixer": _Mixer}
    return kinds[config.trunk](config)


def quantiles_of(raw: Tensor, held: Tensor) -> Tensor:
    """Free outputs (..., QUANTILES) -> increasing quantiles around a median that starts at held."""
    step = nn.functional.softplus(raw) * 0.5
    middle = raw[..., _MIDDLE : _MIDDLE + 1] + held[..., None]
    up = middle + step[..., _MIDDLE + 1 :].cumsum(dim=-1)
    down = middle - step[..., :_MIDDLE].flip(-1).cumsum(dim=-1).flip(-1)
    return torch.cat([down, middle, up], dim=-1)
