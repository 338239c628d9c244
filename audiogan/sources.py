"""Public data sets: which there are, where they lie, and what they take."""

from dataclasses import dataclass, replace

from audiogan.files import DatasetError


class SourceError(DatasetError):
    """A public data set that cannot be had; the message says what to do."""


@dataclass(frozen=True)
class Archive:
    """One file of a public data set."""

    address: str
    name: str
    archive_bytes: int = 0
    """0 where the record says it."""

    checksum: str = ""
    """`algorithm:digits`; empty where the record says it."""

    record: str = ""
    """Address of the publisher's own list of files (Zenodo's JSON) with their sizes and checksums."""


@dataclass(frozen=True)
class Source:
    """A public data set."""

    name: str
    title: str
    about: str
    licence: str
    page: str
    """Where a person reads about it."""

    archives: tuple[Archive, ...] = ()
    """Empty when it can only be had by hand."""

    most_archive_bytes: int = 0
    """What the archives have together, or a bound of it: what is said before anything is asked of a server."""

    most_unpacked_bytes: int = 0
    """Room for what is unpacked; archives that hold more are refused."""

    folders: tuple[str, ...] = ()
    """The folders that are unpacked; all of them when empty."""

    by_hand: str = ""
    """One sentence on how to get it, for those that ask for an account."""


DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

# Size and SHA-256 are those of TensorFlow Datasets' registry (tensorflow_datasets/url_checksums/speech_commands.txt);
# torchaudio's speechcommands.py names the same file on the same host.
_SPEECH_COMMANDS = Archive(
    "https://storage.googleapis.com/download.tensorflow.org/data/speech_commands_v0.02.tar.gz",
    "speech_commands_v0.02.tar.gz",
    archive_bytes=2_428_923_189,
    checksum="sha256:af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
)

# No registry was found that carries checksums of these two files, and none is invented here: size and MD5 are asked of
# Zenodo's record when they are needed. That finds a broken transfer; an exchanged file it would not find.
_FSDKAGGLE2018 = tuple(
    Archive(f"https://zenodo.org/records/2552860/files/{name}?download=1", name, record=record)
    for record in ["https://zenodo.org/api/records/2552860"]
    for name in ["FSDKaggle2018.meta.zip", "FSDKaggle2018.audio_train.zip"]
)

_WORDS = Source(
    name="speech_commands",
    title="Speech Commands 0.02",
    about="35 words by 2,618 speakers, 105,829 clips of up to one second at 16 kHz (arXiv 1804.03209).",
    licence="CC BY 4.0",
    page="https://arxiv.org/abs/1804.03209",
    archives=(_SPEECH_COMMANDS,),
    most_archive_bytes=2_428_923_189,
    # 105,829 clips of at most 32,044 bytes make 3.4 GB, and the background noise a few MB
    most_unpacked_bytes=3_600_000_000,
)

SOURCES = {
    source.name: source
    for source in (
        replace(
            _WORDS,
            name="sc09",
            title="SC09, spoken digits",
            about="The ten words zero to nine of Speech Commands, clips of up to one second at 16 kHz.",
            # ten words with about 4,050 clips at most
            most_unpacked_bytes=1_500_000_000,
            folders=DIGITS,
        ),
        _WORDS,
        Source(
            name="fsdkaggle2018",
            title="FSDKaggle2018, 41 kinds of sound",
            about="41 instruments and everyday sounds, 94 to 300 clips each at 44.1 kHz, in part confirmed by hand.",
            licence="Creative Commons, each clip its own",
            page="https://zenodo.org/records/2552860",
            archives=_FSDKAGGLE2018,
            # audio_train and audio_test together have 4.6 GiB; the first alone is asked for
            most_archive_bytes=4_950_000_000,
            # about 18 hours (dcase.community, challenge 2018, task 2) at 88,200 bytes a second make 5.7 GB
            most_unpacked_bytes=7_000_000_000,
        ),
        Source(
            name="birdsong",
            title="British bird song",
            about="264 FLAC recordings of British birds from xeno-canto, with a table of their names.",
            licence="Creative Commons, each recording its own",
            page="https://www.kaggle.com/datasets/rtatman/british-birdsong-dataset",
            by_hand=(
                "British bird song needs an account at Kaggle: download it from "
                "https://www.kaggle.com/datasets/rtatman/british-birdsong-dataset, unpack it, and give the folder that "
                "holds birdsong_metadata.csv and songs/ as a folder of your own."
            ),
        ),
    )
}
"""The public data sets that the presets were published on."""


def find_source(name: str) -> Source:
    """The public data set of that name. Raises SourceError naming those there are."""
    if name not in SOURCES:
        raise SourceError(f"There is no public data set '{name}'. There is {', '.join(SOURCES)}.")
    return SOURCES[name]
