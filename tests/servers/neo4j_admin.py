"""Neo4j's own programs in a server's home, as a distribution has them, and an import by hand."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from servers.neo4j import OPENED, class_archive, command_line
from servers.neo4j_jars import fetch_jars, find_java
from servers.running import RunningServer

_ADMIN = """\
#!/bin/sh
export NEO4J_HOME='{home}' NEO4J_CONF='{home}/conf'
{before}
exec '{java}' {shared} -Xmx1g {opened} -cp '{jars}/*' org.neo4j.cli.AdminTool "$@"
"""
_SERVER = """\
#!/bin/sh
pid='{home}/server.pid'
case "$1" in
start)
    cd '{home}' && nohup {command} >>'{home}/console.log' 2>&1 &
    echo $! >"$pid" ;;
stop)
    [ -f "$pid" ] || {{ echo "Neo4j is not running."; exit 0; }}
    kill "$(cat "$pid")"
    while kill -0 "$(cat "$pid")" 2>/dev/null; do sleep 0.1; done
    rm "$pid" ;;
esac
"""


def write_programs(home: Path, before: str = "") -> None:
    """Write ``bin/neo4j`` and ``bin/neo4j-admin``; the latter first does what ``before`` says."""
    java, jars = find_java(), fetch_jars()
    opened = " ".join(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPENED)
    shared = class_archive(java, jars)
    command = " ".join(f"'{word}'" for word in command_line(java, jars, home, shared))
    (home / "bin").mkdir(exist_ok=True)
    for name, text in (
        (
            "neo4j-admin",
            _ADMIN.format(
                home=home,
                java=java,
                shared=" ".join(shared),
                jars=jars,
                opened=opened,
                before=before,
            ),
        ),
        ("neo4j", _SERVER.format(home=home, command=command)),
    ):
        (home / "bin" / name).write_text(text)
        (home / "bin" / name).chmod(0o755)


def run_in_folder(command: str, *, home: Path | None = None) -> None:
    """Run ``cd FOLDER && PROGRAM …``; with ``home``, the program of that name in its ``bin``."""
    cd, folder, both, program, *words = shlex.split(command)
    assert (cd, both) == ("cd", "&&"), command
    program = program if home is None else str(home / "bin" / program)
    done = subprocess.run(
        [program, *words], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def import_by_hand(server: RunningServer, command: str) -> None:
    """Run a command, of which ``neo4j-admin`` is the server's, while the server is stopped."""
    assert server.offline is not None
    write_programs(server.home)
    server.offline(lambda: run_in_folder(command, home=server.home))
