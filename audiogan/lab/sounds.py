"""From public sources, folders and uploads to data sets of clips."""

from collections.abc import Callable, Sequence
from pathlib import Path

from audiogan import datasets, downloads, survey
from audiogan.datasets import Dataset
from audiogan.downloads import Download
from audiogan.files import Upload
from audiogan.lab.home import Home
from audiogan.runs import Run, RunError
from audiogan.sources import SOURCES, Source
from audiogan.survey import Survey

BUILT_IN = "built-in"
"""The data set of sounds that the program synthesises itself."""


class Sounds(Home):
    """Sounds are downloaded, surveyed and made into data sets, which are found again by name, or by a run's config."""

    def __init__(self, home: Path | str | None = None) -> None:
        super().__init__(home)
        self._downloads: dict[tuple[str, Path], Download] = {}

    def public_sources(self) -> dict[str, Source]:
        """The public data sets that can be downloaded, or are said how to get by hand."""
        return SOURCES

    def download(self, name: str, to: Path | None = None, progress: Callable[[int, int], None] | None = None) -> Path:
        """The folder with a public data set's sounds, in `to` or in the home's `downloads/`; bytes are told.

        Raises DatasetError for an unknown name, too little room, a connection that breaks off (the next call goes on
        from there), a wrong checksum or a hostile archive.
        """
        return downloads.download(name, to or self.downloads_folder, progress)

    def kept_archives(self, name: str, to: Path | None = None) -> list[str]:
        """A sentence for each archive that a download left behind because another public data set is made of it too."""
        return downloads.kept_archives(name, to or self.downloads_folder)

    def start_download(self, name: str, to: Path | None = None) -> Download:
        """The same in a thread of its own; a download that is under way is the one that comes back."""
        place = name, Path(to or self.downloads_folder).expanduser().resolve()
        if place not in self._downloads or not self._downloads[place].is_active:
            self._downloads[place] = Download(*place)
        return self._downloads[place]

    def survey(self, sources: Sequence[Path | Upload], progress: Callable[[int, int], None] | None = None) -> Survey:
        """Look at every file of folders, files, ZIPs or uploads: which are sounds, which are refused and why.

        Raises NoSounds when there is nothing to train on.
        """
        return survey.listen(list(sources), progress)

    def prepare(
        self,
        survey: Survey,
        name: str,
        rate: int | None = None,
        seconds: float | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Dataset:
        """Clips of one rate and length from a survey's accepted files, as suggested where not given."""
        suggestion = survey.suggest()
        return datasets.prepare(
            survey,
            self.datasets_folder,
            name,
            suggestion.rate if rate is None else rate,
            suggestion.seconds if seconds is None else seconds,
            progress=progress,
        )

    def prepare_built_in(self) -> Dataset:
        """The built-in sounds as a data set, made on first use."""
        from audiogan import audio, synthesis

        if BUILT_IN in {dataset.name for dataset in self.datasets()}:
            return self.dataset(BUILT_IN)
        sounds = synthesis.built_in_sounds()
        uploads = [
            Upload(f"{sound.label}/{sound.name}.wav", audio.encode_wav(sound.samples, sound.rate)) for sound in sounds
        ]
        return self.prepare(self.survey(uploads), BUILT_IN)

    def datasets(self) -> list[Dataset]:
        """The prepared data sets."""
        return datasets.list_datasets(self.datasets_folder)

    def dataset(self, name: str) -> Dataset:
        """The data set of that name. Raises RunError naming those there are."""
        for dataset in self.datasets():
            if dataset.name == name:
                return dataset
        known = ", ".join(dataset.name for dataset in self.datasets()) or "none yet: prepare one first"
        raise RunError(f"There is no data set '{name}'. There is {known}.")

    def _dataset_of(self, run: Run, name: str | None = None) -> Dataset:
        """The data set of that name, by default the one that the run was trained on: that of the same clips, whatever
        it is called by now, or else what is there under its name. Raises RunError without one."""
        if name is not None:
            return self.dataset(name)
        config, known = run.config, self.datasets()
        same = [dataset for dataset in known if dataset.fingerprint == config.fingerprint]
        same += [dataset for dataset in known if dataset.name == config.dataset]
        if same:
            return same[0]
        if config.dataset == BUILT_IN:
            return self.prepare_built_in()
        others = ", ".join(dataset.name for dataset in known) or "none yet"
        raise RunError(
            f"The data set '{config.dataset}' that '{run.name}' was trained on is gone: prepare it again, or choose "
            f"another one (there is {others})."
        )


def wav_of_clip(dataset: Dataset, index: int) -> bytes:
    """One clip of a data set as a WAV file."""
    from audiogan import audio

    return audio.encode_wav(dataset.clip(index), dataset.rate)
