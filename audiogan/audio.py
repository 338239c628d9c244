"""Bytes <-> float32 samples, nominally in [-1, 1], and what is done to a sound in between.

Importing this needs NumPy alone: soundfile, soxr and PyAV are imported where they are used, because the trainer also
runs on machines that have none of them.
"""

import io
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

FULL_SCALE = 32767
"""The 16-bit value of 1.0, so that -1 and 1 both have one."""

LARGEST_DECODED_VALUES = 2**28
"""Samples times channels that are decoded at most: 1 GiB of float32, 50 minutes of stereo at 44.1 kHz. A few bytes
of a compressed format can announce days of silence."""

UNKNOWN_SIZE_BYTES = 2**31 - 2**16
"""Chunk sizes from here on mean "not known yet": programs that write to a pipe put 2^31 or 2^32 less a header."""

QUIET_DB = -45.0
"""What lies this far below a sound's loudest moment is taken for its silence: most rooms, tapes and 8-bit files are
noisy up to -50 dB, and the tail of a drum below it is not missed."""

TRIM_FRAME_SECONDS = 0.0025
"""Resolution of trimming. Shorter than the 5 ms in which an attack and its lead are heard as one, long enough to hold
20 samples at 8 kHz, of which a level can be told."""

LOWEST_PLAUSIBLE_RATE, HIGHEST_PLAUSIBLE_RATE = 1_000, 1_536_000
"""Hz. Below lies nothing that was ever sold for sound, above nothing that converters make (32 times 48 kHz): a header
that says so is damaged, and resampling from such a rate could fill the memory."""

PCM = 1
"""Format tag of uncompressed integers in a WAV file."""


class UnreadableAudio(ValueError):
    """Bytes that no sound comes out of; the message says why in a few words."""


def decode(data: bytes | Path) -> tuple[np.ndarray, int]:
    """The samples (T, C) of an audio or video file, float32, and its rate in Hz.

    Integers become [-1, 1); floating-point files may go beyond. Samples that are not finite become 0: exporters leave
    a few behind, and one of them would spread through everything computed from the sound. Raises UnreadableAudio for
    what is empty, damaged beyond use, too long to hold or not audio, and OSError when a path cannot be read.
    """
    if isinstance(data, Path):
        data = data.read_bytes()
    if not data:
        raise UnreadableAudio("empty file (0 bytes)")
    wave = _wave_header(data)
    samples, rate = _decode_pcm16(data, wave) if wave and wave.is_whole_pcm16 else _decode_by_library(data)
    if not len(samples):
        raise UnreadableAudio("no samples in it")
    if not LOWEST_PLAUSIBLE_RATE <= rate <= HIGHEST_PLAUSIBLE_RATE:
        raise UnreadableAudio(f"damaged: its header says {rate:,} samples per second")
    return samples, rate


def announced_samples(data: bytes) -> int | None:
    """How many samples in time a WAV or FLAC file says it has; None where it does not say or has another format.

    More than `decode` returns means that the file was cut short. MP3 and Ogg only estimate their length.
    """
    wave = _wave_header(data)
    if wave and wave.frame_bytes and 0 < wave.announced_bytes < UNKNOWN_SIZE_BYTES:
        return wave.announced_bytes // wave.frame_bytes
    if data[:4] == b"fLaC":
        # STREAMINFO begins at byte 8; the low 36 bits of its bytes 10 to 17 count the samples, 0 for unknown
        return int.from_bytes(data[18:26], "big") & (2**36 - 1) or None
    return None


@dataclass(frozen=True)
class _WaveHeader:
    """What the `fmt ` chunk of a WAV file says, and where its samples are."""

    coding: int
    channels: int
    rate: int
    frame_bytes: int
    bits: int
    start: int
    announced_bytes: int
    file_bytes: int

    @property
    def is_whole_pcm16(self) -> bool:
        """Whether the samples are 16-bit integers and all there."""
        return (
            (self.coding, self.bits, self.frame_bytes) == (PCM, 16, 2 * self.channels)
            and self.channels > 0
            and 0 < self.announced_bytes <= min(self.file_bytes - self.start, 2 * LARGEST_DECODED_VALUES)
        )


