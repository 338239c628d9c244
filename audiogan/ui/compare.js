// sounds above each other on one time axis, and one zoom for all of them, down to single periods

const COMPARE = `
  <div class="rows" tabindex="0" role="group" aria-label="Waveforms with one zoom" data-testid="compare-zoom"></div>
  <p class="problem" role="alert" hidden></p>
  <footer>
    <button type="button" class="closer" aria-label="Zoom in" data-testid="compare-closer">+</button>
    <button type="button" class="further" aria-label="Zoom out" data-testid="compare-further">−</button>
    <button type="button" class="periods" data-testid="compare-periods">Single periods</button>
    <button type="button" class="whole" data-testid="compare-whole">Whole sound</button>
    <span class="facts" data-testid="compare-window"></span>
  </footer>
  <p class="hint">Drag to move, pinch to zoom; after a click also by wheel, + and −, arrows, 0 for all, numbers to
    play.</p>`;

const ROW = (n) => `
  <header>
    <button type="button" class="play round" data-testid="compare-play-${n}">${PLAY_ICON}</button>
    <span class="title"></span>
    <a class="download" title="Download WAV" data-testid="compare-download-${n}">${DOWNLOAD_ICON}</a>
  </header>
  <div class="strip"><canvas role="img"></canvas><div class="cursor" hidden></div></div>`;

const FEWEST_SAMPLES = 32; // in the picture: a period of the highest tone that still looks like a curve has four
const PERIODS_SECONDS = 0.03; // three periods of the lowest voice (100 Hz), a dozen of most instruments
const STEP = 1.5; // of one press of a key or button
const MOST_COLUMNS = 2000; // of a spectrogram, which for long sounds is a third of a second's work for five of them

class Compare {
  constructor(parent) {
    this.root = document.createElement("section");
    this.root.className = "sound compare";
    this.root.innerHTML = COMPARE;
    this.root.dataset.testid = "compare";
    parent.append(this.root);
    [this.rows, this.strips] = [this.part("rows"), []];
    this.fingers = new Map(); // pointers that are down, by id: their place across the picture
    this.listen();
    this.watch = new ResizeObserver(() => this.draw());
    this.watch.observe(this.rows);
  }

  part(name) {
    return this.root.querySelector(`.${name}`);
  }

  // ------------------------------------------------------------------------------ what python says

  update({ data }) {
    if (this.data && sameBytes(this.data, data)) return this.draw(); // only the theme can have changed
    this.stop();
    this.data = data.slice();
    const { head, wav } = unpack(data);
    this.scale = head.scale; // absent where no spectrograms are wanted
    this.root.classList.toggle("spectral", Boolean(head.scale));
    this.layOut(head.titles.length);
    try {
      let at = 0;
      this.strips.forEach((strip, n) => this.show(strip, readWav(wav.slice(at, (at += head.sizes[n]))), head.titles[n]));
    } catch (problem) {
      return this.showProblem(problem.message);
    }
    this.showProblem("");
    if (this.scale) this.analyse();
    // the next sounds of the same length are looked at where the last ones were
    const seconds = Math.max(...this.strips.map(({ clip }) => clip.seconds));
    const stays = seconds === this.seconds;
    this.seconds = seconds;
    this.look(stays ? this.first : 0, stays ? this.last : seconds);
  }

  // as many rows as there are sounds
  layOut(count) {
    if (this.strips.length === count) return;
    this.forget();
    this.rows.innerHTML = Array.from({ length: count }, (_, n) => ROW(n)).join("");
    this.strips = [...this.rows.querySelectorAll(".strip")].map((element) => this.strip(element));
  }

  strip(element) {
    const header = element.previousElementSibling;
    const strip = { element, canvas: element.firstElementChild, mark: element.lastElementChild };
    Object.assign(strip, { title: header.querySelector(".title"), link: header.querySelector(".download") });
    strip.button = header.querySelector(".play");
    strip.button.onclick = () => this.toggle(strip);
    element.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    element.addEventListener("pointerdown", (event) => this.touch(event, element));
    element.addEventListener("pointermove", (event) => this.drag(event));
    for (const end of ["pointerup", "pointercancel"]) {
      element.addEventListener(end, (event) => this.fingers.delete(event.pointerId));
    }
    return strip;
  }

  show(strip, clip, title) {
    [strip.clip, strip.title.textContent, strip.title.title] = [clip, title, title];
    URL.revokeObjectURL(strip.link.href);
    strip.link.href = URL.createObjectURL(new Blob([clip.wav], { type: "audio/wav" }));
    strip.link.download = `${title}.wav`;
    strip.link.setAttribute("aria-label", `Download ${title} as WAV`);
    this.showPlaying(strip, false);
  }

