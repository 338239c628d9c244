// the instrument: sliders, labels and a seed that ask the audition route for a sound, and play it as it comes

const PLAYER = `
  <div class="labels" role="group" aria-label="Kind of sound"></div>
  <div class="stage">${PICTURE}<p class="hint">Making the first sound …</p></div>
  <p class="problem" role="alert" hidden></p>
  <footer>
    <span class="facts"></span>
    <span class="legend" aria-hidden="true"><span class="floor"></span><i class="ramp"></i>0 dB</span>
    <span class="latency" data-testid="player-latency"
      title="From moving the slider to the sound being ready"></span>
    <a class="download" data-testid="player-download">${DOWNLOAD_ICON}Download WAV</a>
  </footer>
  <div class="controls">
    <button type="button" class="play main" data-testid="player-play">${PLAY_ICON}<span
      class="when-still">Play</span><span class="when-playing">Stop</span></button>
    <button type="button" class="random" data-testid="player-random">Random</button>
    <label class="field">Seed <input class="seed" type="number" placeholder="your sound" min="0" max="2147483647" step="1"
      data-testid="player-seed"></label>
    <label class="switch"><input class="live" type="checkbox" checked
      data-testid="player-live">Play while moving</label>
    <label class="switch"><input class="loop" type="checkbox"
      data-testid="player-loop">Loop</label>
  </div>
  <div class="sliders"></div>`;

const LARGEST_SEED = 2 ** 31 - 1;

class Player extends SoundView {
  constructor(parent) {
    super(parent, "sound player", PLAYER);
    this.root.dataset.testid = "player";
    this.name = "the sound";
    this.showPlaying(false);
    this.part("random").onclick = () => this.choose({ seed: Math.floor(Math.random() * 2 ** 31) });
    this.part("seed").onchange = (event) => this.chooseSeed(event.target);
    this.part("loop").onchange = (event) => this.playing && this.voice.setLoop(event.target.checked);
  }

  get loops() {
    return this.part("loop").checked;
  }

  // ------------------------------------------------------------------------------ what python says

  update({ data, setStateValue }) {
    const [model, before] = [data.model, this.model];
    [this.model, this.scale, this.setStateValue] = [model, data.scale, setStateValue];
    if (!before || instrumentOf(before) !== instrumentOf(model)) {
      this.build();
      // another snapshot of the same run plays the same seed, so that the two can be compared
      const { seed, label, latent, kind } = this;
      this.moveTo(before?.run === model.run ? { seed, label, latent, kind } : model);
    } else if (model.turn !== before.turn || (wishOf(before) !== wishOf(model) && this.isElsewhere(model))) {
      this.moveTo(model);
    } else if (Boolean(model.clean) !== Boolean(before.clean)) {
      this.ask({ hear: this.playing ? "whole" : "", urgent: true });
    } else {
      this.picture.soon(); // only the theme can have changed
    }
  }

  // python may hand back the point that it was told; that is no wish to move
  isElsewhere({ seed, label, positions }) {
    if (seed !== this.seed || label !== this.label) return true;
    return Boolean(positions) && `${positions}` !== `${this.positions}`;
  }

  // a latent of one's own says which of its label's kinds it is; a seed draws one
  moveTo({ seed, label, positions, latent = null, kind = null }) {
    this.stop();
    [this.seed, this.label, this.latent, this.kind] = [seed, label, latent, latent && kind];
    this.moved = Boolean(positions);
    this.showChoice();
    if (positions) this.showSliders([...positions]);
    this.ask({ urgent: true });
  }

  // --------------------------------------------------------------------------------- the controls

  build() {
    const { labels, sliders } = this.model;
    this.positions = null;
    const pills = labels.map((label, n) => this.pill(label, n));
    this.part("labels").replaceChildren(...(labels.length > 1 ? pills : []));
    this.part("sliders").replaceChildren(...sliders.map((slider, n) => this.slider(slider, n)));
    this.part("floor").textContent = `−${this.scale.top_db}`;
    this.part("ramp").style.background = `linear-gradient(to right, ${this.scale.colours})`;
  }

  pill(label, index) {
    const button = document.createElement("button");
    button.type = "button";
    const { groups = [] } = this.model;
    button.textContent = index in groups ? `${index + 1} · ${groups[index]}` : label;
    button.title = index in groups ? `Group ${index + 1}: sounds like ${groups[index]}` : "";
    button.dataset.testid = `player-label-${index}`;
    button.onclick = () => this.choose({ label: index });
    return button;
  }

  slider({ name, min, max, step }, index) {
    const label = document.createElement("label");
    label.innerHTML = `<span></span><output></output><input type="range">`;
    label.firstChild.textContent = name;
    const input = label.lastChild;
    Object.assign(input, { min, max, step });
    input.dataset.testid = `player-slider-${index}`;
    input.oninput = (event) => this.move(index, Number(input.value), event.timeStamp);
    input.onchange = () => this.release();
    showSlider(label, 0); // the middle, until the seed's own position is known
    return label;
  }

  showChoice() {
    this.part("seed").value = this.latent ? "" : this.seed;
    [...this.part("labels").children].forEach((pill, n) => (pill.ariaPressed = `${n === this.label}`));
  }

  showSliders(positions) {
    this.positions = positions;
    [...this.part("sliders").children].forEach((label, n) => showSlider(label, positions[n]));
  }

  // ---------------------------------------------------------------------------- what the user does

  move(index, position, since) {
    this.positions ??= this.model.sliders.map(() => 0); // where the sliders wait for the first answer
    this.positions[index] = position;
    this.moved = true;
    showSlider(this.part("sliders").children[index], position);
    this.ask({ since, hear: this.part("live").checked ? "on" : "" });
  }

