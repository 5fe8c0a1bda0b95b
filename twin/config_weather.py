"""Settings of the simulated city's weather. Extended by the part that reads them."""

from forecast.config import Section


class WeatherConfig(Section):
    """The section `weather` of the city's configuration; everything has a default."""
