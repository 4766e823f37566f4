"""Takes the libraries of the page of `linkspan explore` from npm, at fixed versions.

    python .ci/vendor.py        (needs npm; only for who changes a version)

``versions.json`` beside them says which: ``package`` and ``version`` on npm, ``licence``, the
``integrity`` that npm tells of the archive, which ``file`` of it is taken, and its ``name`` here.
Each is part of the wheel with its licence: who installs Linkspan needs no npm.
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "app" / "exploring" / "page" / "vendor"


def take(library: dict[str, str], folder: Path) -> None:
    """Fetch a library, and put its file and its licence into place."""
    wanted = f"{library['package']}@{library['version']}"
    command = ["npm", "pack", "--silent", "--pack-destination", str(folder), wanted]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    archive = folder / told.split()[-1]
    digest = hashlib.sha512(archive.read_bytes()).digest()
    if library["integrity"] != f"sha512-{base64.b64encode(digest).decode()}":
        sys.exit(f"{wanted} is not what versions.json says")
    name = library["name"]
    with tarfile.open(archive) as opened:
        for member, target in ((library["file"], name), ("LICENSE", f"{name}.LICENSE")):
            source = opened.extractfile(f"package/{member}")
            assert source is not None
            (FOLDER / target).write_bytes(source.read())
    print(f"{wanted}: {name}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        for each in json.loads((FOLDER / "versions.json").read_text()):
            take(each, Path(made))
