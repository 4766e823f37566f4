"""The command that says why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from linkspan.commands.ask import Item, User, open_client
from linkspan.commands.options import Config, Json, K, Uri
from linkspan.console import show_json
from linkspan.drawing import FORMATS
from linkspan.errors import ConfigError
from linkspan.explaining import show_explanation
from linkspan.scoring_again import score_again
from linkspan.settings import load_settings
from linkspan.workspace import Workspace

app = typer.Typer()


@app.command()
def explain(
    user: User,
    item: Item,
    k: K = 5,
    model: Annotated[
        bool, typer.Option("--model", help="Ask the run's model too; its files must be here.")
    ] = False,
    draw: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw it: .svg, .png or .pdf.")
    ] = None,
    config: Config = None,
    uri: Uri = None,
    as_json: Json = False,
) -> None:
    """Why an item is recommended to a user: its score, past items, paths in the graph.

    With --model also the item's place among all, and what the score loses without each past item.
    """
    if draw is not None and draw.suffix.lower() not in FORMATS:
        raise ConfigError(f"{draw} ends in none of {', '.join(FORMATS)}")
    with open_client(config, uri) as client:
        found = client.explain(user, item, k)
    if model:
        found = score_again(found, Workspace(load_settings(config).folder))
    if draw is not None:
        from linkspan.drawing_paths import draw_explanation

        draw_explanation(found, draw)
    show_json(found) if as_json else show_explanation(found)
