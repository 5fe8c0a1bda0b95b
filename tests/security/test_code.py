"""Nothing that is loaded can run code; nothing calls out but the channels. Read from the source."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml

from forecast import config

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("forecast", "response", "training", "serving", "twin")
# Loaders that build what a file says: any file could be a program.
MODULES = {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "jsonpickle"}
CALLS = {
    "torch.load", "torch.jit.load", "numpy.load", "np.load", "yaml.load", "yaml.unsafe_load",
    "yaml.full_load", "pd.read_pickle", "pandas.read_pickle", "mlflow.pyfunc.load_model", "eval",
    "exec", "os.system", "os.popen", "compile",
}  # fmt: skip
OUTSIDE = {"requests", "httpx", "aiohttp", "urllib.request", "urllib3", "ftplib", "telnetlib"}
# What a process hands to those it started, never a file (docs/security.md, Dask).
OWN_PROCESSES = {"training/hindcast_blocks.py"}
# The ways out of the house: each host is configured, no redirect is followed.
WAYS_OUT = {"serving/publish/channels.py", "serving/oidc.py"}


def trees() -> Iterator[tuple[str, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.Module) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names |= {node.module, *(f"{node.module}.{a.name}" for a in node.names)}
    return names


def calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def dangerous(tree: ast.Module) -> list[str]:
    found = [n for n in imported(tree) if n.split(".")[0] in MODULES]
    for name, call in calls(tree):
        said = {k.arg: ast.unparse(k.value) for k in call.keywords}
        if name in CALLS:
            arrays = name in ("numpy.load", "np.load") and said.get("allow_pickle", "False")
            found += [] if arrays == "False" or said.get("Loader") == "_LOADER" else [name]
        if said.get("shell") == "True" or said.get("verify") == "False":
            found.append(name)
    return found


def test_no_file_that_is_loaded_can_run_code() -> None:
    found = {name: found for name, tree in trees() if (found := dangerous(tree))}
    assert {k: v for k, v in found.items() if k not in OWN_PROCESSES} == {}
    assert all(set(found[k]) == {"pickle"} for k in OWN_PROCESSES & set(found))
    assert issubclass(config._LOADER, yaml.CSafeLoader | yaml.SafeLoader)
    assert "allow_pickle" in inspect.signature(np.load).parameters
    assert inspect.signature(np.load).parameters["allow_pickle"].default is False


@pytest.mark.parametrize(
    "line",
    ["import pickle", "from joblib import load", "import torch\ntorch.load('m.pt')",
     "np.load('a.npy', allow_pickle=True)", "yaml.load(text)", "eval(text)",
     "subprocess.run(text, shell=True)"],
)  # fmt: skip
def test_the_look_finds_what_it_looks_for(line: str) -> None:
    assert dangerous(ast.parse(line))


def test_only_channels_and_the_login_provider_are_spoken_to() -> None:
    found = {
        name for name, tree in trees()
        if any(n in OUTSIDE or n.split(".")[0] in OUTSIDE for n in imported(tree))
        or {"http.client", "smtplib"} & imported(tree)
        or {"socket.socket", "socket.create_connection"} & {c for c, _ in calls(tree)}
    }  # fmt: skip
    assert found - WAYS_OUT == set()
