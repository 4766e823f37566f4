"""Commands that need no model load none of what models need, which takes seconds."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = (
    "torch", "torch_geometric", "sentence_transformers", "transformers", "sklearn", "scipy",
    "matplotlib", "networkx", "ray", "fastapi", "dp_accounting",
)  # fmt: skip
COMMANDS = (
    ("schema",),
    ("ingest", "--dry-run"),
    ("ingest",),
    ("snapshot",),
    ("embed",),  # without a model: by hashing
    ("runs",),
    ("query", "count_nodes"),
    ("search", "space"),
    ("history", "7"),
    ("recommend", "7"),
    ("recommend", "nobody", "--popular"),
    ("similar", "books/0", "--kind", "relations"),
    ("feedback", "7", "books/0"),
    ("forget", "8", "--yes"),
)
ONE_BY_ONE = """
import json, sys
from linkspan.cli import app
commands, heavy = map(json.loads, sys.argv[1:])
for words in commands:
    app(words, standalone_mode=False)
    print(words[0], sorted({name.split(".")[0] for name in sys.modules} & {*heavy}))
"""


@pytest.mark.parametrize("server", ["arcadedb"], indirect=True)
@pytest.mark.usefixtures("project", "on_server")
def test_commands_without_a_model_load_nothing_of_one() -> None:
    """What is imported is not of the server."""
    words = json.dumps(COMMANDS), json.dumps(HEAVY)
    told = subprocess.run(
        [sys.executable, "-c", ONE_BY_ONE, *words], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr
    lines = told.stdout.splitlines()
    for command, *_ in COMMANDS:
        assert f"{command} []" in lines, [line for line in lines if line.startswith(command)]