def _wave_header(data: bytes) -> _WaveHeader | None:
    """The header of a RIFF WAV file, or None for everything else, a header that ends too early included."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return None
    at, layout = 12, None
    while at + 8 <= len(data):
        name, chunk_bytes = struct.unpack_from("<4sI", data, at)
        at += 8
        if name == b"fmt " and at + 16 <= len(data):
            coding, channels, rate, _, frame_bytes, bits = struct.unpack_from("<HHIIHH", data, at)
            layout = coding, channels, rate, frame_bytes, bits
        if name == b"data":
            return _WaveHeader(*layout, at, chunk_bytes, len(data)) if layout else None
        at += chunk_bytes + chunk_bytes % 2
    return None


def _decode_pcm16(data: bytes, wave: _WaveHeader) -> tuple[np.ndarray, int]:
    # most sample packs are this; libsndfile, which calls back into Python for every read, takes five times as long
    values = np.frombuffer(data, "<i2", wave.announced_bytes // wave.frame_bytes * wave.channels, wave.start)
    return (values * np.float32(1 / 32768)).reshape(-1, wave.channels), wave.rate


def _decode_by_library(data: bytes) -> tuple[np.ndarray, int]:
    """By libsndfile, and what that cannot read (AAC, video, FLAC that breaks off, ...) by FFmpeg."""
    import soundfile

    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            _check_length(file.frames * file.channels)
            samples, rate = file.read(dtype="float32", always_2d=True), file.samplerate
    except soundfile.LibsndfileError:
        samples, rate = _decode_by_ffmpeg(data)
    if not len(samples):
        # a WAV file written to a pipe may give its size as 0, which libsndfile believes
        samples, rate = _decode_by_ffmpeg(data)
    finite = np.isfinite(samples)
    if not finite.all():
        samples[~finite] = 0
    return samples, rate


def _decode_by_ffmpeg(data: bytes) -> tuple[np.ndarray, int]:
    """The first audio stream, up to where it breaks off."""
    import av

    blocks, rate, values = [], 0, 0
    try:
        # playlists name other files and addresses, which must not be opened on behalf of a dropped file
        with av.open(io.BytesIO(data), options={"protocol_whitelist": ""}) as container:
            if not container.streams.audio:
                raise UnreadableAudio("no sound in it, only pictures or text")
            to_float = av.AudioResampler(format="fltp")
            for frame in container.decode(audio=0):
                rate = frame.sample_rate
                for block in to_float.resample(frame):
                    blocks.append(block.to_ndarray())
                    values += blocks[-1].size
                    _check_length(values)
    except (av.FFmpegError, OSError) as error:
        if not blocks:
            raise UnreadableAudio("not audio: neither libsndfile nor FFmpeg can read it") from error
    if not blocks:
        raise UnreadableAudio("no samples in it")
    return np.ascontiguousarray(np.concatenate(blocks, axis=1).T), rate


def _check_length(values: int) -> None:
    if values > LARGEST_DECODED_VALUES:
        raise UnreadableAudio("too long to hold in memory (over 50 minutes of CD stereo): split it into parts")


def downmix(x: np.ndarray) -> np.ndarray:
    """(T, C) -> (T,): the mean of the channels, or the loudest channel where they cancel each other."""
    if x.shape[1] == 1:
        return x[:, 0]
    channels = np.ascontiguousarray(x.T)
    return channels[np.argmax(_energies(channels))] if channels_cancel(x) else channels.mean(axis=0)


def channels_cancel(x: np.ndarray) -> bool:
    """Whether the mean of the channels (T, C) would lose most of the sound.

    Unrelated channels, and sound in one channel only, leave the mean with 1/C of the channels' average energy, equal
    channels with all of it, opposite ones with none. Less than half of 1/C is called cancelling. A constant offset is
    not sound and does not count.
    """
    channels = np.ascontiguousarray(x.T)
    if len(channels) == 1:
        return False
    return bool(2 * len(channels) * _energies(channels.mean(axis=0)) < _energies(channels).mean())


def _energies(x: np.ndarray) -> np.ndarray:
    """The energy of each sound (..., T) about its mean: (...)."""
    x = remove_dc(x)
    return np.einsum("...t,...t", x, x)


def remove_dc(x: np.ndarray) -> np.ndarray:
    """The same sounds (..., T), each with mean 0."""
    return x - x.sum(axis=-1, keepdims=True) / x.shape[-1]


def trim(x: np.ndarray, rate: int, threshold_db: float = QUIET_DB) -> np.ndarray:
    """The part of a sound (T,) between its first and its last loud moment, a view.

    A moment is a frame of 2.5 ms, and loud when its energy is at most `threshold_db` below that of the loudest frame.
    One quiet frame is kept on either side, so that an onset lies 2.5 to 5 ms after the beginning.
    """
    frame_samples = max(1, round(TRIM_FRAME_SECONDS * rate))
    count = len(x) // frame_samples
    if count < 2:
        return x
    frames = x[: count * frame_samples].reshape(count, frame_samples)
    energies = np.einsum("ft,ft->f", frames, frames)
    loud = (energies >= energies.max() * 10 ** (threshold_db / 10)).nonzero()[0]
    first, last = max(0, loud[0] - 1), loud[-1] + 2
    return x[first * frame_samples : last * frame_samples]


def resample(x: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    """A sound (T,) at another rate: (round(T * new_rate / rate),), with what the new rate cannot hold filtered out."""
    if rate == new_rate:
        return x
    import soxr

    return soxr.resample(x, rate, new_rate, quality="HQ")


def cut(x: np.ndarray, clip_samples: int) -> list[np.ndarray]:
    """Consecutive pieces (up to clip_samples,) of a sound (T,), views, at least one.

    Only the last may be shorter: a remainder of half a clip or more, or a sound that is shorter than one clip.
    """
    whole, rest = divmod(len(x), clip_samples)
    count = max(1, whole + (2 * rest >= clip_samples))
    return [x[at * clip_samples : (at + 1) * clip_samples] for at in range(count)]


def pad(sounds: list[np.ndarray], clip_samples: int) -> np.ndarray:
    """Sounds (up to clip_samples,) of one type as rows of an array (N, clip_samples), each followed by silence."""
    padded = np.zeros((len(sounds), clip_samples), sounds[0].dtype if sounds else np.float32)
    for row, sound in zip(padded, sounds, strict=True):
        row[: len(sound)] = sound
    return padded


def fade(x: np.ndarray, rate: int, in_seconds: float = 0.0, out_seconds: float = 0.0) -> np.ndarray:
    """A sound (T,) that rises from 0 and falls to 0 in straight lines; one shorter than a fade gets part of it."""
    faded = x.copy()
    rising = _ramp(in_seconds, rate)[: len(x)]
    faded[: len(rising)] *= rising
    falling = _ramp(out_seconds, rate)[: len(x)][::-1]
    faded[len(x) - len(falling) :] *= falling
    return faded


def _ramp(seconds: float, rate: int) -> np.ndarray:
    """From 0 up to, not including, 1."""
    samples = round(seconds * rate)
    return np.arange(samples, dtype=np.float32) / max(1, samples)


def peak(x: np.ndarray) -> float:
    """The largest absolute sample of a sound (T,)."""
    return float(max(np.maximum.reduce(x), -np.minimum.reduce(x)))


def normalise_peak(x: np.ndarray, peak_db: float = -1.0) -> np.ndarray:
    """A sound (T,) brought to a peak in dB of full scale; silence stays silence."""
    return x * np.float32(amplitude(peak_db) / (peak(x) or 1.0))


def without_clipping(x: np.ndarray) -> np.ndarray:
    """A sound (T,) as it is, or turned down as a whole to the peak 1 when it goes beyond."""
    return x / np.float32(max(1.0, peak(x)))


def amplitude(level_db: float) -> float:
    """The amplitude, 1 at full scale, of a level in dB."""
    return 10 ** (level_db / 20)


def to_int16(x: np.ndarray) -> np.ndarray:
    """Samples in [-1, 1] as 16-bit integers; what goes beyond is clipped."""
    scaled = np.rint(x * np.float32(FULL_SCALE))
    return np.maximum(np.minimum(scaled, FULL_SCALE), -FULL_SCALE).astype(np.int16)


def from_int16(x: np.ndarray) -> np.ndarray:
    """16-bit integers as float32 in [-1, 1]: the inverse of `to_int16`."""
    return x * np.float32(1 / FULL_SCALE)


def encode_wav(x: np.ndarray, rate: int) -> bytes:
    """A mono 16-bit WAV file of the samples (T,) in [-1, 1]."""
    import soundfile

    wav = io.BytesIO()
    soundfile.write(wav, to_int16(x), rate, format="WAV", subtype="PCM_16")
    return wav.getvalue()
