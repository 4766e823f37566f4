"""The command that removes a user for good."""

from __future__ import annotations

from typing import Annotated

import typer

from linkspan.commands.ask import User, open_client
from linkspan.commands.options import Config, Json, Uri
from linkspan.console import out, show_json, table
from linkspan.errors import ConfigError, DataError
from linkspan.forgetting import find_in_files, forget_in_files
from linkspan.graph.users.forgetting import Forgot, find_user, forget_user, read_forgotten
from linkspan.graph.writing.lease import Lease
from linkspan.settings import Settings, load_settings
from linkspan.workspace import Workspace

app = typer.Typer()


@app.command()
def forget(
    user: User,
    same_as: Annotated[
        bool, typer.Option("--same-as", help="Forget all keys that are one with this one, too.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    config: Config = None,
    uri: Uri = None,
    as_json: Json = False,
) -> None:
    """Remove a user for good: from the graph, and from Linkspan's files and models."""
    if as_json and not yes:
        raise ConfigError("nothing can be asked with --json", hint="Add --yes to remove all of it")
    settings = load_settings(config, database__uri=uri)
    workspace = Workspace(settings.folder)
    with open_client(config, uri) as client:
        key = client.user_key(user)
        keys, found = find_user(client.database, key, client.names, same_as=same_as)
        there = bool(keys) or bool(find_in_files(workspace, key.__eq__))
        if not there and not read_forgotten(client.database).has(key):
            raise DataError(f"there is no user {user!r}", hint="Give the key, as for recommend")
        if keys and not as_json:
            _show(found)
        if there and not yes and not typer.confirm("Remove all of it, for good?"):
            return out.print("Nothing was removed.")
        with Lease(client.database, "forgetting of a user"):  # no publish reads these files now
            if keys:
                forget_user(client.database, key, client.names, same_as=same_as)
            # Also those whom the graph has forgotten and an earlier start did not come to.
            keys = sorted(
                {key, *keys, *find_in_files(workspace, read_forgotten(client.database).has)}
            )
            removed = forget_in_files(workspace, keys, _user_columns(settings))
    if as_json:
        return show_json({"graph": found, "files": removed})
    for what, count in removed.items():
        out.print(f"{what}: {count:,}")
    if not (there or removed):
        return out.print("Forgotten. Nothing was left to remove.")
    out.print(
        "Forgotten. What the network learned, and the lists of others, are as they were until the "
        "next training; it will not see this user."
    )
    return None


def _user_columns(settings: Settings) -> set[str] | None:
    """Columns of the mapping's files with ids of users; None where there is no mapping."""
    if settings.adopts or not settings.tables:
        return None
    return {name for _, spec in settings.mapping().tables() for name in spec.user_columns()}


def _show(found: Forgot) -> None:
    shown = table("in the graph", ">count")
    shown.add_row("keys of the user", f"{found.users:,}")
    for kind, count in found.relationships.items():
        shown.add_row(kind, f"{count:,}")
    out.print(shown)