  // one frequency axis and one loudest point for all, so that the same colour is the same level in every row
  analyse() {
    this.highest = Math.max(...this.strips.map(({ clip }) => clip.rate / 2));
    const rows = Math.round(this.measure("--spectrum") * devicePixelRatio);
    const powers = this.strips.map(({ clip }) => {
      return spectrogram(clip, Math.min(finestColumns(clip, this.scale), MOST_COLUMNS), rows, this.scale, this.highest);
    });
    const largest = Math.max(...powers.map(loudest));
    this.strips.forEach((strip, n) => (strip.image = heatImage(powers[n], rows, this.scale, largest)));
  }

  showProblem(sentence) {
    this.part("problem").textContent = sentence;
    this.part("problem").hidden = !sentence;
  }

  // ---------------------------------------------------------------------------------- the one zoom

  // look at the seconds from `first` to `last`, which all rows share; kept inside the longest sound
  look(first, last) {
    const span = this.possible(last - first);
    this.first = Math.min(Math.max(first, 0), this.seconds - span);
    this.last = this.first + span;
    this.draw();
  }

  possible(span) {
    const fewest = FEWEST_SAMPLES / Math.max(...this.strips.map(({ clip }) => clip.rate));
    return Math.min(Math.max(span, fewest), this.seconds);
  }

  // the moment under `place` (0 to 1 across the picture) stays where it is
  zoom(factor, place = 0.5) {
    const span = this.last - this.first;
    const [anchor, wanted] = [this.first + place * span, this.possible(span / factor)];
    this.look(anchor - place * wanted, anchor + (1 - place) * wanted);
  }

  move(share) {
    const span = this.last - this.first;
    this.look(this.first + share * span, this.last + share * span);
  }

  // around the first sound's loudest sample, where periods are seen best
  lookAtPeriods() {
    const { samples, rate, peak } = this.strips[0].clip;
    const moment = samples.findIndex((value) => Math.abs(value) === peak) / rate;
    this.look(moment - PERIODS_SECONDS / 2, moment + PERIODS_SECONDS / 2);
  }

  // ---------------------------------------------------------------------------- what the user does

  listen() {
    this.part("closer").onclick = () => this.zoom(STEP);
    this.part("further").onclick = () => this.zoom(1 / STEP);
    this.part("periods").onclick = () => this.lookAtPeriods();
    this.part("whole").onclick = () => this.look(0, this.seconds);
    this.rows.addEventListener("keydown", (event) => this.press(event));
  }