  // once let go, a sound that was only heard in passing is heard whole, and python hears where it is
  release() {
    const whole = this.part("live").checked && !this.loops;
    const wish = this.waiting ?? this.travelling?.wish;
    if (wish) Object.assign(wish, { report: true, hear: whole ? "whole" : wish.hear });
    else {
      if (whole && this.wholeClip !== this.clip) this.play();
      this.report();
    }
  }

  choose({ seed, label = this.label }) {
    if (seed !== undefined) {
      this.moved &&= seed === this.seed && !this.latent;
      [this.seed, this.latent, this.kind] = [seed, null, null];
    }
    if (label !== this.label) [this.label, this.kind] = [label, null];
    this.showChoice();
    this.ask({ hear: "whole", report: true, urgent: true });
  }

  chooseSeed(field) {
    const seed = Math.min(Math.max(Math.round(field.valueAsNumber), 0), LARGEST_SEED);
    if (Number.isNaN(seed)) this.showChoice();
    else this.choose({ seed });
  }

  toggle() {
    if (!this.playing && !this.clip) this.ask({ hear: "whole", urgent: true });
    else super.toggle();
  }

  play(from = 0) {
    super.play(from);
    if (from === 0) this.wholeClip = this.clip;
  }

  report() {
    const { run } = this.model;
    const point = { run, seed: this.seed, label: this.label, sliders: this.positions ?? [] };
    if (JSON.stringify(point) === this.reported) return;
    this.reported = JSON.stringify(point);
    this.setStateValue("point", point);
  }

  // ------------------------------------------------------------------------------- asking for sound

  // at most one request travels and one waits, always the newest. a drag lets the travelling one arrive, else
  // nothing would be heard before the hand rests; an urgent wish (seed, label, run) makes it pointless
  ask(wish) {
    if (!this.travelling) return this.send(wish);
    this.waiting = wish;
    if (wish.urgent) this.travelling.abort();
  }

  async send(wish) {
    const control = new AbortController();
    this.travelling = { wish, abort: () => control.abort() };
    this.part("picture").ariaBusy = "true";
    const own = !this.moved;
    try {
      const response = await fetch(this.address(), { signal: control.signal }).catch(() => {
        throw new Error("The app does not answer. Is it still running?");
      });
      if (!response.ok) throw new Error((await response.text()).slice(0, 300));
      const clip = readWav(new Uint8Array(await response.arrayBuffer()));
      control.signal.throwIfAborted(); // a newer choice may have come while the bytes did
      this.receive(clip, wish, own && response.headers.get("X-Sliders"));
    } catch (problem) {
      if (!control.signal.aborted) this.fail(problem.message);
    }
    this.travelling = null;
    this.part("picture").ariaBusy = "false";
    const next = this.waiting;
    this.waiting = null;
    if (next) this.send(next);
  }

  // the route lies beside the page, also when the app lives below a path of its own
  address() {
    const { run, snapshot, route } = this.model;
    const query = new URLSearchParams({ run, snapshot, seed: this.seed, label: this.label });
    if (this.latent) query.set("latent", this.latent.map((number) => Number(number.toFixed(4))));
    if (this.latent && this.kind !== null) query.set("kind", this.kind);
    if (this.model.clean) query.set("clean", 1);
    if (this.moved) query.set("sliders", this.positions.map((position) => Number(position.toFixed(4))));
    return new URL(`.${route}?${query}`, document.baseURI);
  }

  receive(clip, wish, positions) {
    if (wish.since) {
      const latency = performance.now() - wish.since;
      shared.latencies.push(latency);
      if (shared.latencies.length > 1000) shared.latencies.shift();
      this.part("latency").textContent = `${Math.round(latency)} ms`;
    }
    // never pull a slider from under a hand that has already moved on
    if (positions && !this.waiting) this.showSliders(positions.split(",").map(Number));
    const from = this.playing && wish.hear === "on" ? this.voice.position() : 0;
    this.setClip(clip, this.filename(), this.scale);
    [shared.lastBytes, shared.lastPeak] = [clip.wav.length, clip.peak];
    this.part("facts").textContent = `${clip.seconds.toFixed(2)} s · ${clip.rate / 1000} kHz`;
    this.root.classList.add("ready");
    if (wish.hear) this.play(from);
    if (wish.report) this.report();
  }

  // the last sound stays; the sentence says what to do
  fail(sentence) {
    this.showProblem(sentence);
    this.root.classList.add("ready");
  }

  filename() {
    const { run, labels } = this.model;
    const label = labels.length > 1 ? `-${labels[this.label]}` : "";
    const changes = `${this.moved ? "-moved" : ""}${this.model.clean ? "-clean" : ""}`;
    return `${run}${label}-${this.latent ? "own" : `seed${this.seed}`}${changes}.wav`;
  }

  leave() {
    this.waiting = null;
    this.travelling?.abort();
    super.leave();
  }
}

function instrumentOf({ run, snapshot, labels, sliders, route }) {
  return JSON.stringify([run, snapshot, labels, sliders, route]);
}

function wishOf({ seed, label, positions }) {
  return JSON.stringify([seed, label, positions]);
}

// number, thumb, and the bar between zero and the thumb
function showSlider(label, position) {
  const [, output, input] = label.children;
  output.textContent = position.toFixed(2).replace("-", "−");
  input.value = position;
  const part = (value) => Math.min(Math.max((value - input.min) / (input.max - input.min), 0), 1);
  const ends = [part(0), part(position)].sort((a, b) => a - b);
  input.style.setProperty("--from", ends[0]);
  input.style.setProperty("--to", ends[1]);
}

export default (component) => present(Player, component);
