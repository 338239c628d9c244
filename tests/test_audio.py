"""Sound in and out of bytes, and what is done to it in between: physics and numbers worked out by hand."""

import io
import struct
import subprocess
import sys

import av
import numpy as np
import pytest
import soundfile

from audiogan import audio

RATE = 44_100


def sine(hz: float, seconds: float = 1.0, rate: int = RATE, amplitude: float = 0.5) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def strongest_hz(x: np.ndarray, rate: int) -> float:
    return np.argmax(np.abs(np.fft.rfft(x * np.hanning(len(x))))) * rate / len(x)


def energy(x: np.ndarray) -> float:
    return float(np.sum(np.square(x, dtype=np.float64)))


def encoded(x: np.ndarray, rate: int = RATE, **options) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, x, rate, **options)
    return file.getvalue()


def encoded_by_ffmpeg(x: np.ndarray, rate: int, container: str, codec: str) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(x[None], format="fltp", layout="mono")
        frame.rate = rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            output.mux(packet)
    return file.getvalue()


def video_without_sound() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        stream = output.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 16
        frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            output.mux(packet)
    return file.getvalue()


def with_data_size(wav: bytes, size: int) -> bytes:
    """A 16-bit WAV file of soundfile's, whose data chunk's size is at byte 40, with another size announced."""
    return wav[:40] + struct.pack("<I", size) + wav[44:]


