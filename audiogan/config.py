"""What a run was made with and how far it goes: frozen dataclasses that travel as JSON."""

import json
from dataclasses import asdict, dataclass, field

from audiogan.settings import SettingError, Settings


@dataclass(frozen=True)
class Limit:
    """When a training ends: after so many generator steps, passes over the data, or minutes of training in all."""

    steps: int | None = None
    epochs: float | None = None
    minutes: float | None = None

    def __post_init__(self) -> None:
        given = {name: value for name, value in asdict(self).items() if value is not None}
        if len(given) > 1:
            raise SettingError(f"Give one limit, not {' and '.join(given)} together.")
        if any(value <= 0 for value in given.values()):
            raise SettingError("A limit must be greater than 0.")

    def or_default(self, settings: Settings) -> "Limit":
        """This limit, or the preset's own when none was given."""
        if self != Limit():
            return self
        if settings.steps:
            return Limit(steps=settings.steps)
        return Limit(epochs=settings.epochs) if settings.epochs else Limit(minutes=settings.minutes)

    def describe(self) -> str:
        """In words: '500 steps', '10 minutes'."""
        for name, value in asdict(self).items():
            if value is not None:
                return f"{value:g} {name if value != 1 else name[:-1]}" if name != "steps" else f"{value:,} steps"
        return "the preset's own limit"


def check_seed(seed: int) -> None:
    """Raise SettingError unless torch and numpy can both begin their random numbers from this."""
    if not 0 <= seed < 2**63:
        raise SettingError(f"A seed is a whole number from 0 to {2**63 - 1}; {seed} is not.")


@dataclass(frozen=True)
class RunConfig:
    """What a run was made with: written once, before the first step, and never changed."""

    preset: str
    settings: Settings
    dataset: str
    """Name of the data set's folder."""

    fingerprint: str
    """The data set's content hash; a data set that changed since is refused on resume."""

    rate: int
    """Samples per second."""

    clip_samples: int
    labels: tuple[str, ...]
    """Names of the labels in the order of their numbers; empty when the data set has none."""

    seed: int = 0
    created: str = ""

    origin: str = ""
    """From which run and step it goes on, and with what changed; empty for one that began at the beginning."""

    versions: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_seed(self.seed)

    @property
    def seconds(self) -> float:
        """Length of a clip."""
        return self.clip_samples / self.rate

    @property
    def label_names(self) -> tuple[str, ...]:
        """What can be asked for, the data set's labels or the groups in their place; empty when nothing."""
        if not self.settings.conditional:
            return ()
        if self.has_groups:
            return tuple(f"group {number + 1}" for number in range(self.settings.groups))
        return self.labels if len(self.labels) > 1 else ()

    @property
    def has_groups(self) -> bool:
        """Whether groups of alike clips stand in for labels."""
        return self.settings.conditional and len(self.labels) < 2 and self.settings.groups > 1

    @property
    def kinds_per_label(self) -> int:
        """Into how many kinds of alike clips each label, or group, is divided at most; 1 when it is learned whole."""
        return max(1, self.settings.kinds) if self.label_names else 1

    @property
    def is_divided(self) -> bool:
        """Whether classes were found by how clips sound, and are not just the data set's labels."""
        return self.has_groups or self.kinds_per_label > 1

    @property
    def shared_labels(self) -> tuple[str, ...]:
        """Labels that mean the same to other runs: groups are found anew for each data set."""
        return () if self.has_groups else self.label_names

    @property
    def n_labels(self) -> int:
        """How many labels there are to ask for: 0 when unconditional, otherwise two or more."""
        return len(self.label_names)

    @property
    def n_classes(self) -> int:
        """How many classes the networks are given: kind k of label n is class n * kinds_per_label + k."""
        return self.n_labels * self.kinds_per_label

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "RunConfig":
        values = json.loads(text)
        # runs that were begun before anything was held out trained on all clips, without kinds, and go on so
        settings = {"hold_out": 0.0, "kinds": 1} | values["settings"]
        # kinds meant nothing where there were labels, before there was another augmentation than this
        if settings.pop("roll_seconds", None) is not None and len(values["labels"]) > 1:
            settings["kinds"] = 1
        # groups were called kinds, and were not divided further
        if "groups" not in settings and settings["conditional"] and len(values["labels"]) < 2:
            settings["groups"], settings["kinds"] = settings["kinds"], 1
        values["settings"] = Settings(**settings)
        values["labels"] = tuple(values["labels"])
        return cls(**values)
