"""Tiers that are not named stay as read; they are still judged."""

import numpy as np

from forecast import calibration_config, schema, transfer


def test_only_named_tiers_are_corrected() -> None:
    obs = schema.mock_observations(hours=24 * 12, stations=12, seed=4)
    obs["pm25"] = obs["pm25"] * np.where(obs["reference"], 1.0, 1.4)
    obs["pm25"].attrs = schema.attrs_of("pm25")
    corrected = transfer.calibrate_network(obs, calibration_config.load().network)
    tier = obs["tier"].values.astype(str)
    before, after = obs["pm25"].values, corrected["pm25"].transpose("time", "station").values
    kept = ~np.isnan(after)
    county, village = tier == "county", tier == "village"
    np.testing.assert_array_equal(
        after[:, county][kept[:, county]], before[:, county][kept[:, county]]
    )
    late = slice(24 * 8, None)
    assert np.nanmean(np.abs(after[late][:, village] - before[late][:, village])) > 5
