"""Where everything lies: the folder that a Lab works on, and the program's own."""

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]

STARTER = "starter"
"""The model that ships with the program."""


def site() -> Path:
    """Where app.py, the pages and the starter model lie: the repository, or inside an installed package."""
    return PACKAGE.parent if (PACKAGE.parent / "app.py").exists() else PACKAGE / "_site"


def default_home() -> Path:
    """AUDIOGAN_HOME, else the repository, else (installed by pip) `audiogan` in the user's folder."""
    if os.environ.get("AUDIOGAN_HOME"):
        return Path(os.environ["AUDIOGAN_HOME"])
    return site() if site() == PACKAGE.parent else Path.home() / "audiogan"


class Home:
    """The folders under one home, which every section works on."""

    def __init__(self, home: Path | str | None = None) -> None:
        self.home = Path(home).expanduser().resolve() if home else default_home()
        self.datasets_folder = self.home / "datasets"
        self.runs_folder = self.home / "checkpoints"
        self.downloads_folder = self.home / "downloads"
        self.listening_folder = self.home / "listening"
