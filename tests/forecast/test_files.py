from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from forecast import files


def test_a_write_that_dies_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    files.write_text(target, "old")

    def dies(path: Path) -> None:
        path.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        files.replace_file(target, dies)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_left_over_temporary_file_is_overwritten(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    (tmp_path / ".a.txt.tmp").write_text("left by a killed run")
    files.write_text(target, "new")
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_netcdf_is_written_whole_and_compressed(tmp_path: Path) -> None:
    ds = xr.Dataset({"x": (("time",), np.zeros(10000))})
    files.write_netcdf(tmp_path / "deep" / "x.nc", ds)
    assert (tmp_path / "deep" / "x.nc").stat().st_size < 40000
    with xr.open_dataset(tmp_path / "deep" / "x.nc") as back:
        assert back["x"].sum() == 0
