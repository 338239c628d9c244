"""What every benchmark prints and writes: one table, one JSON that names the machine."""

import json
import os
import platform
import statistics
import sys
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).parent / "results"

# benchmarks import this first, and then find the package in a checkout where it is not installed
sys.path.insert(0, str(Path(__file__).parents[1]))


def machine() -> dict:
    """The processor, its cores, and the versions that decide over speed."""
    import torch

    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "processor",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _processor() -> str:
    """The model's name as Linux tells it, otherwise what Python knows."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def spread(values: list[float]) -> dict[str, float]:
    """Minimum, median and maximum."""
    return {"min": min(values), "median": statistics.median(values), "max": max(values), "n": len(values)}


def publish(name: str, title: str, rows: list[dict], **details) -> None:
    """Print the rows as a table and write them, with the machine, to results/NAME.json."""
    cells = [[f"{value:.4g}" if isinstance(value, float) else str(value) for value in row.values()] for row in rows]
    try:
        from rich.console import Console
        from rich.table import Table
    except ImportError:  # a machine that only trains
        print(title, *map("  ".join, [list(rows[0]), *cells]), sep="\n")
    else:
        table = Table(*rows[0], title=title)
        for row in cells:
            table.add_row(*row)
        # wide tables are cut to letters on a narrow terminal
        Console(width=max(80, 14 * len(rows[0]))).print(table)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"machine": machine(), "rows": rows, **details}, indent=1) + "\n", encoding="utf-8")
    print(f"written to {path}")
