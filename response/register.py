"""The register: enterprises, production units, stacks and what each must do at a warning level.

Takes an emergency reduction list (Excel, or a folder with one CSV per sheet; the columns are in
register_columns), gives a frozen Register in field units. Every fault of the sheets is told at
once and a faulty list gives no register at all. Knows nothing of weather, plans or people.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd


@dataclass(frozen=True)
class Register:
    """The emergency reduction list, typed.

    Attributes:
        enterprises: Index `enterprise`; name, credit_code, permit, area (as the list names it),
            town, longitude, latitude (WGS-84), contact, phone, code (national industry code),
            industry (Chinese), key_industry ("" none of the 39), grade (A+ A B B- C D leading
            non_leading), kind (ordinary guarantee minor key_project), positive_list, voc (bool),
            value_yuan_d, trucks_d, responsible, and as the list states them so2_t_a .. co_t_a
            [t/a] and so2_kg_d .. co_kg_d [kg/d], NaN where it does not.
        units: Index `unit`; enterprise, name, line (bool), profile (continuous heating two_shift
            day_shift), so2 nox pm voc co [kg/d at normal operation], pm25_share (0..1 of pm),
            value_yuan_d, trucks_d, min_load (0..1), hours_to_stop, hours_to_restart, proof,
            capacity (NaN unknown), capacity_unit, fuel.
        stacks: Index `stack`; unit, share (0..1 of the unit's emission), height_m, diameter_m,
            temperature_k, speed_m_s, longitude, latitude.
        measures: unit, level (yellow orange red), action (autonomous trucks cut half_lines stop
            exempt min_load), load (0..1 of normal), trucks_after [1/d], proof, source, assumption
            (bool), and as the list states them stopped (device), trucks_before and cut_so2 ..
            cut_co [kg/d], NaN where it does not. At most one row per unit and level.
        simulated: "" or the simulated city's label.
    """

    enterprises: pd.DataFrame
    units: pd.DataFrame
    stacks: pd.DataFrame
    measures: pd.DataFrame
    simulated: str = ""


def load(path: Path) -> Register:
    """Read a list from an Excel file or a folder of CSV files.

    Raises:
        DataError: Every fault of every sheet, with sheet, row and column; nothing is kept.
    """
    from response import register_read

    return register_read.load(path)