class TestDecode:
    @pytest.mark.parametrize(
        ("options", "error"),
        [
            # half a quantisation step is the most that rounding may move a sample
            ({"format": "WAV", "subtype": "PCM_U8"}, 2**-8),
            ({"format": "WAV", "subtype": "PCM_16"}, 2**-16),
            ({"format": "WAV", "subtype": "PCM_24"}, 2**-24),
            ({"format": "WAV", "subtype": "FLOAT"}, 0),
            ({"format": "FLAC", "subtype": "PCM_24"}, 2**-24),
            ({"format": "AIFF", "subtype": "PCM_16"}, 2**-16),
        ],
    )
    def test_samples_come_back_up_to_quantisation(self, options, error):
        x = np.stack([sine(440), -0.25 * sine(550)], axis=1)
        samples, rate = audio.decode(encoded(x, 48_000, **options))
        assert (samples.shape, samples.dtype, rate) == ((44_100, 2), np.float32, 48_000)
        # libsndfile truncates where it might round, so allow a whole step
        assert np.abs(samples - x).max() <= 2 * error + 1e-7

    @pytest.mark.parametrize("channels", [1, 2, 6])
    def test_own_reading_of_16_bits_equals_libsndfile(self, channels):
        rng = np.random.default_rng(channels)
        data = encoded(rng.integers(-32768, 32768, (1001, channels), dtype=np.int16), 22_050, format="WAV")
        samples, rate = audio.decode(data)
        expected, expected_rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
        np.testing.assert_array_equal(samples, expected)
        assert rate == expected_rate == 22_050

    def test_reads_16_bits_behind_other_chunks(self):
        wav = encoded(sine(440), format="WAV", subtype="PCM_16")
        odd_chunk = b"LIST" + struct.pack("<I", 5) + b"hello\0"
        assert audio.announced_samples(wav[:12] + odd_chunk + wav[12:]) == 44_100
        samples, _ = audio.decode(wav[:12] + odd_chunk + wav[12:])
        np.testing.assert_array_equal(samples, audio.decode(wav)[0])

    @pytest.mark.parametrize(("container", "codec"), [("ipod", "aac"), ("adts", "aac"), ("matroska", "ac3")])
    def test_reads_by_ffmpeg_what_libsndfile_cannot(self, container, codec):
        data = encoded_by_ffmpeg(sine(1_000), RATE, container, codec)
        samples, rate = audio.decode(data)
        assert rate == RATE
        # AAC pads with up to a frame of 1024 on either side
        assert RATE <= len(samples) <= RATE + 3 * 1024
        assert strongest_hz(samples[:, 0], rate) == pytest.approx(1_000, abs=2)
        assert np.std(samples[RATE // 4 : RATE // 2]) == pytest.approx(0.5 / np.sqrt(2), rel=0.02)

    def test_reads_what_exists_of_a_flac_that_breaks_off(self):
        noise = np.random.default_rng(0).uniform(-0.5, 0.5, 44_100)
        data = encoded(noise, format="FLAC", subtype="PCM_16")
        samples, _ = audio.decode(data[: len(data) // 2])
        assert 4096 <= len(samples) < 44_100
        np.testing.assert_allclose(samples[:4096, 0], noise[:4096], atol=2**-15)
        assert audio.announced_samples(data[: len(data) // 2]) == 44_100

    def test_reads_a_path(self, tmp_path):
        (tmp_path / "a.wav").write_bytes(encoded(sine(440), format="WAV"))
        assert audio.decode(tmp_path / "a.wav")[0].shape == (44_100, 1)

    def test_silences_samples_that_are_not_finite(self):
        x = np.array([0.5, np.nan, -0.5, np.inf, -np.inf, 0.25], np.float32)
        samples, _ = audio.decode(encoded(x, format="WAV", subtype="FLOAT"))
        np.testing.assert_array_equal(samples[:, 0], [0.5, 0, -0.5, 0, 0, 0.25])

    @pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF - 36])
    def test_reads_wav_files_of_unknown_size(self, size):
        data = with_data_size(encoded(sine(440), format="WAV", subtype="PCM_16"), size)
        assert audio.announced_samples(data) is None
        assert audio.decode(data)[0].shape == (44_100, 1)

    def test_counts_what_a_truncated_wav_announces(self):
        data = encoded(np.zeros((1_000, 2)), format="WAV", subtype="PCM_16")
        assert audio.announced_samples(data) == 1_000
        # 44 bytes of header, 4 bytes a sample of two channels
        assert audio.announced_samples(data[: 44 + 4 * 300]) == 1_000
        assert audio.decode(data[: 44 + 4 * 300])[0].shape == (300, 2)

    @pytest.mark.parametrize(
        ("data", "sentence"),
        [
            (b"", "empty file"),
            (b"eggs, milk, bread\n" * 30, "not audio"),
            (b"\x89PNG\r\n\x1a\n" + bytes(200), "no sound in it"),
            (encoded(sine(440), format="WAV")[:30], "not audio"),
            (encoded(np.zeros(0), format="WAV"), "no samples"),
            (video_without_sound(), "no sound in it"),
        ],
    )
    def test_says_why_it_cannot(self, data, sentence):
        with pytest.raises(audio.UnreadableAudio, match=sentence):
            audio.decode(data)

    def test_refuses_an_impossible_rate(self):
        wav = encoded(sine(440), format="WAV", subtype="PCM_16")
        with pytest.raises(audio.UnreadableAudio, match="damaged: its header says 7 samples per second"):
            audio.decode(wav[:24] + struct.pack("<I", 7) + wav[28:])

    def test_refuses_a_header_that_announces_days(self):
        flac = bytearray(encoded(sine(440), format="FLAC", subtype="PCM_16"))
        # the 36 bits that count the samples end at byte 26
        flac[21] |= 0x0F
        flac[22:26] = b"\xff" * 4
        assert audio.announced_samples(bytes(flac)) == 2**36 - 1
        with pytest.raises(audio.UnreadableAudio, match="too long"):
            audio.decode(bytes(flac))

    def test_opens_no_file_that_a_playlist_names(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "secret.wav").write_bytes(encoded(sine(440), format="WAV"))
        with pytest.raises(audio.UnreadableAudio):
            audio.decode(b"ffconcat version 1.0\nfile secret.wav\n")


class TestDownmix:
    def test_takes_the_mean_of_channels_that_agree(self):
        left, right = sine(440), 0.5 * sine(440)
        np.testing.assert_allclose(audio.downmix(np.stack([left, right], 1)), 0.75 * left, atol=1e-6)

    def test_takes_the_loudest_of_channels_that_cancel(self):
        left = sine(440)
        x = np.stack([0.9 * left, -left], axis=1)
        assert audio.channels_cancel(x)
        np.testing.assert_array_equal(audio.downmix(x), -left)

    @pytest.mark.parametrize(("right", "cancels"), [(-0.5, True), (-0.2, False)])
    def test_draws_the_line_at_a_quarter(self, right, cancels):
        # for left 1: ((1 + right) / 2)^2 over (1 + right^2) / 2 is 0.1 and 0.31
        assert audio.channels_cancel(np.stack([sine(440), right * sine(440)], axis=1)) == cancels

    def test_keeps_a_sound_in_one_channel(self):
        # the mean has half the amplitude: a quarter of the energy, 1/2 of the channels' average
        x = np.stack([sine(440), np.zeros(RATE, np.float32)], axis=1)
        assert not audio.channels_cancel(x)
        assert energy(audio.downmix(x)) == pytest.approx(energy(sine(440)) / 4, rel=1e-4)

    @pytest.mark.parametrize("channels", [2, 6])
    def test_mixes_unrelated_channels(self, channels):
        # energies of unrelated sounds add: C * E / C^2
        x = np.random.default_rng(0).standard_normal((50_000, channels)).astype(np.float32)
        assert not audio.channels_cancel(x)
        assert energy(audio.downmix(x)) == pytest.approx(energy(x) / channels**2, rel=0.05)

    def test_an_offset_does_not_hide_cancelling(self):
        x = np.stack([sine(440) + 0.4, 0.4 - sine(440)], axis=1)
        assert audio.channels_cancel(x)

    def test_passes_one_channel_through(self):
        np.testing.assert_array_equal(audio.downmix(sine(440)[:, None]), sine(440))


class TestShape:
    def test_remove_dc_leaves_the_sound(self):
        # a whole number of periods has mean 0
        np.testing.assert_allclose(audio.remove_dc(sine(441) + 0.5), sine(441), atol=1e-6)

    @pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 96_000])
    def test_trim_finds_the_onset(self, rate):
        silence_seconds = 0.3
        x = np.concatenate([np.zeros(round(silence_seconds * rate)), sine(500, 0.2, rate), np.zeros(rate)])
        trimmed = audio.trim(x.astype(np.float32), rate)
        onset_seconds = np.flatnonzero(trimmed)[0] / rate
        assert 0.0024 <= onset_seconds <= 0.0052
        assert 0.2 + 2 * 0.0024 <= len(trimmed) / rate <= 0.2 + 4 * 0.0026

    def test_trim_keeps_all_of_the_sound(self):
        x = np.concatenate([np.zeros(4_410), sine(500, 0.2), np.zeros(4_410)]).astype(np.float32)
        assert energy(audio.trim(x, RATE)) == energy(x)

    @pytest.mark.parametrize(("level_db", "is_kept"), [(-40, True), (-50, False)])
    def test_trim_draws_the_line_at_45_db(self, level_db, is_kept):
        quiet = sine(500, 0.2, amplitude=0.5 * 10 ** (level_db / 20))
        trimmed = audio.trim(np.concatenate([quiet, sine(500, 0.2)]), RATE)
        assert (len(trimmed) / RATE > 0.39) == is_kept

    def test_trim_leaves_what_has_no_silence(self):
        for samples in (1, 30, 882, 1_001):
            assert len(audio.trim(sine(5_000)[1 : samples + 1], RATE)) == samples

    @pytest.mark.parametrize("new_rate", [8_000, 22_050, 48_000])
    def test_resample_keeps_pitch_length_and_level(self, new_rate):
        x = audio.resample(sine(1_234, 2.0), RATE, new_rate)
        assert len(x) == 2 * new_rate
        assert strongest_hz(x, new_rate) == pytest.approx(1_234, abs=0.5)
        middle = x[new_rate // 2 : -new_rate // 2]
        assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.5 / np.sqrt(2), rel=1e-3)

    def test_resample_filters_what_the_new_rate_cannot_hold(self):
        # 9 kHz would fold to 1 kHz at a rate of 8 kHz
        x = audio.resample(sine(9_000, 2.0), RATE, 8_000)[4_000:-4_000]
        assert energy(x) < 1e-8 * energy(sine(9_000))

    @pytest.mark.parametrize(
        ("samples", "lengths"),
        [(10, [10]), (3, [3]), (14, [10]), (15, [10, 5]), (20, [10, 10]), (25, [10, 10, 5]), (1, [1])],
    )
    def test_cut_keeps_remainders_of_half_a_clip(self, samples, lengths):
        x = np.arange(samples, dtype=np.float32)
        pieces = audio.cut(x, 10)
        assert [len(piece) for piece in pieces] == lengths
        np.testing.assert_array_equal(np.concatenate(pieces), x[: sum(lengths)])

    def test_pad_puts_silence_behind(self):
        padded = audio.pad([np.array([1, 2], np.int16), np.array([3], np.int16)], 3)
        assert padded.dtype == np.int16
        assert padded.tolist() == [[1, 2, 0], [3, 0, 0]]
        assert audio.pad([], 3).shape == (0, 3)

    def test_fade_is_a_straight_line_at_either_end(self):
        faded = audio.fade(np.ones(10, np.float32), rate=100, in_seconds=0.04, out_seconds=0.02)
        np.testing.assert_allclose(faded, [0, 0.25, 0.5, 0.75, 1, 1, 1, 1, 0.5, 0])

    def test_fade_of_a_shorter_sound(self):
        np.testing.assert_allclose(audio.fade(np.ones(2, np.float32), 100, in_seconds=0.04), [0, 0.25])
        np.testing.assert_allclose(audio.fade(np.ones(2, np.float32), 100, out_seconds=0.04), [0.25, 0])

    def test_normalise_peak(self):
        # -6.0206 dB is one half
        x = audio.normalise_peak(np.array([0.1, -0.2, 0.05], np.float32), -6.0206)
        np.testing.assert_allclose(x, [0.25, -0.5, 0.125], rtol=1e-5)
        assert audio.peak(audio.normalise_peak(sine(440))) == pytest.approx(0.891251, rel=1e-5)
        assert not audio.normalise_peak(np.zeros(5, np.float32)).any()

    def test_without_clipping_only_turns_down(self):
        np.testing.assert_allclose(audio.without_clipping(np.float32([0.5, -2.0])), [0.25, -1])
        np.testing.assert_array_equal(audio.without_clipping(np.float32([0.5, -0.25])), [0.5, -0.25])


class TestSixteenBits:
    def test_full_scale_and_clipping(self):
        assert audio.to_int16(np.float32([1, -1, 0.5, 2, -2, 0])).tolist() == [32767, -32767, 16384, 32767, -32767, 0]

    def test_there_and_back(self):
        every = np.arange(-32767, 32768, dtype=np.int16)
        np.testing.assert_array_equal(audio.to_int16(audio.from_int16(every)), every)

    def test_encoded_wav_holds_the_same_16_bits(self):
        wav = audio.encode_wav(sine(440), 22_050)
        samples, rate = soundfile.read(io.BytesIO(wav), dtype="int16")
        assert rate == 22_050
        np.testing.assert_array_equal(samples, audio.to_int16(sine(440)))
        # a canonical WAV file: 44 bytes of header, 2 bytes a sample
        assert len(wav) == 44 + 2 * 44_100


def test_importing_needs_numpy_alone():
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['soundfile', 'soxr', 'av', 'torch', 'streamlit'])); "
        "import audiogan.audio, audiogan.datasets"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
