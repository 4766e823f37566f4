"""Files of a small project whose titles, names and keys are full of markup."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import small_project

HOSTILE = (
    "<script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    "\"><svg onload='window.hacked = 1'>",
    "javascript:window.hacked=1",
    "</title></script><script>window.hacked = 1</script>",
    "${window.hacked = 1}{{window.hacked = 1}}",
    "<iframe srcdoc='<script>parent.hacked = 1</script>'></iframe>",
    "<a href='javascript:window.hacked=1'>click</a>",
    "' autofocus onfocus='window.hacked=1' x='",
    "مكتبة \u202e<b onclick=window.hacked=1>\u202c",
)
MAPPING = small_project.MAPPING
for old, new in {
    'title = "title"': 'title = "title"\nlink = "title"',
    '"position"': '"iso"',
    "epochs = 6": "epochs = 2",
    "[publish]\nk = 3\nsimilar = 2\n": "",
}.items():
    assert old in MAPPING
    MAPPING = MAPPING.replace(old, new)
LONG = "A very long title " + "and more " * 550


def write_files(folder: Path) -> None:
    """Two domains of two tastes, with markup in titles, names and keys, and one very long title."""
    random = np.random.default_rng(0)
    items = ["id,domain,title,author"]
    for number in range(60):
        word, taste = ("space", "garden")[number % 4 // 2], number % 4 // 2
        title = HOSTILE[number] if number < len(HOSTILE) else f"The {word} {number}"
        title = LONG if number == 10 else title
        author = HOSTILE[taste] if number % 8 < 4 else f"Author {taste}"
        quoted = [text.replace('"', '""') for text in (title, author)]
        items.append(f'{number},{("books", "films")[number % 2]},"{quoted[0]}","{quoted[1]}"')
    events = ["user,item,at"]
    for user in range(160):
        own = [number for number in range(60) if number % 4 // 2 == user % 2]
        key = HOSTILE[user].replace('"', '""') if user in (0, 1) else f"u{user}"
        for at, number in enumerate(random.permutation(own)[:8]):
            events.append(f'"{key}",{number},2026-01-{at + 1:02}')
    events.append("single,12,2026-01-01")
    (folder / "items.csv").write_text("\n".join(items) + "\n")
    (folder / "events.csv").write_text("\n".join(events) + "\n")
    (folder / "linkspan.toml").write_text(MAPPING)
