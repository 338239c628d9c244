// two sounds above each other on one time axis, and one zoom for both, down to single periods

const COMPARE = `
  <div class="pair" tabindex="0" role="group" aria-label="Two waveforms with one zoom" data-testid="compare-zoom">
    ${[0, 1].map((n) => `
      <header>
        <button type="button" class="play round" data-testid="compare-play-${n}">${PLAY_ICON}</button>
        <span class="title"></span>
        <a class="download" title="Download WAV" data-testid="compare-download-${n}">${DOWNLOAD_ICON}</a>
      </header>
      <div class="strip"><canvas role="img"></canvas><div class="cursor" hidden></div></div>`).join("")}
  </div>
  <p class="problem" role="alert" hidden></p>
  <footer>
    <button type="button" class="closer" aria-label="Zoom in" data-testid="compare-closer">+</button>
    <button type="button" class="further" aria-label="Zoom out" data-testid="compare-further">−</button>
    <button type="button" class="periods" data-testid="compare-periods">Single periods</button>
    <button type="button" class="whole" data-testid="compare-whole">Whole sound</button>
    <span class="facts" data-testid="compare-window"></span>
  </footer>
  <p class="hint">Drag to move, pinch to zoom; after a click also by wheel, + and −, arrows, 0 for all.</p>`;

const FEWEST_SAMPLES = 32; // in the picture: a period of the highest tone that still looks like a curve has four
const PERIODS_SECONDS = 0.03; // three periods of the lowest voice (100 Hz), a dozen of most instruments
const STEP = 1.5; // of one press of a key or button

class Compare {
  constructor(parent) {
    this.root = document.createElement("section");
    this.root.className = "sound compare";
    this.root.innerHTML = COMPARE;
    this.root.dataset.testid = "compare";
    parent.append(this.root);
    this.pair = this.root.querySelector(".pair");
    this.strips = [...this.root.querySelectorAll(".strip")].map((element, n) => this.strip(element, n));
    this.fingers = new Map(); // pointers that are down, by id: their place across the picture
    this.listen();
    this.watch = new ResizeObserver(() => this.draw());
    this.watch.observe(this.pair);
  }

  part(name) {
    return this.root.querySelector(`.${name}`);
  }

  strip(element, n) {
    const header = element.previousElementSibling;
    const strip = { element, canvas: element.firstElementChild, mark: element.lastElementChild };
    Object.assign(strip, { title: header.querySelector(".title"), link: header.querySelector(".download") });
    strip.button = header.querySelector(".play");
    strip.button.onclick = () => this.toggle(this.strips[n]);
    return strip;
  }

  // ------------------------------------------------------------------------------ what python says

  update({ data }) {
    const { head, wav } = unpack(data);
    if (this.wav && sameBytes(this.wav, wav)) return this.draw(); // only the theme can have changed
    this.stop();
    this.wav = wav;
    try {
      [wav.slice(0, head.split), wav.slice(head.split)].forEach((bytes, n) =>
        this.show(this.strips[n], readWav(bytes), head.titles[n]));
    } catch (problem) {
      this.part("problem").textContent = problem.message;
      this.part("problem").hidden = false;
      return;
    }
    this.length = Math.max(...this.strips.map(({ clip }) => clip.samples.length));
    this.look(0, this.length);
  }

  show(strip, clip, title) {
    [strip.clip, strip.title.textContent] = [clip, title];
    URL.revokeObjectURL(strip.link.href);
    strip.link.href = URL.createObjectURL(new Blob([clip.wav], { type: "audio/wav" }));
    strip.link.download = `${title}.wav`;
    strip.link.setAttribute("aria-label", `Download ${title} as WAV`);
    this.showPlaying(strip, false);
  }

  // ---------------------------------------------------------------------------------- the one zoom

  // look at the samples from `first` to `last`, places that both strips share; kept inside the sound
  look(first, last) {
    const span = Math.min(Math.max(last - first, FEWEST_SAMPLES), this.length);
    this.first = Math.min(Math.max(first, 0), this.length - span);
    this.last = this.first + span;
    this.draw();
  }

  // the sample under `place` (0 to 1 across the picture) stays where it is
  zoom(factor, place = 0.5) {
    const [span, anchor] = [this.last - this.first, this.sampleAt(place)];
    const wanted = Math.min(Math.max(span / factor, FEWEST_SAMPLES), this.length);
    this.look(anchor - place * wanted, anchor + (1 - place) * wanted);
  }

  move(share) {
    const span = this.last - this.first;
    this.look(this.first + share * span, this.last + share * span);
  }

  sampleAt(place) {
    return this.first + place * (this.last - this.first);
  }

