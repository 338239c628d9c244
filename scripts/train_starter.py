"""Train the starter model that ships in checkpoints/starter: `python scripts/train_starter.py [--minutes 15]`.

The default preset learns the built-in sounds, all from equations, so that nothing in it is anybody's recording. Only
what playing needs is kept: config, status, charts' numbers, the newest snapshot and its previews.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from rich import print

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from audiogan.lab import STARTER, Lab, Limit, site
from audiogan.wording import duration, size


def train_starter(minutes: float, target: Path) -> None:
    """Replace `target` by a freshly trained starter model."""
    with tempfile.TemporaryDirectory() as home:
        lab = Lab(home)
        dataset = lab.prepare_built_in()
        # sounds that differ evenly, as those of equations do, gain nothing from kinds (docs/quality.md)
        run = lab.create_run(lab.configure(dataset, "framegan", ["kinds=1"]), STARTER)
        status = lab.train(run, Limit(minutes=minutes))
        if status.state != "finished":
            raise SystemExit(f"{status.state}: {status.message}")
        for snapshot in run.snapshots()[:-1]:
            for path in (snapshot.path, *snapshot.previews):
                path.unlink()
        # scores speak of snapshots that are gone
        for path in (*run.folder.glob("resume*"), run.folder / "lock", run.folder / "scores.csv"):
            path.unlink(missing_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(run.folder, target)
        print(f"{status.step:,} steps in {duration(status.seconds)}; {size(run.disk_bytes())} in {target}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=15.0)
    train_starter(parser.parse_args().minutes, site() / "checkpoints" / STARTER)
