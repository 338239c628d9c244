"""Numbers -> pictures for files and documents. The pages draw with `audiogan.ui`."""

from pathlib import Path

from audiogan import whole
from audiogan.runs import Run
from audiogan.settings import BELIEFS


def draw_run(run: Run) -> None:
    """losses.png and probabilities.png of a run, one point an epoch as the published systems drew them."""
    losses, beliefs = run.epochs()
    if not losses["D LOSS"]:
        return
    belief_name = BELIEFS[run.config.settings.loss]
    _draw_lines(run.losses_picture, {"discriminator": losses["D LOSS"], "generator": losses["G LOSS"]}, "loss")
    _draw_lines(run.beliefs_picture, {"real": beliefs["REAL PROB"], "generated": beliefs["FAKE PROB"]}, belief_name)


def _draw_lines(path: Path, lines: dict[str, list[float]], y_name: str) -> None:
    from matplotlib.figure import Figure  # not pyplot: it would look for a screen

    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    for name, values in lines.items():
        axes.plot(range(1, len(values) + 1), values, label=name, linewidth=1)
    axes.set(xlabel="epoch", ylabel=y_name)
    axes.grid(alpha=0.3)
    axes.legend()
    with whole.replacing(path) as partial:
        figure.savefig(partial, format="png", dpi=100)
