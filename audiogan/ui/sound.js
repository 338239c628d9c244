// How every sound is read, drawn and heard. card.js, player.js or compare.js follows this text in the same
// module, so the components share the code, and through `window.audiogan` the one sound that is playing.

const shared = (window.audiogan ??= {
  latencies: [],
  lastBytes: 0,
  lastPeak: 0,
  playing: false,
  context: null,
  voice: null,
});

// long enough that no click is heard where one sound takes over from another, too short to blur an attack
const FADE_SECONDS = 0.01;

// ---------------------------------------------------------------------------------------------- reading

// the bytes of one argument: header length, JSON header, WAV (see `_pack` in sound.py)
function unpack(data) {
  const length = new DataView(data.buffer, data.byteOffset).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(data.subarray(4, 4 + length)));
  return { head, wav: data.slice(4 + length) };
}

// 16-bit mono WAV bytes -> a clip: the same bytes, their samples in [-1, 1], and how to play them
function readWav(wav) {
  const view = new DataView(wav.buffer, wav.byteOffset, wav.byteLength);
  const tag = (at) => String.fromCharCode(...wav.subarray(at, at + 4));
  if (tag(0) !== "RIFF" || tag(8) !== "WAVE") throw new Error("What arrived here is not a WAV file.");
  let rate = 0;
  for (let at = 12; at + 8 <= wav.length; ) {
    const size = view.getUint32(at + 4, true);
    if (tag(at) === "fmt ") {
      rate = view.getUint32(at + 12, true);
      const mono16 = view.getUint16(at + 10, true) === 1 && view.getUint16(at + 22, true) === 16;
      if (!mono16) throw new Error("This sound is not a 16-bit mono WAV, the only kind shown here.");
    }
    if (tag(at) === "data") return clipOf(wav, view, at + 8, Math.min(size, wav.length - at - 8) >> 1, rate);
    at += 8 + size + (size & 1); // chunks start on even bytes
  }
  throw new Error("This sound is empty.");
}

function clipOf(wav, view, start, length, rate) {
  if (!length || !rate) throw new Error("This sound is empty.");
  const samples = new Float32Array(length);
  let peak = 0;
  for (let n = 0; n < length; n++) {
    samples[n] = view.getInt16(start + 2 * n, true) / 32768;
    peak = Math.max(peak, Math.abs(samples[n]));
  }
  const buffer = new AudioBuffer({ length, sampleRate: rate });
  buffer.copyToChannel(samples, 0);
  return { wav, samples, rate, peak, buffer, seconds: length / rate };
}

function sameBytes(a, b) {
  return a.length === b.length && a.every((byte, n) => byte === b[n]);
}

// -------------------------------------------------------------------------------------------- analysing

// in-place radix-2 transform of `size` complex values; returns fft(re, im)
function makeFft(size) {
  const cos = Float64Array.from({ length: size / 2 }, (_, k) => Math.cos((2 * Math.PI * k) / size));
  const sin = Float64Array.from({ length: size / 2 }, (_, k) => -Math.sin((2 * Math.PI * k) / size));
  const reversed = new Uint32Array(size);
  for (let n = 1; n < size; n++) reversed[n] = (reversed[n >> 1] >> 1) | (n & 1 ? size >> 1 : 0);
  return (re, im) => {
    for (let n = 0; n < size; n++) {
      const m = reversed[n];
      if (m > n) [re[n], re[m], im[n], im[m]] = [re[m], re[n], im[m], im[n]];
    }
    for (let half = 1, turn = size / 2; half < size; half *= 2, turn /= 2) {
      for (let block = 0; block < size; block += 2 * half) {
        for (let k = 0; k < half; k++) {
          const a = block + k;
          const b = a + half;
          const x = re[b] * cos[k * turn] - im[b] * sin[k * turn];
          const y = re[b] * sin[k * turn] + im[b] * cos[k * turn];
          re[b] = re[a] - x;
          im[b] = im[a] - y;
          re[a] += x;
          im[a] += y;
        }
      }
    }
  };
}

// for each row of the picture, top first: its centre and its edges on the log frequency axis, in bins
function logBands(rows, size, rate, lowestHz, highestHz) {
  const octaves = Math.log2(highestHz / lowestHz);
  const bin = (row) => (lowestHz * 2 ** (octaves * (1 - row / rows)) * size) / rate;
  return Array.from({ length: rows }, (_, row) => ({
    centre: bin(row + 0.5),
    first: Math.ceil(bin(row + 1)),
    last: Math.min(Math.floor(bin(row)), size / 2),
  }));
}

