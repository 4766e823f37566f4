"""The arrows between the packages go one way only, and no module grows too long."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).parent.parent
ANYTHING = "linkspan"
# What of ours the modules of a folder may import, beside their own package and the leaves.
ARROWS: dict[str, tuple[str, ...]] = {
    "cypher": (),
    "graph": ("linkspan.cypher",),
    "ingest": ("linkspan.graph", "linkspan.cypher"),
    "gnn": (
        "linkspan.graph.snapshot.Snapshot",
        "linkspan.graph.snapshot.RelationKey",
        "linkspan.graph.snapshot.erasing",
        "linkspan.graph.roles",
    ),
    "app": (ANYTHING,),
}
# Which rooms of its own folder, and modules beside them, the modules of a room may import.
ROOMS: dict[str, dict[str, tuple[str, ...]]] = {
    "gnn": {
        "settings": (),
        "metrics": (),
        "elsewhere": (),
        "events": ("settings",),
        "encoding": ("settings",),
        "tensors": ("settings", "events"),
        "network": ("settings", "events", "tensors"),
        "parts": ("settings", "metrics", "events"),
        "models": ("settings", "events", "encoding", "tensors", "network", "parts"),
        "scores": ("settings", "metrics", "elsewhere", "events", "encoding", "parts", "models"),
        "evaluation": ("settings", "metrics", "events", "encoding", "parts", "models", "scores"),
        "training": (
            "settings",
            "metrics",
            "elsewhere",
            "events",
            "tensors",
            "network",
            "parts",
            "models",
            "scores",
            "evaluation",
        ),
        "private": (
            "settings",
            "events",
            "encoding",
            "parts",
            "models",
            "scores",
            "training",
        ),
        "cluster": ("settings", "elsewhere", "network", "training"),
        "federation": (
            "settings",
            "events",
            "network",
            "parts",
            "models",
            "scores",
            "training",
        ),
    },
    "graph": {
        "conditions": (),
        "roles": ("conditions",),
        "connecting": (),
        "writing": ("connecting",),
        "bulk": ("connecting", "writing"),
        "users": ("conditions", "roles", "connecting", "writing"),
        "snapshot": ("conditions", "roles", "connecting", "bulk", "users"),
        "asking": ("connecting", "writing", "users"),
        "publishing": ("connecting", "writing", "users", "asking"),
        "adopting": ("roles", "connecting", "writing", "users", "publishing"),
    },
}
LEAVES = ("linkspan.errors", "linkspan.machine", "linkspan.precision", "linkspan.progress")
# The only folder that may import a distribution.
OWNERS = {
    "neo4j": "graph",
    "arcadedb_embedded": "graph",
    "jpype": "graph",
    "torch": "gnn",
    "torch_geometric": "gnn",
    "sentence_transformers": "gnn",
    "ray": "gnn/cluster",
    "dp_accounting": "gnn/private",
    "flwr": "gnn/federation",
    "cryptography": "gnn/federation",
}
MOST_LINES = 400
MODULES = sorted(path for folder in ARROWS for path in (ROOT / folder).rglob("*.py"))


def module_name(path: Path) -> str:
    """The installed name of a file: ``graph/roles.py`` is ``linkspan.graph.roles``."""
    folder, *rest = path.relative_to(ROOT).with_suffix("").parts
    names = ["linkspan", *([] if folder == "app" else [folder]), *rest]
    return ".".join(names[:-1] if names[-1] == "__init__" else names)


def imports(source: str, module: str, *, is_package: bool) -> Iterator[tuple[int, str]]:
    """Line and full name of all that a module imports, wherever in it the statement stands.

    ``from a import b`` gives ``a.b``, whether b is a module or something in one. Names handed to
    ``import_module`` as literal text count too.
    """
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and node.args:
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            first = node.args[0]
            if (
                called in ("import_module", "__import__")
                and isinstance(first, ast.Constant)
                and isinstance(first.value, str)
            ):
                yield node.lineno, first.value


def within(name: str, package: str) -> bool:
    """Whether ``name`` is ``package`` or stands in it."""
    return name == package or name.startswith(f"{package}.")


def wrong_arrows(path: Path, source: str) -> list[str]:
    """What a file imports and may not, one line each."""
    folder, room = path.relative_to(ROOT).with_suffix("").parts[:2]
    module = module_name(path)
    rooms = ROOMS.get(folder, {}).get(room)
    if module in LEAVES:
        allowed: tuple[str, ...] = ()
    elif rooms is not None:
        own = tuple(f"linkspan.{folder}.{name}" for name in (room, *rooms))
        allowed = (*own, *LEAVES, *ARROWS[folder])
    else:
        own = () if folder == "app" else (f"linkspan.{folder}",)
        allowed = (*own, *LEAVES, *ARROWS[folder])
    wrong = []
    for line, name in imports(source, module, is_package=path.name == "__init__.py"):
        owner = OWNERS.get(name.split(".")[0], folder)
        if not path.relative_to(ROOT).is_relative_to(owner):
            wrong.append(f"{path.relative_to(ROOT)}:{line}: only {owner}/ imports {name}")
        elif within(name, "linkspan") and not any(within(name, may) for may in allowed):
            where = f"{folder}/" if rooms is None else f"{folder}/{room}"
            wrong.append(f"{path.relative_to(ROOT)}:{line}: {where} may not import {name}")
    return wrong


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    assert wrong_arrows(path, path.read_text("utf-8")) == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_is_not_too_long(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= MOST_LINES


def test_every_folder_has_modules() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in MODULES} == set(ARROWS)


@pytest.mark.parametrize("folder", ROOMS)
def test_every_room_has_its_arrows(folder: str) -> None:
    found = {
        path.relative_to(ROOT).with_suffix("").parts[1]
        for path in MODULES
        if path.is_relative_to(ROOT / folder)
    }
    assert found - {"__init__"} == set(ROOMS[folder])


@pytest.mark.parametrize("folder", ROOMS)
def test_arrows_between_rooms_make_no_circle(folder: str) -> None:
    list(TopologicalSorter(ROOMS[folder]).static_order())  # raises CycleError


def test_modules_import_each_other_in_no_circle() -> None:
    names = {module_name(path): path for path in MODULES}
    arrows = nx.DiGraph()
    for name, path in names.items():
        for _, found in imports(path.read_text("utf-8"), name, is_package=path.stem == "__init__"):
            other = found if found in names else found.rpartition(".")[0]
            if other in names and other != name:
                arrows.add_edge(name, other)
    circles = [sorted(each) for each in nx.strongly_connected_components(arrows) if len(each) > 1]
    assert circles == []


@pytest.mark.parametrize(
    ("file", "source", "found"),
    [
        ("cypher/made_up.py", "from linkspan.graph import roles", "linkspan.graph.roles"),
        ("cypher/made_up.py", "import linkspan", "linkspan"),
        (
            "graph/made_up.py",
            "from linkspan.ingest.mapping.model import Mapping",
            "linkspan.ingest",
        ),
        ("graph/made_up.py", "def f():\n    import linkspan.api", "linkspan.api"),
        ("graph/made_up.py", "from linkspan import connect", "linkspan.connect"),
        ("graph/made_up.py", "from ..gnn import model", "linkspan.gnn.model"),
        ("graph/__init__.py", "from .. import api", "linkspan.api"),
        ("graph/made_up.py", "import_module('linkspan.gnn.model')", "linkspan.gnn.model"),
        ("graph/made_up.py", "import torch.nn.functional as F", "torch"),
        ("ingest/made_up.py", "if TYPE_CHECKING:\n    from linkspan.gnn import x", "linkspan.gnn"),
        ("ingest/made_up.py", "from neo4j import GraphDatabase", "neo4j"),
        ("gnn/made_up.py", "from linkspan.graph.connection import Database", "linkspan.graph"),
        ("gnn/made_up.py", "from linkspan.graph import Snapshot", "linkspan.graph.Snapshot"),
        ("gnn/made_up.py", "from linkspan.graph.snapshots import x", "linkspan.graph.snapshots"),
        ("gnn/made_up.py", "import linkspan.cypher", "linkspan.cypher"),
        (
            "gnn/made_up.py",
            "from linkspan.graph.snapshot.reading import read_snapshot",
            "linkspan.graph.snapshot.reading",
        ),
        ("gnn/parts/made_up.py", "from linkspan.gnn.models import x", "linkspan.gnn.models.x"),
        ("gnn/settings.py", "from linkspan.gnn.metrics import x", "linkspan.gnn.metrics.x"),
        (
            "graph/users/made_up.py",
            "from linkspan.graph.publishing.lists import x",
            "linkspan.graph.publishing",
        ),
        ("app/made_up.py", "def f():\n    from sentence_transformers import x", "sentence"),
        ("gnn/training/made_up.py", "import ray.train", "ray.train"),
        ("app/errors.py", "import linkspan.progress", "linkspan.progress"),
    ],
)
def test_wrong_arrow_is_found(file: str, source: str, found: str) -> None:
    (message,) = wrong_arrows(ROOT / file, source)
    assert found in message
    assert message.startswith(f"{file}:{len(source.splitlines())}: ")


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("cypher/made_up.py", "from linkspan.errors import ConfigError"),
        ("graph/made_up.py", "import neo4j\nfrom linkspan.cypher import load"),
        ("graph/made_up.py", "from .roles import Roles\nfrom . import schema"),
        ("graph/__init__.py", "from .roles import Roles"),
        ("ingest/made_up.py", "from linkspan.graph import schema\nimport linkspan.progress"),
        ("gnn/made_up.py", "import torch\nfrom linkspan.graph.snapshot import Snapshot"),
        ("gnn/made_up.py", "from linkspan.graph import roles\nfrom linkspan.gnn import model"),
        ("app/made_up.py", "from linkspan import graph, ingest, gnn, cypher, api"),
        ("gnn/scores/made_up.py", "from linkspan.gnn.parts.ease import x"),
    ],
)
def test_right_arrow_is_allowed(file: str, source: str) -> None:
    assert wrong_arrows(ROOT / file, source) == []
