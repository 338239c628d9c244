"""What can be trained."""

from dataclasses import asdict

import typer

from audiogan.cli.printing import Json, show_rows


def presets(context: typer.Context, as_json: Json = False) -> None:
    """The models that can be trained, with their settings."""
    rows = [
        {
            "name": name,
            "title": item.title,
            "about": item.about,
            "source": item.source,
            "settings": asdict(item.settings),
        }
        for name, item in context.obj.presets().items()
    ]
    show_rows("presets", rows, as_json, "", columns=("name", "title", "about"))