  press(event) {
    const actions = {
      "+": () => this.zoom(STEP),
      "=": () => this.zoom(STEP), // the same key without shift
      "-": () => this.zoom(1 / STEP),
      ArrowLeft: () => this.move(-0.2),
      ArrowRight: () => this.move(0.2),
      0: () => this.look(0, this.seconds),
    };
    this.strips.forEach((strip, n) => (actions[n + 1] = () => this.toggle(strip)));
    if (!actions[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    actions[event.key]();
  }

  // a page that scrolls by must not get stuck: the wheel zooms once the picture was clicked, and with ctrl, which is
  // also what a pinch on a touchpad says
  wheel(event) {
    if (!event.ctrlKey && !this.rows.matches(":focus")) return;
    event.preventDefault();
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.move(event.deltaX / this.width());
    else this.zoom(Math.exp(-event.deltaY / (event.ctrlKey ? 100 : 400)), this.placeOf(event));
  }

  touch(event, element) {
    element.setPointerCapture(event.pointerId);
    this.fingers.set(event.pointerId, this.placeOf(event));
  }

  // one finger moves the sound along, two also stretch it; the samples under the fingers stay under them
  drag(event) {
    if (!this.fingers.has(event.pointerId)) return;
    const before = [...this.fingers.values()];
    this.fingers.set(event.pointerId, this.placeOf(event));
    const after = [...this.fingers.values()];
    if (before.length === 1) return this.move(before[0] - after[0]);
    const [apart, now] = [before, after].map(([a, b]) => Math.max(Math.abs(a - b), 0.02));
    const [middle, middleNow] = [before, after].map(([a, b]) => (a + b) / 2);
    this.zoom(now / apart, middle);
    this.move(middle - middleNow);
  }

  placeOf(event) {
    const { left } = this.strips[0].canvas.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - left - this.measure("--gutter")) / this.width(), 0), 1);
  }

  // of the pictures without their frequency axis, in css pixels
  width() {
    return this.strips[0].element.clientWidth - this.measure("--gutter");
  }

  measure(name) {
    return parseFloat(getComputedStyle(this.root).getPropertyValue(name));
  }

  // ------------------------------------------------------------------------------------- the picture

  draw() {
    if (!this.seconds || this.width() <= 0) return; // nothing to show, or not laid out yet; the observer calls again
    const peak = this.loudest();
    this.strips.forEach((strip, n) => this.drawStrip(strip, peak, n === this.strips.length - 1));
    const [start, end] = [this.first, this.last].map((time) => (time * 1e3).toFixed(1));
    this.part("facts").textContent = `${start} to ${end} ms`;
    this.part("whole").disabled = this.last - this.first >= this.seconds;
  }

  // all fill their height by the same measure, also where the sound is quiet: it is shapes that are compared
  loudest() {
    const values = this.strips.map(({ clip: { samples, rate } }) =>
      samples.subarray(Math.floor(this.first * rate), Math.ceil(this.last * rate)));
    return values.reduce((most, part) => part.reduce((peak, x) => Math.max(peak, Math.abs(x)), most), 1e-3);
  }

  drawStrip({ element, canvas, clip, image, title }, peak, withTimes) {
    const style = getComputedStyle(element);
    const [left, wave, height] = ["--gutter", "--wave", "--spectrum"].map((name) => this.measure(name));
    const [width, ratio, below] = [this.width(), devicePixelRatio, this.measure("--axis")];
    const top = this.scale ? wave + this.measure("--gap") : wave; // of the spectrogram, or of the axis
    const bottom = this.scale ? top + height : wave;
    const plot = { left, top, width, height, wave, ratio, below };
    canvas.width = Math.round((left + width) * ratio);
    canvas.height = Math.round((bottom + (withTimes ? below : 0)) * ratio);
    canvas.style.height = `${bottom + (withTimes ? below : 0)}px`;
    canvas.setAttribute("aria-label", `Waveform of ${title.textContent}`);
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    pen.font = `11px ${style.getPropertyValue("--st-font") || "sans-serif"}`;
    pen.fillStyle = style.getPropertyValue("--st-secondary-background-color");
    pen.fillRect(left, 0, width, bottom);
    pen.fillStyle = style.getPropertyValue("--st-border-color");
    pen.fillRect(left, wave / 2 - 0.5, width, 1);
    this.drawWave(pen, clip, peak, plot, style.getPropertyValue("--st-primary-color"));
    if (this.scale) {
      this.drawSpectrogram(pen, clip, image, plot);
      drawFrequencies(pen, this.scale.lowest_hz, this.highest, plot, style.color);
    }
    if (withTimes) drawTimes(pen, this.first, this.last, { ...plot, top: bottom }, style.color);
  }

  drawWave(pen, { samples, rate }, peak, plot, colour) {
    const view = { first: this.first * rate, last: this.last * rate, peak };
    pen.save();
    pen.beginPath();
    pen.rect(plot.left, 0, plot.width, plot.wave);
    pen.clip();
    drawSamples(pen, samples, view, { ...plot, top: 0 }, colour);
    pen.restore();
  }

  // the part that is looked at of a picture that was made once: zooming costs nothing
  drawSpectrogram(pen, { seconds }, image, { left, top, width, height }) {
    const end = Math.min(this.last, seconds);
    if (end <= this.first) return;
    const [from, to] = [this.first, end].map((time) => (time / seconds) * image.width);
    const shown = (width * (end - this.first)) / (this.last - this.first);
    pen.drawImage(image, from, 0, to - from, image.height, left, top, shown, height);
  }

  // ----------------------------------------------------------------------------------------- hearing

  toggle(strip) {
    if (shared.voice && shared.voice === strip.voice) return strip.voice.stop();
    strip.voice = startVoice(strip.clip, 0, false, () => this.showPlaying(strip, false));
    [shared.lastBytes, shared.lastPeak] = [strip.clip.wav.length, strip.clip.peak];
    this.showPlaying(strip, true);
    this.follow(strip);
  }

  // the cursor walks over the part that is looked at, until the voice ends
  follow(strip) {
    const { voice, mark } = strip;
    const step = () => {
      const over = shared.voice !== voice;
      const place = over ? -1 : (voice.position() - this.first) / (this.last - this.first);
      mark.hidden = place < 0 || place > 1;
      mark.style.transform = `translateX(${this.measure("--gutter") + place * this.width()}px)`;
      if (!over) requestAnimationFrame(step);
    };
    step();
  }

  showPlaying({ button, title }, playing) {
    button.classList.toggle("playing", playing);
    button.setAttribute("aria-label", `${playing ? "Stop" : "Play"} ${title.textContent}`);
  }

  stop() {
    for (const { voice } of this.strips) if (voice && shared.voice === voice) voice.stop();
  }

  forget() {
    this.stop();
    for (const { link } of this.strips) URL.revokeObjectURL(link.href);
  }

  leave() {
    this.forget();
    this.watch.disconnect();
    this.root.remove();
  }
}

export default (component) => present(Compare, component);
