"""The house rules: imports run one way, training travels light, nothing is ever unpickled."""

import ast
import inspect
import os
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import audiogan
from audiogan.lab import Lab

PACKAGE = Path(audiogan.__file__).parent
REPOSITORY = PACKAGE.parent
ROOMS = sorted(PACKAGE.rglob("*.py"))
PAGES = [REPOSITORY / "app.py", *sorted((REPOSITORY / "pages").glob("*.py"))]


def room_of(module: str) -> str:
    """'audiogan.models.wavegan' -> 'models'."""
    return (module.split(".") + [""])[1]


def imports_of(path: Path) -> set[str]:
    """Full names of all modules that a file imports, at its top or inside a function."""
    modules = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            is_package = (PACKAGE.parent / Path(*node.module.split("."))).is_dir()
            modules |= {f"{node.module}.{name.name}" for name in node.names} if is_package else {node.module}
    return modules


def ours(path: Path) -> set[str]:
    """The rooms that a file imports, without the package's own version number."""
    modules = {module for module in imports_of(path) if module.split(".")[0] == "audiogan"}
    return {room_of(module) for module in modules - {"audiogan", "audiogan.__version__"}}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")


def forbid(names: set[str]) -> str:
    """Python text that makes imports of these packages fail."""
    return f"""
import sys
class Forbidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names!r}:
            raise ImportError(name + " is not on this machine")
sys.meta_path.insert(0, Forbidden())
"""


def run_python(text: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    result = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_imports_run_one_way():
    below: dict[str, set[str]] = {}
    for path in ROOMS:
        room = room_of(module_name(path))
        below.setdefault(room, set()).update(ours(path) - {room})
    try:
        order = list(TopologicalSorter(below).static_order())
    except CycleError as error:
        pytest.fail(f"these rooms import each other: {' <- '.join(error.args[1])}")
    # what a person meets knows everything, and nothing knows it
    assert set(order[-3:]) == {"cli", "ui", "__main__"}


@pytest.mark.parametrize("room", ["audio", "losses", "latent", "metrics", "whole"])
def test_the_ground_floor_imports_nothing_of_ours_but_settings(room):
    assert ours(PACKAGE / f"{room}.py") <= {"config", "settings", "ranks"}


@pytest.mark.parametrize("path", [*PAGES, *sorted((PACKAGE / "ui").glob("*.py"))], ids=module_name)
def test_pages_and_routes_know_the_laboratory_and_no_other_room(path):
    assert ours(path) <= {"lab", "wording", "spectrogram", "ui"}


@pytest.mark.parametrize("path", sorted((PACKAGE / "cli").glob("*.py")), ids=module_name)
def test_the_command_line_knows_the_laboratory_and_no_other_room(path):
    # how a file is written whole is nobody's room
    assert ours(path) <= {"lab", "wording", "whole", "cli"}


@pytest.mark.parametrize("path", [path for path in [*ROOMS, *PAGES] if path.parent.name != "lab"], ids=module_name)
def test_the_laboratory_has_one_door(path):
    assert not imports_of(path) & {module_name(section) for section in (PACKAGE / "lab").glob("[!_]*.py")}


@pytest.mark.parametrize("section", Lab.__mro__[1:-1], ids=lambda section: section.__name__)
def test_a_section_of_the_laboratory_inherits_all_that_it_needs(section, tmp_path):
    nodes = ast.walk(ast.parse(inspect.getsource(section)))
    needed = {node.attr for node in nodes if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "self"}
    there = section(tmp_path)
    assert [name for name in sorted(needed) if not hasattr(there, name)] == []


def test_streamlit_is_known_to_pages_alone():
    knowing = {path for path in ROOMS if any(module.split(".")[0] == "streamlit" for module in imports_of(path))}
    assert {path.parent.name for path in knowing} <= {"ui"}


def test_training_needs_torch_and_numpy_alone(tmp_path):
    forbidden = {"soundfile", "soxr", "av", "streamlit", "librosa", "matplotlib", "rich", "typer", "filelock", "scipy"}
    text = f"""
import numpy as np, torch
from audiogan import training
from audiogan.judging import judge, scoring
from audiogan.config import Limit, RunConfig
from audiogan.examples import Clips
from audiogan.presets import PRESETS
from audiogan.runs import Run
from pathlib import Path
settings = PRESETS["framegan"].settings.with_text(["width=4", "batch=4", "griffin_lim_iterations=1"])
config = RunConfig("framegan", settings, "tiny", "0", 8000, 2000, ("a", "b"))
clips = Clips(np.random.default_rng(0).integers(-9999, 9999, (8, 2000), dtype=np.int16), np.arange(8) % 2)
run = Run.create(Path({str(tmp_path)!r}), config, "first")
print(training.train(run, clips, Limit(steps=2), torch.device("cpu"), lambda tick: None, lambda wave: b""))
"""
    assert run_python(forbid(forbidden) + text).strip() == "finished"


def test_a_first_page_does_not_wait_for_torch():
    slow = {"torch", "librosa", "matplotlib", "scipy", "av", "soundfile", "soxr"}
    text = "from audiogan.lab import Lab; lab = Lab('nowhere'); lab.runs(), lab.datasets(), lab.presets()"
    run_python(forbid(slow) + text)


@pytest.mark.parametrize("path", [*ROOMS, *PAGES], ids=module_name)
def test_nothing_is_ever_unpickled(path):
    unpickling = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    assert not {module.split(".")[0] for module in imports_of(path)} & unpickling
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if (path.stem, called) == ("own_embedders", "torch.jit.load"):
            continue  # a TorchScript file is a program by design, and run only when a user names it
        assert called not in ("torch.load", "torch.save", "torch.jit.load", "eval", "exec", "pd.read_pickle")
        if called in ("np.load", "numpy.load"):
            assert "allow_pickle=False" in [ast.unparse(keyword) for keyword in node.keywords]
