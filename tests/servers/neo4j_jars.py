"""The real Neo4j server as a folder of jars, fetched once from Maven Central."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from servers.running import Unavailable

NEO4J = "5.26.16"
BROWSER = "5.24.0"
JAVA_VERSIONS = (17, 21)  # what Neo4j 5.26 supports
_FETCH_SECONDS = 900
_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies"
_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>linkspan.tests</groupId>
  <artifactId>neo4j-server</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.neo4j</groupId>
      <artifactId>neo4j</artifactId>
      <version>{NEO4J}</version>
    </dependency>
    <dependency>
      <groupId>org.neo4j.client</groupId>
      <artifactId>neo4j-browser</artifactId>
      <version>{BROWSER}</version>
    </dependency>
  </dependencies>
</project>
"""


def cache_folder() -> Path:
    """Folder where the jars of this version are kept between runs, outside the repository."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "linkspan" / f"neo4j-{NEO4J}-browser-{BROWSER}"


def find_java() -> str:
    """The ``java`` on the PATH.

    Raises:
        Unavailable: There is none, or it is of a version that Neo4j does not run on.
    """
    java = shutil.which("java")
    if java is None:
        raise Unavailable("no 'java' on the PATH (Neo4j needs 17 or 21)")
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(\d+)', told.stderr + told.stdout)
    if found is None or int(found[1]) not in JAVA_VERSIONS:
        raise Unavailable(f"'java' is version {found[1] if found else '?'}; Neo4j needs 17 or 21")
    return java


def fetch_jars() -> Path:
    """The folder with all jars; fetched first where the cache has none (116 MB).

    Raises:
        Unavailable: There is no Maven, or the download failed.
    """
    home = cache_folder()
    if not home.exists():
        maven = shutil.which("mvn")
        if maven is None:
            raise Unavailable("no 'mvn' on the PATH, and the Neo4j jars are not in the cache")
        home.parent.mkdir(parents=True, exist_ok=True)
        with one_at_a_time():
            if not home.exists():
                _fill(home, maven)
    return home


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Other processes wait for the one that adds something to the cache."""
    folder = os.open(cache_folder().parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _fill(home: Path, maven: str) -> None:
    """Fill a folder beside its place, then rename it: the cache holds a whole set or none."""
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=f"{home.name}.") as name:
        filling = Path(name) / "jars"
        _copy_dependencies(maven, Path(name), filling)
        filling.rename(home)


def _copy_dependencies(maven: str, folder: Path, into: Path) -> None:
    """Have Maven resolve the server and copy every jar it needs at run time."""
    (folder / "pom.xml").write_text(_POM)
    command = [maven, "--batch-mode", "--quiet", _PLUGIN, "-DincludeScope=runtime"]
    try:
        result = subprocess.run(
            [*command, f"-DoutputDirectory={into}"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_FETCH_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"Maven did not fetch Neo4j within {_FETCH_SECONDS} s") from error
    if result.returncode != 0 or not (into / f"neo4j-{NEO4J}.jar").exists():
        said = [line for line in result.stdout.splitlines() if "ERROR" in line] or ["no message"]
        raise Unavailable(f"Maven could not fetch Neo4j {NEO4J}: {said[0]}")
