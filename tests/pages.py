"""The code blocks of the README and of the pages in ``docs``, for the tests that run them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", *sorted(page.name for page in (ROOT / "docs").glob("*.md")))
FENCED = re.compile(r"^ *```([^\n]*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)

LEFT_OUT = {
    "make demo": ".ci/run runs it in a fresh clone",
    "make test": ".ci/run runs it, and this test with it",
    "linkspan demo": "takes minutes: it is what 'make demo' runs",
    "docker compose up -d": "needs Docker: tests/test_compose.py reads the file",
    "linkspan up": "runs until it is stopped",
    "linkspan explore": "runs until it is stopped: tests/app/exploring/test_command.py",
    "linkspan --install-completion": "changes the files of a shell",
}
"""Lines of shell that no test runs as they stand, with the reason."""


def read_page(page: str) -> str:
    """The text of a page, by the name of its file."""
    return (ROOT if page == "README.md" else ROOT / "docs").joinpath(page).read_text("utf-8")


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of one language in a page, in their order."""
    return [text for told, text in FENCED.findall(read_page(page)) if told == language]


def commands(page: str, language: str = "sh") -> list[str]:
    """The lines of a page's blocks of shell, without comments; nothing quoted holds a ' #'."""
    lines = [line for block in blocks(page, language) for line in block.splitlines()]
    return [re.split(r"\s+#", line)[0].strip() for line in lines]


def exported(line: str) -> dict[str, str]:
    """The variables that an ``export`` sets, with the values that a shell gives them."""
    names = re.findall(r"(\w+)=", line.split(" ", 1)[1])
    script = line + "".join(f' && printf "%s\\0" "${name}"' for name in names)
    told = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    return dict(zip(names, told.stdout.split("\0"), strict=False))


def left_out(line: str) -> str | None:
    """The reason why no test runs a line of shell."""
    return next((reason for start, reason in LEFT_OUT.items() if line.startswith(start)), None)
