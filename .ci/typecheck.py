"""Run ``mypy --strict`` on the package as it is installed, and ``tsc`` on the scripts of its page.

The folders at the top of the repository become ``linkspan``, ``linkspan.graph`` and so on by a
mapping in ``pyproject.toml`` that static tools do not follow. So a tree of links with the installed
names is laid in ``build/typecheck``, checked there, and reported with the names in the repository.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TREE = ROOT / "build" / "typecheck"
TYPESCRIPT = "typescript@5.9.3"
PACKAGES = ("cypher", "gnn", "graph", "ingest")


def lay_links() -> None:
    """Bring the tree of links up to date; two runs at once do not disturb each other."""
    package = TREE / "linkspan"
    package.mkdir(parents=True, exist_ok=True)
    wanted = {entry.name: entry for entry in (ROOT / "app").iterdir()}
    wanted |= {name: ROOT / name for name in PACKAGES}
    wanted.pop("__pycache__", None)
    for link in package.iterdir():
        if link.name not in wanted:
            link.unlink(missing_ok=True)
    for name, target in wanted.items():
        try:
            (package / name).symlink_to(os.path.relpath(target, package))
        except FileExistsError:
            continue


def main() -> int:
    """Check, print what mypy says, and return its exit status."""
    lay_links()
    command = [sys.executable, "-m", "mypy", "--strict", "-p", "linkspan", *sys.argv[1:]]
    environment = {**os.environ, "MYPYPATH": str(TREE)}
    result = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False
    )
    packages = "|".join(PACKAGES)
    report = re.sub(rf"build/typecheck/linkspan/({packages})/", r"\1/", result.stdout)
    print(report.replace("build/typecheck/linkspan/", "app/"), end="")
    return result.returncode or check_scripts()


def check_scripts() -> int:
    """Check the page's scripts with TypeScript, where npm is there to fetch it."""
    if shutil.which("npm") is None:
        print("The scripts of the page are not checked: npm is not there")
        return 0
    command = ["npm", "exec", "--yes", f"--package={TYPESCRIPT}", "--", "tsc", "-p", ".ci"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