// low down several rows share a bin, so blend its neighbours; high up a row has several, so take the loudest
function bandPower(power, { centre, first, last }) {
  if (centre >= power.length) return 0; // of a sound that has no such frequencies
  const below = Math.min(Math.floor(centre), power.length - 2);
  let most = power[below] + (power[below + 1] - power[below]) * (centre - below);
  for (let bin = first; bin <= last; bin++) most = Math.max(most, power[bin]);
  return most;
}

// samples in one analysis window, a power of two
function windowSize(rate, { window_seconds }) {
  return 2 ** Math.round(Math.log2(window_seconds * rate));
}

// columns in which the picture is as fine as makes sense: 32 hops a window are finer than the window can tell apart
function finestColumns({ samples, rate }, scale) {
  return Math.ceil((32 * samples.length) / windowSize(rate, scale));
}

// powers: rows (high frequencies first, up to `highest` Hz) x columns
function spectrogram({ samples, rate }, columns, rows, scale, highest) {
  const size = windowSize(rate, scale);
  const fft = makeFft(size);
  const hann = Float64Array.from({ length: size }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / size));
  const bands = logBands(rows, size, rate, scale.lowest_hz, highest);
  const [left, right] = [new Float64Array(size), new Float64Array(size)];
  const powers = [new Float64Array(size / 2 + 1), new Float64Array(size / 2 + 1)];
  const found = new Float32Array(rows * columns);
  // two columns at a time: two real windows share one complex transform
  for (let column = 0; column < columns; column += 2) {
    cutWindow(left, samples, ((column + 0.5) / columns) * samples.length, hann);
    cutWindow(right, samples, ((column + 1.5) / columns) * samples.length, hann);
    fft(left, right);
    separatePowers(left, right, powers);
    for (const side of column + 1 < columns ? [0, 1] : [0]) {
      bands.forEach((band, row) => (found[row * columns + column + side] = bandPower(powers[side], band)));
    }
  }
  return found;
}

// one window around `centre`, a place in samples; beyond the ends of the clip is silence
function cutWindow(into, samples, centre, hann) {
  const start = Math.round(centre - hann.length / 2);
  into.fill(0);
  const end = Math.min(hann.length, samples.length - start);
  for (let n = Math.max(0, -start); n < end; n++) into[n] = samples[start + n] * hann[n];
}

// the transform of a + ib holds both: A = (Z[k] + Z*[-k]) / 2 and B = (Z[k] - Z*[-k]) / 2i
function separatePowers(re, im, [first, second]) {
  const size = re.length;
  for (let k = 0; k <= size / 2; k++) {
    const mirror = (size - k) % size;
    first[k] = (re[k] + re[mirror]) ** 2 + (im[k] - im[mirror]) ** 2;
    second[k] = (re[k] - re[mirror]) ** 2 + (im[k] + im[mirror]) ** 2;
  }
}

function loudest(powers) {
  return powers.reduce((most, power) => Math.max(most, power), 0);
}

// powers -> decibels below the largest, in [-topDb, 0]; silence has no largest, all of it is floor
function decibels(powers, topDb, largest) {
  const floor = largest * 10 ** (-topDb / 10);
  return powers.map((power) => (power > floor ? 10 * Math.log10(power / largest) : -topDb));
}

// 256 steps through the anchor colours, each as one pixel of ImageData (bytes r, g, b, 255)
function colourTable(anchors) {
  const rgb = anchors.map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));
  const bytes = Array.from({ length: 256 }, (_, n) => {
    const place = (n / 255) * (rgb.length - 1);
    const below = Math.min(Math.floor(place), rgb.length - 2);
    const mix = rgb[below].map((value, c) => value + (rgb[below + 1][c] - value) * (place - below));
    return [...mix.map(Math.round), 255];
  });
  return new Uint32Array(Uint8Array.from(bytes.flat()).buffer);
}

// ---------------------------------------------------------------------------------------------- drawing

