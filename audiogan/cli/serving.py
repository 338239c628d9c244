"""The app, for a browser on this computer."""

import os
import subprocess
import sys
from typing import Annotated

import typer

from audiogan.lab import Lab, site


def serve(context: typer.Context, port: Annotated[int, typer.Option(help="Port on this computer.")] = 8501) -> None:
    """Start the app in the browser."""
    lab: Lab = context.obj
    command = [sys.executable, "-m", "streamlit", "run", str(site() / "app.py"), "--server.port", str(port)]
    try:
        code = subprocess.call(command, env=os.environ | {"AUDIOGAN_HOME": str(lab.home)})
    except KeyboardInterrupt:
        code = 0
    raise typer.Exit(code)
