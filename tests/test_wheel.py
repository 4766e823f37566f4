"""The wheel: everything is in it, it works where the repository is not, and the client is light."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = {"app": ".", "cypher": "cypher", "gnn": "gnn", "graph": "graph", "ingest": "ingest"}
LIGHT = ("torch", "torch_geometric", "sentence_transformers", "arcadedb_embedded", "jpype")

IMPORT_ALL = """
import importlib, pathlib, sys
home = pathlib.Path(sys.argv[1])
for path in sorted((home / "linkspan").rglob("*.py")):
    names = path.relative_to(home).with_suffix("").parts
    if names[-1] == "__main__":
        continue
    name = ".".join(names[:-1] if names[-1] == "__init__" else names)
    module = importlib.import_module(name)
    assert pathlib.Path(module.__file__) == path, f"{name} comes from {module.__file__}"
    print(name)
from importlib.metadata import distribution
commands = [entry for entry in distribution("linkspan").entry_points if entry.name == "linkspan"]
assert len(commands) == 1 and callable(commands[0].load())
"""

IMPORT_LIGHT = """
import sys
asked = []
class Forbid:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in sys.argv[1].split(","):
            asked.append(name)
            raise ImportError(f"{name} is not installed")
sys.meta_path.insert(0, Forbid())
import linkspan
import linkspan.graph.asking.client
assert callable(linkspan.connect) and callable(linkspan.Client)
assert not asked, f"asked for {asked}"
print(linkspan.__file__)
"""


def run_python(*arguments: str, folder: Path, path: str = "") -> str:
    """Run Python in ``folder``; what it prints. Fails the test, with its complaint, if it does."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    result = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**environment, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def run_installed(code: str, argument: str, installed: Path) -> str:
    """Run code that sees the installed wheel and its dependencies, but not the repository.

    Without ``site`` (-S) no ``.pth`` file is read, so that an editable installation stays unseen;
    the folders of the dependencies, and only they, come through the path.
    """
    folders = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    path = os.pathsep.join([str(installed), *sorted(folders)])
    return run_python("-S", "-P", "-c", code, argument, folder=installed.parent, path=path)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel, built from a copy of the sources, is installed alone."""
    work = tmp_path_factory.mktemp("wheel")
    source = work / "source"
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, source / folder, ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copyfile(ROOT / name, source / name)
    pip = ("-m", "pip", "--quiet", "--disable-pip-version-check")
    offline = ("--no-index", "--no-deps")
    run_python(*pip, "wheel", *offline, "--no-build-isolation", "-w", str(work), ".", folder=source)
    (wheel,) = work.glob("*.whl")
    run_python(*pip, "install", *offline, "--target", "installed", str(wheel), folder=work)
    shutil.rmtree(source)
    return work / "installed"


def test_wheel_holds_every_file(installed: Path) -> None:
    wanted = {
        (Path(package) / path.relative_to(ROOT / folder)).as_posix()
        for folder, package in FOLDERS.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    package = installed / "linkspan"
    found = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert found == wanted
    assert {"py.typed", "data/goodbooks/books.csv.gz", "cypher/recommend.cypher"} <= found


def test_every_module_imports_from_the_wheel(installed: Path) -> None:
    names = run_installed(IMPORT_ALL, str(installed), installed).split()
    assert {"linkspan", *(f"linkspan.{name}" for name in FOLDERS if name != "app")} <= set(names)


def test_client_needs_neither_torch_nor_the_embedded_server(installed: Path) -> None:
    printed = run_installed(IMPORT_LIGHT, ",".join(LIGHT), installed)
    assert Path(printed.strip()) == installed / "linkspan" / "__init__.py"