// the samples from place `first` to place `last` between -peak and peak, on the upper `wave` pixels of the plot:
// from lowest to highest in each column, or as a line where a sample is wider than a column
function drawSamples(pen, samples, { first, last, peak }, { left, top, width, wave, ratio }, colour) {
  const columns = Math.round(width * ratio);
  const height = (value) => top + ((1 - value / peak) * wave) / 2;
  pen.fillStyle = pen.strokeStyle = colour;
  if (last - first < columns) {
    pen.beginPath();
    for (let n = Math.floor(first); n <= Math.min(Math.ceil(last), samples.length - 1); n++) {
      pen.lineTo(left + ((n - first) * width) / (last - first), height(samples[n]));
    }
    pen.lineWidth = 1.5;
    pen.stroke();
    return;
  }
  const place = (column) => Math.floor(first + (column * (last - first)) / columns);
  for (let column = 0; column < columns && place(column) < samples.length; column++) {
    let [low, high] = [peak, -peak];
    // from the last sample before the column on, so that steep curves hang together
    for (let n = Math.max(place(column) - 1, 0); n < Math.max(place(column) + 1, place(column + 1)); n++) {
      low = Math.min(low, samples[n]);
      high = Math.max(high, samples[n]);
    }
    pen.fillRect(left + column / ratio, height(high), 1 / ratio, Math.max(height(low) - height(high), 1 / ratio));
  }
}

// ticks and labels below `top` for the seconds from `start` to `end`, in milliseconds for a tenth of a second and less
function drawTimes(pen, start, end, { left, top, width, below }, colour) {
  const span = end - start;
  const steps = [1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60];
  const step = steps.find((s) => (s / span) * width >= 64) ?? span;
  const words = (time) => (span < 0.1 ? `${Number((time * 1e3).toFixed(1))} ms` : `${Number(time.toFixed(2))} s`);
  pen.fillStyle = colour;
  pen.textBaseline = "alphabetic";
  for (let n = Math.ceil(start / step - 1e-9); n * step <= end + span * 1e-4; n++) {
    const x = left + Math.min(((n * step - start) * width) / span, width - 1);
    const text = words(n * step);
    const room = pen.measureText(text).width / 2;
    // the first and last label stay inside the picture instead of under their tick
    pen.textAlign = x - room < left ? "left" : x + room > left + width ? "right" : "center";
    pen.fillRect(x, top + 1, 1, 4);
    pen.fillText(text, x, top + below - 2);
  }
}

// ticks and labels left of a spectrogram
function drawFrequencies(pen, lowest, highest, { left, top, height }, colour) {
  const octaves = Math.log2(highest / lowest);
  const place = (hz) => top + height * (1 - Math.log2(hz / lowest) / octaves);
  pen.fillStyle = colour;
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  for (let decade = 10; decade <= highest; decade *= 10) {
    for (const step of [1, 2, 5]) {
      const hz = decade * step;
      if (hz < lowest || hz > highest) continue;
      pen.fillRect(left - (step === 1 ? 5 : 3), place(hz) - 0.5, step === 1 ? 4 : 2, 1);
      if (step === 1) pen.fillText(hz < 1000 ? `${hz} Hz` : `${hz / 1000} kHz`, left - 8, place(hz));
    }
  }
}

// waveform above spectrogram with their axes, a cursor over both, and a click that says a time; its
// measures are the custom properties of `.sound` in sound.css, in css pixels
class Picture {
  constructor(element, onSeek) {
    this.element = element;
    this.canvas = element.querySelector("canvas");
    this.mark = element.querySelector(".cursor");
    this.clip = null;
    this.notBefore = 0; // time of the next drawing at the earliest, ms
    element.addEventListener("click", (event) => {
      const box = this.canvas.getBoundingClientRect();
      const place = (event.clientX - box.left - this.gutter) / (box.width - this.gutter);
      if (this.clip && place >= 0 && place < 1) onSeek(place * this.clip.seconds);
    });
    this.watch = new ResizeObserver(() => this.draw());
    this.watch.observe(element);
  }

  show(clip, scale) {
    [this.clip, this.scale] = [clip, scale];
    this.canvas.setAttribute("aria-label", `Waveform and spectrogram, ${clip.seconds.toFixed(2)} seconds`);
    this.element.title =
      `Colour: −${scale.top_db} to 0 dB, relative to the loudest point. Click to play from there.`;
    this.soon();
  }

