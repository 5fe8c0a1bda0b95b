"""Settings of the simulated city's air. Extended by the part that reads them."""

from forecast.config import Section


class AirConfig(Section):
    """The section `air` of the city's configuration; everything has a default."""
