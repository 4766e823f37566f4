"""The help of each command shows all that is written for it."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest
from typer.main import get_command

from linkspan.cli import app

COMMANDS: dict[str, Any] = get_command(app).commands  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_shown_whole_and_in_whole_lines(linkspan: Any, name: str) -> None:
    printed = re.sub(r"[│─╭╮╰╯]", " ", linkspan(name, "--help").out)
    told = " ".join(printed.split())
    command = COMMANDS[name]
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    for text in (" ".join(each.split()) for each in paragraphs):
        assert text in told
        lines = [line.strip() for line in printed.splitlines() if line.strip() in text]
        assert all(len(line) > 40 for line in lines if line and not text.endswith(line)), lines
    columns = [set(text.split()) for each in command.params if (text := getattr(each, "help", ""))]
    assert all(words <= set(told.split()) for words in columns), columns
