"""Settings of the simulated city's sensors. Extended by the part that reads them."""

from forecast.config import Section


class SensorsConfig(Section):
    """The section `sensors` of the city's configuration; everything has a default."""
