"""What a training would be, and what it would cost, before there is a run."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata

from audiogan import devices, probe, worker
from audiogan.config import Limit, RunConfig
from audiogan.datasets import Dataset
from audiogan.lab.sounds import Sounds
from audiogan.presets import PRESETS, Preset, preset, suited


@dataclass(frozen=True)
class Pace:
    """What a few steps of a training took, in a process of their own."""

    device: str
    steps_per_second: float
    first_sound_seconds: float
    memory_bytes: int
    parameters: int
    construction: str
    """What transform and networks make of the clips' length and rate, in words."""


@dataclass(frozen=True)
class Estimate(Pace):
    """What a training of a certain length will cost."""

    total_seconds: float
    total_steps: int
    disk_bytes: int
    """What it can take on disk at the very most."""


class Planning(Sounds):
    """Presets, devices, the config of a run to be, and its estimate. Needs the data sets."""

    def presets(self) -> dict[str, Preset]:
        return PRESETS

    def suggested_preset(self, device: str = "auto") -> str:
        """The preset to begin with on that device: 'studio' on an NVIDIA card, 'framegan' elsewhere."""
        is_card = device.startswith("cuda") or (device == "auto" and devices.has_cuda())
        return "studio" if is_card else "framegan"

    def describe_device(self, name: str = "auto") -> str:
        """The device that training would use, in words. Imports torch (seconds, the first time)."""
        return devices.describe_device(name)

    def configure(
        self, dataset: Dataset, preset_name: str, assignments: Sequence[str] = (), seed: int = 0
    ) -> RunConfig:
        """What a run of that preset on that data set would be made with; `assignments` are `key=value` texts.

        Raises SettingError for an unknown preset or key, or a value out of range.
        """
        settings = preset(preset_name).settings.with_text(list(assignments))
        named = {assignment.partition("=")[0] for assignment in assignments}
        trained_on = 1 - settings.hold_out
        commonest = max(1, round(max(dataset.counts.values()) * trained_on)) if len(dataset.labels) > 1 else 0
        settings = suited(settings, named, round(dataset.n_clips * trained_on), commonest)
        return RunConfig(
            preset=preset_name,
            settings=settings,
            dataset=dataset.name,
            fingerprint=dataset.fingerprint,
            rate=dataset.rate,
            clip_samples=dataset.clip_samples,
            labels=tuple(dataset.labels),
            seed=seed,
            created=now(),
            versions={
                "audiogan": _version("audiogan"),
                "torch": _version("torch"),
                "python": platform.python_version(),
            },
        )

    def describe_construction(self, config: RunConfig) -> str:
        """What the preset makes of the data set's clip length and rate: layers added or dropped, what is cropped or
        padded. Imports torch."""
        return worker.describe_construction(config)

    def measure(self, config: RunConfig, device: str = "auto") -> Pace:
        """The pace of a training, by running a few of its steps in a process of their own (about ten seconds).

        Raises RunError when it cannot fit the device's memory, or not one step can be run.
        """
        dataset = self.dataset(config.dataset)
        probe.check_memory(config, dataset.n_clips, device)
        measured = probe.probe(config, dataset.folder, device)
        return Pace(
            device=measured["device"],
            steps_per_second=measured["steps_per_second"],
            first_sound_seconds=measured["first_sound_seconds"],
            memory_bytes=measured["memory_bytes"],
            parameters=measured["generator_parameters"] + measured["discriminator_parameters"],
            construction=worker.describe_construction(config),
        )

    def estimate(self, config: RunConfig, limit: Limit, pace: Pace) -> Estimate:
        """What a training of that length will cost at that pace. Imports torch.

        Raises RunError when the disk may not hold it.
        """
        from audiogan import disk

        dataset = self.dataset(config.dataset)
        limit = limit.or_default(config.settings)
        disk.check_room(self.runs_folder, config, limit, dataset.n_clips)
        if limit.minutes is not None:
            steps, seconds = round(limit.minutes * 60 * pace.steps_per_second), limit.minutes * 60
        else:
            clips_per_step = config.settings.batch * config.settings.critic_steps
            n_clips = len(worker.load_clips(dataset.folder, config).training_places)
            epochs_as_steps = (limit.epochs or 0) * n_clips / clips_per_step
            steps = limit.steps or round(epochs_as_steps)
            seconds = steps / pace.steps_per_second
        return Estimate(
            **vars(pace),
            total_seconds=seconds,
            total_steps=steps,
            disk_bytes=disk.most_bytes(config, Limit(steps=max(1, steps)), dataset.n_clips),
        )

    def _check_room(self, config: RunConfig, limit: Limit, device: str, there_bytes: int = 0) -> None:
        """Raise RunError when the device's memory or the disk cannot hold a training."""
        from audiogan import disk

        n_clips = {dataset.name: dataset.n_clips for dataset in self.datasets()}.get(config.dataset, 0)
        probe.check_memory(config, n_clips, device)
        disk.check_room(self.runs_folder, config, limit, n_clips, there_bytes)


def now() -> str:
    """This moment as a config holds it: ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"