  // a fast drag brings more sounds than can be drawn: draw the newest, and leave two thirds of the time
  // to hearing (measured at 60 movements a second: 35 ms to the sound before, 11 ms since)
  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const begin = performance.now();
      this.draw();
      const end = performance.now();
      this.notBefore = end + 2 * (end - begin);
    }, this.notBefore - performance.now());
  }

  draw() {
    const style = getComputedStyle(this.element);
    const pixels = (name) => parseFloat(style.getPropertyValue(name));
    const [left, wave, height] = [pixels("--gutter"), pixels("--wave"), pixels("--spectrum")];
    const [top, width, ratio] = [wave + pixels("--gap"), this.element.clientWidth - left, devicePixelRatio];
    if (width <= 0) return; // not laid out yet; the observer calls again
    this.gutter = left;
    const plot = { left, top, width, height, wave, ratio, below: pixels("--axis") };
    this.canvas.width = Math.round((left + width) * ratio);
    this.canvas.height = Math.round((top + height + plot.below) * ratio);
    const pen = this.canvas.getContext("2d");
    pen.scale(ratio, ratio);
    pen.font = `11px ${style.getPropertyValue("--st-font") || "sans-serif"}`;
    this.drawFrame(pen, plot, style);
    if (!this.clip) return;
    this.drawWaveform(pen, plot, style.getPropertyValue("--st-primary-color"));
    this.drawSpectrogram(pen, plot);
    drawFrequencies(pen, this.scale.lowest_hz, this.clip.rate / 2, plot, style.color);
    this.drawSeconds(pen, plot, style.color);
  }

  drawFrame(pen, plot, style) {
    pen.fillStyle = style.getPropertyValue("--st-secondary-background-color");
    pen.fillRect(plot.left, plot.top, plot.width, plot.height);
    pen.fillStyle = style.getPropertyValue("--st-border-color");
    pen.fillRect(plot.left, plot.wave / 2 - 0.5, plot.width, 1);
  }

  // full height is full scale, so that a quiet sound looks quiet
  drawWaveform(pen, plot, colour) {
    const { samples } = this.clip;
    drawSamples(pen, samples, { first: 0, last: samples.length, peak: 1 }, { ...plot, top: 0 }, colour);
  }

  drawSpectrogram(pen, { left, top, width, height, ratio }) {
    const columns = Math.min(Math.round(width), finestColumns(this.clip, this.scale));
    const rows = Math.round(height * ratio);
    const key = `${columns}x${rows}`;
    if (this.heat?.clip !== this.clip || this.heat.key !== key) {
      const powers = spectrogram(this.clip, columns, rows, this.scale, this.clip.rate / 2);
      this.heat = { clip: this.clip, key, image: heatImage(powers, rows, this.scale, loudest(powers)) };
    }
    pen.drawImage(this.heat.image, left, top, width, height);
  }

  drawSeconds(pen, plot, colour) {
    drawTimes(pen, 0, this.clip.seconds, { ...plot, top: plot.top + plot.height }, colour);
  }

  // the cursor walks with this voice until it ends or another one takes the picture over
  follow(voice) {
    this.voice = voice;
    const step = () => {
      if (this.voice !== voice) return;
      this.mark.hidden = shared.voice !== voice;
      if (this.mark.hidden) return;
      const [place, width] = [voice.position() / voice.clip.seconds, this.element.clientWidth - this.gutter];
      this.mark.style.transform = `translateX(${this.gutter + place * width}px)`;
      requestAnimationFrame(step);
    };
    step();
  }

  leave() {
    this.watch.disconnect();
    clearTimeout(this.timer);
    this.voice = null;
  }
}