  // around the original's loudest sample, where periods are seen best
  lookAtPeriods() {
    const { samples, rate, peak } = this.strips[0].clip;
    const loudest = samples.findIndex((value) => Math.abs(value) === peak);
    const half = (PERIODS_SECONDS * rate) / 2;
    this.look(loudest - half, loudest + half);
  }

  // ---------------------------------------------------------------------------- what the user does

  listen() {
    this.part("closer").onclick = () => this.zoom(STEP);
    this.part("further").onclick = () => this.zoom(1 / STEP);
    this.part("periods").onclick = () => this.lookAtPeriods();
    this.part("whole").onclick = () => this.look(0, this.length);
    this.pair.addEventListener("keydown", (event) => this.press(event));
    for (const { element } of this.strips) {
      element.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
      element.addEventListener("pointerdown", (event) => this.touch(event, element));
      element.addEventListener("pointermove", (event) => this.drag(event));
      for (const end of ["pointerup", "pointercancel"]) {
        element.addEventListener(end, (event) => this.fingers.delete(event.pointerId));
      }
    }
  }

  press(event) {
    const actions = {
      "+": () => this.zoom(STEP),
      "=": () => this.zoom(STEP), // the same key without shift
      "-": () => this.zoom(1 / STEP),
      ArrowLeft: () => this.move(-0.2),
      ArrowRight: () => this.move(0.2),
      0: () => this.look(0, this.length),
    };
    if (!actions[event.key] || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    actions[event.key]();
  }

  // a page that scrolls by must not get stuck: the wheel zooms once the picture was clicked, and with ctrl, which is
  // also what a pinch on a touchpad says
  wheel(event) {
    if (!event.ctrlKey && !this.pair.matches(":focus")) return;
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
    const box = this.strips[0].canvas.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
  }

  width() {
    return this.strips[0].element.clientWidth;
  }

  // ------------------------------------------------------------------------------------- the picture

  draw() {
    if (!this.length || this.width() <= 0) return; // nothing to show, or not laid out yet; the observer calls again
    const { rate } = this.strips[0].clip;
    const view = { first: this.first, last: this.last, peak: this.loudest() };
    this.strips.forEach((strip, n) => this.drawStrip(strip, view, n === 1));
    const [start, end] = [this.first, this.last].map((sample) => ((sample / rate) * 1e3).toFixed(1));
    this.part("facts").textContent = `${start} to ${end} ms`;
    this.part("whole").disabled = this.last - this.first >= this.length;
  }

  // both fill their height by the same measure, also where the sound is quiet: it is shapes that are compared
  loudest() {
    const [from, to] = [Math.floor(this.first), Math.ceil(this.last)];
    const values = this.strips.map(({ clip }) => clip.samples.subarray(from, to));
    return values.flat().reduce((most, part) => part.reduce((peak, x) => Math.max(peak, Math.abs(x)), most), 1e-3);
  }

  drawStrip({ element, canvas, clip, title }, view, withTimes) {
    const style = getComputedStyle(element);
    const [wave, below] = ["--wave", "--axis"].map((name) => parseFloat(style.getPropertyValue(name)));
    const [width, ratio] = [element.clientWidth, devicePixelRatio];
    const plot = { left: 0, top: 0, width, wave, ratio, below };
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round((wave + (withTimes ? below : 0)) * ratio);
    canvas.style.height = `${wave + (withTimes ? below : 0)}px`;
    canvas.setAttribute("aria-label", `Waveform of ${title.textContent}`);
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    pen.font = `11px ${style.getPropertyValue("--st-font") || "sans-serif"}`;
    pen.fillStyle = style.getPropertyValue("--st-secondary-background-color");
    pen.fillRect(0, 0, width, wave);
    pen.fillStyle = style.getPropertyValue("--st-border-color");
    pen.fillRect(0, wave / 2 - 0.5, width, 1);
    drawSamples(pen, clip.samples, view, plot, style.getPropertyValue("--st-primary-color"));
    if (withTimes) drawTimes(pen, view.first / clip.rate, view.last / clip.rate, { ...plot, top: wave }, style.color);
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
    const { voice, clip, mark } = strip;
    const step = () => {
      const over = shared.voice !== voice;
      const place = over ? -1 : (voice.position() * clip.rate - this.first) / (this.last - this.first);
      mark.hidden = place < 0 || place > 1;
      mark.style.transform = `translateX(${place * this.width()}px)`;
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

  leave() {
    this.stop();
    this.watch.disconnect();
    for (const { link } of this.strips) URL.revokeObjectURL(link.href);
    this.root.remove();
  }
}

export default (component) => present(Compare, component);
