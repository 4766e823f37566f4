"""No page shows code that no test runs."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from pages import FENCED, PAGES, ROOT, read_page

DOCS, COMMANDS = "app/test_docs.py", "app/test_doc_commands.py"
README, SERVING = "contract/test_readme.py", "app/test_serving.py"

# By page and language: how many blocks there are, and the test that runs them.
RUN = {
    "README.md": {
        "cypher": (5, README),
        "python": (1, README),
        "sh": (7, COMMANDS),
        "text": (1, README),
        "toml": (1, README),
    },
    "adopt.md": {"sh": (1, COMMANDS), "toml": (1, DOCS)},
    "client.md": {"python": (5, SERVING)},
    "data.md": {
        "csv": (3, DOCS),
        "cypher": (1, DOCS),
        "sh": (4, DOCS),
        "text": (2, DOCS),
        "toml": (1, DOCS),
    },
    "explore.md": {"sh": (2, "app/exploring/test_command.py")},
    "explanations.md": {"sh": (1, COMMANDS)},
    "features.md": {"toml": (1, DOCS)},
    "federation.md": {"sh": (2, "app/test_federate.py"), "toml": (1, "app/test_federate.py")},
    "feedback.md": {"python": (1, README), "sh": (3, COMMANDS), "toml": (1, DOCS)},
    "mapping.md": {"sh": (2, COMMANDS), "toml": (4, "ingest/test_doc_mappings.py")},
    "measuring.md": {"toml": (4, DOCS)},
    "privacy.md": {"toml": (1, DOCS)},
    "publishing.md": {"cypher": (1, "contract/test_vectors.py"), "toml": (2, DOCS)},
    "queries.md": {"sh": (1, COMMANDS)},
    "scale.md": {"toml": (1, DOCS)},
    "serving.md": {"bash": (1, SERVING), "sh": (1, SERVING)},
    "transfer.md": {"toml": (1, DOCS)},
}


@pytest.mark.parametrize("page", PAGES)
def test_a_test_runs_every_block_of_a_page(page: str) -> None:
    found = Counter(language for language, _ in FENCED.findall(read_page(page)))
    assert found == {language: count for language, (count, _) in RUN.get(page, {}).items()}
    for language, (_, test) in RUN.get(page, {}).items():
        text = (ROOT / "tests" / test).read_text("utf-8")
        asked = f'"{page}"' if language == "sh" else f'blocks("{page}", "{language}")'
        assert asked in text, f"{test} does not ask for the blocks of {language} of {page}"


@pytest.mark.parametrize("page", PAGES)
def test_code_of_a_page_stands_in_blocks(page: str) -> None:
    text = FENCED.sub("", read_page(page))
    assert "```" not in text and "~~~" not in text
    assert not re.search(r"\n\n(    |\t)", text), "an indented block has no language"
