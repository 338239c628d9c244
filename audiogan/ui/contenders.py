"""Which moments of which trainings are compared: chosen once at the top of the page, named by a letter below."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from audiogan.lab import STARTER, Lab, Run
from audiogan.ui.look import COLOURS, plain

LETTERS = "ABCD"


@dataclass(frozen=True)
class Contender:
    """One snapshot of a run."""

    run: Run
    step: int
    colour: str
    letter: str = ""
    """Empty for one that stands alone."""

    @property
    def title(self) -> str:
        """'first · step 20 (best)'."""
        return title(self.run, self.step)

    @property
    def lettered(self) -> str:
        """'A  first · step 20 (best)'."""
        return f"{self.letter}  {self.title}".strip()

    @property
    def words(self) -> str:
        """Letter and title as markdown."""
        return f"**{self.letter}** {plain(self.title)}" if self.letter else f"**{plain(self.title)}**"


def title(run: Run, step: int) -> str:
    """'first · step 20', and whether it is the best one."""
    return f"{run.name} · step {step:,}" + (" (best)" if step == run.best_step else "")


def choose_contenders(lab: Lab, runs: Sequence[Run]) -> list[Contender]:
    """Up to four snapshots of these runs, by default those of the page's address or else the newest finished run's."""
    by_name = {run.name: run for run in runs}
    moments = {(run.name, step): title(run, step) for run in runs for step in _steps(run)}
    wanted = [moment for text in st.query_params.get_all("run") for moment in _read(text, by_name)]
    chosen = st.multiselect(
        "Models to compare",
        list(moments),
        default=list(dict.fromkeys(wanted))[: len(LETTERS)] or [_usual(runs)],
        format_func=moments.get,
        max_selections=len(LETTERS),
        placeholder="Choose a model and a moment of its training",
        help="Up to four. The best moment of a training comes first, then the newest.",
        key="contenders",
    )
    st.query_params["run"] = [
        name if step == by_name[name].snapshot().step else f"{name}@{step}" for name, step in chosen
    ]
    letters = LETTERS if chosen[1:] else [""]
    return [
        Contender(by_name[name], step, colour, letter)
        for (name, step), colour, letter in zip(chosen, COLOURS, letters, strict=False)
    ]


def _steps(run: Run) -> list[int]:
    """The snapshots' steps, the best one first, then the newest."""
    usual = run.snapshot().step
    return [usual, *(item.step for item in reversed(run.snapshots()) if item.step != usual)]


def _read(text: str, runs: dict[str, Run]) -> list[tuple[str, int]]:
    """The moment that 'name' or 'name@step' in an address means, nothing where there is none."""
    name, _, step = text.rpartition("@") if text not in runs else (text, "", "")
    if name not in runs:
        return []
    steps = _steps(runs[name])
    return [(name, steps[0])] if not step else [(name, int(step))] if step in map(str, steps) else []


def _usual(runs: Sequence[Run]) -> tuple[str, int]:
    """The newest finished run's best moment; of any run, and at last of the starter model, where none has finished."""
    own = [run for run in runs if run.name != STARTER]
    finished = [run for run in own if run.status.state == "finished"]
    run = (finished or own or runs)[0]
    return run.name, run.snapshot().step
