"""Lab(home): the facade. Pages, command line and HTTP routes import this package and no other of the rooms.

Each file is a section, a class that inherits from the sections it needs and from no other:

    home                                            the folders
    sounds, following, keeping                      data sets; runs; the room that both take
    planning -> training -> queueing                from a data set to a run at work
    playing -> generating, own_sounds               what a run's model makes
            -> judging, listening_tests             how good that is

Nothing here imports torch until a sound or a training needs it, so that a first page paints at once.
"""

import functools
from typing import TYPE_CHECKING

from audiogan.config import Limit, RunConfig
from audiogan.datasets import Dataset
from audiogan.downloads import Download
from audiogan.files import NoSounds, Upload
from audiogan.lab.generating import MOST_SOUNDS, Generating, Sound
from audiogan.lab.home import STARTER, site
from audiogan.lab.judging import ClosestPair, Judging
from audiogan.lab.listening_tests import ListeningTests
from audiogan.lab.own_sounds import OwnSounds, Reconstruction
from audiogan.lab.planning import Estimate
from audiogan.lab.playing import RealSound
from audiogan.lab.queueing import Queueing
from audiogan.lab.sounds import BUILT_IN, wav_of_clip
from audiogan.listening import ListeningTest, listener_name
from audiogan.presets import PRESETS, Preset
from audiogan.questions import KINDS, MOST_QUESTIONS, ListeningError
from audiogan.queue import Entry
from audiogan.reading import Finding
from audiogan.runs import METRICS, Run, RunError, Snapshot, Status
from audiogan.settings import SettingError, Settings, documentation
from audiogan.sources import Source
from audiogan.survey import Survey, SurveyedFile

if TYPE_CHECKING:
    from audiogan.judging.evaluation import Evaluation as Evaluation

__all__ = [
    "BUILT_IN",
    "KINDS",
    "METRICS",
    "MOST_QUESTIONS",
    "MOST_SOUNDS",
    "PRESETS",
    "STARTER",
    "ClosestPair",
    "Dataset",
    "Download",
    "Entry",
    "Estimate",
    "Finding",
    "Lab",
    "Limit",
    "ListeningError",
    "ListeningTest",
    "NoSounds",
    "Preset",
    "RealSound",
    "Reconstruction",
    "Run",
    "RunConfig",
    "RunError",
    "SettingError",
    "Settings",
    "Snapshot",
    "Sound",
    "Source",
    "Status",
    "Survey",
    "SurveyedFile",
    "Upload",
    "documentation",
    "listener_name",
    "open_lab",
    "site",
    "wav_of_clip",
]


class Lab(Queueing, Generating, OwnSounds, Judging, ListeningTests):
    """Everything a person can do, on the data sets and runs under one folder. It adds nothing to its sections."""


@functools.cache
def open_lab() -> Lab:
    """The one Lab of this process, on AUDIOGAN_HOME or the default home."""
    return Lab()
