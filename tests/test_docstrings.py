"""Docstrings begin with a noun or a verb, so that they say at once what a thing is or does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("app", "benchmarks", "cypher", "gnn", "graph", "ingest")
MODULES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
QUESTIONS = ("What", "Whether", "How", "Why", "Which", "Where", "When", "If")
# Decorators of functions whose docstrings are help for users, who ask such questions.
HELPED = ("command", "get", "post", "put", "delete")


def docstrings(tree: ast.AST) -> Iterator[ast.Constant]:
    """The docstrings of a module, its classes, functions, constants and attributes."""
    for node in ast.walk(tree):
        decorators = getattr(node, "decorator_list", [])
        calls = (each.func for each in decorators if isinstance(each, ast.Call))
        if any(isinstance(call, ast.Attribute) and call.attr in HELPED for call in calls):
            continue
        body = getattr(node, "body", None)
        for statement in body if isinstance(body, list) else []:
            value = statement.value if isinstance(statement, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield value


def questions(source: str) -> list[tuple[int, str]]:
    """Line and first word of each docstring that begins like a question."""
    firsts = (
        (each.lineno, re.match(r"\W*(\w*)", str(each.value)))
        for each in docstrings(ast.parse(source))
    )
    return [(line, first[1]) for line, first in firsts if first and first[1] in QUESTIONS]


def test_there_are_modules() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in MODULES} == set(FOLDERS)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_docstrings_begin_with_noun_or_verb(path: Path) -> None:
    found = questions(path.read_text("utf-8"))
    assert not found, "begin with a noun or a verb, such as 'Tell whether'"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('"""What it holds."""', [(1, "What")]),
        ('class A:\n    """Which it is."""', [(2, "Which")]),
        ('def f():\n    """\n    Whether x."""', [(2, "Whether")]),
        ('async def f():\n    """If x."""', [(2, "If")]),
        ('X = 1\n"""Where it is."""', [(2, "Where")]),
        ('@property\ndef f():\n    """How long."""', [(3, "How")]),
        ('@app.command()\ndef f():\n    """Why so."""', []),
        ('"""Whatever comes."""', []),
        ('def f():\n    """Tell whether x."""\n    return "What"', []),
    ],
)
def test_question_is_found(source: str, found: list[tuple[int, str]]) -> None:
    assert questions(source) == found