// powers (rows x columns) as colours below the largest
function heatImage(powers, rows, scale, largest) {
  const colours = colourTable(scale.colours);
  const columns = powers.length / rows;
  const image = new ImageData(columns, rows);
  const pixels = new Uint32Array(image.data.buffer);
  decibels(powers, scale.top_db, largest).forEach((level, n) => {
    pixels[n] = colours[Math.round((1 + level / scale.top_db) * 255)];
  });
  const canvas = new OffscreenCanvas(columns, rows);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

// ---------------------------------------------------------------------------------------------- hearing

// browsers keep a context silent until a gesture; every play is one, so ask again each time
function audioContext() {
  shared.context ??= new AudioContext({ latencyHint: "interactive" });
  if (shared.context.state !== "running") shared.context.resume();
  return shared.context;
}

// play a clip from a time in seconds; whatever was playing on the page fades out under it
function startVoice(clip, from, loop, onEnd) {
  const context = audioContext();
  shared.voice?.stop();
  const begin = context.currentTime;
  const source = new AudioBufferSourceNode(context, { buffer: clip.buffer, loop });
  // the start of a sound keeps its attack; only a leap into the middle is faded in
  const gain = new GainNode(context, { gain: from > 0 ? 0 : 1 });
  if (from > 0) gain.gain.setValueAtTime(0, begin).linearRampToValueAtTime(1, begin + FADE_SECONDS);
  source.connect(gain).connect(context.destination);
  source.start(begin, from);

  const end = () => {
    if (shared.voice !== voice) return;
    [shared.voice, shared.playing] = [null, false];
    onEnd();
  };
  const voice = {
    clip,
    position: () => (from + context.currentTime - begin) % clip.seconds,
    setLoop: (on) => (source.loop = on),
    stop() {
      // a context still waiting for its gesture has a clock that stands: a fade there would pile up
      const fade = context.state === "running" ? FADE_SECONDS : 0;
      gain.gain.cancelScheduledValues(context.currentTime);
      gain.gain.setValueAtTime(gain.gain.value, context.currentTime);
      gain.gain.linearRampToValueAtTime(0, context.currentTime + fade);
      source.stop(context.currentTime + fade);
      end();
    },
  };
  source.onended = end;
  [shared.voice, shared.playing] = [voice, true];
  return voice;
}

// ------------------------------------------------------------------------------------------ on the page

const PLAY_ICON = `<svg viewBox="0 0 16 16" aria-hidden="true">
  <path class="when-still" d="M4 2.5v11l9.5-5.5z"/><path class="when-playing" d="M3.5 3.5h9v9h-9z"/></svg>`;
const DOWNLOAD_ICON = `<svg viewBox="0 0 16 16" aria-hidden="true">
  <path class="stroke" d="M8 2v8M4.5 7 8 10.5 11.5 7M3 13.5h10"/></svg>`;
const PICTURE = `<div class="picture"><canvas role="img"></canvas><div class="cursor" hidden></div></div>`;

// what a card and the player have in common: a picture, a button that plays and stops, a download
class SoundView {
  constructor(parent, className, markup) {
    this.root = document.createElement("section");
    this.root.className = className;
    this.root.innerHTML = markup;
    parent.append(this.root);
    this.clip = null;
    this.playButton = this.part("play");
    this.picture = new Picture(this.part("picture"), (seconds) => this.play(seconds));
    this.playButton.addEventListener("click", () => this.toggle());
  }

  part(name) {
    return this.root.querySelector(`.${name}`);
  }

  get playing() {
    return shared.voice !== null && shared.voice === this.voice;
  }

  setClip(clip, filename, scale) {
    this.clip = clip;
    this.playButton.disabled = false;
    const link = this.part("download");
    URL.revokeObjectURL(link.href);
    link.href = URL.createObjectURL(new Blob([clip.wav], { type: "audio/wav" }));
    link.download = filename;
    this.picture.show(clip, scale);
    this.showProblem("");
  }

  play(from = 0) {
    this.voice = startVoice(this.clip, from % this.clip.seconds, this.loops, () => this.showPlaying(false));
    [shared.lastBytes, shared.lastPeak] = [this.clip.wav.length, this.clip.peak];
    this.showPlaying(true);
    this.picture.follow(this.voice);
  }

  stop() {
    if (this.playing) this.voice.stop();
  }

  toggle() {
    if (this.playing) this.stop();
    else if (this.clip) this.play();
  }

  showPlaying(playing) {
    this.root.classList.toggle("playing", playing);
    this.playButton.setAttribute("aria-label", `${playing ? "Stop" : "Play"} ${this.name}`);
  }

  showProblem(sentence) {
    const place = this.part("problem");
    place.textContent = sentence;
    place.hidden = !sentence;
  }

  leave() {
    this.stop();
    this.picture.leave();
    URL.revokeObjectURL(this.part("download").href);
    this.root.remove();
  }
}

const views = new WeakMap();

// streamlit calls a component again on every rerun with changed data, and calls the clean-up of an overtaken
// call late: only the clean-up of the newest call may take the view away
function present(View, component) {
  const { parentElement } = component;
  if (!views.has(parentElement)) views.set(parentElement, new View(parentElement));
  const view = views.get(parentElement);
  const turn = (view.turn = (view.turn ?? 0) + 1);
  view.update(component);
  return () => {
    if (view.turn !== turn) return;
    views.delete(parentElement);
    view.leave();
  };
}
