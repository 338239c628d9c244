// one blind question: play, answer, go on; nothing is drawn of a sound, because a picture gives it away

const QUESTION = `
  <header><span class="count" data-testid="question-count"></span><div class="track"><i></i></div></header>
  <div class="sides"></div>
  <div class="scales"></div>
  <button type="button" class="next" data-testid="question-next">Next <kbd>Enter</kbd></button>
  <p class="problem" role="alert" hidden></p>
  <p class="keys"></p>`;

const ENDS = `<div class="ends"><span>not at all</span><span>fully</span></div>`;
const KEYS = {
  one: "<kbd>Space</kbd> plays",
  two: "<kbd>Space</kbd> plays both, <kbd>A</kbd> <kbd>B</kbd> one of them",
  several: "<kbd>1</kbd> to <kbd>5</kbd> answer, <kbd>↑</kbd> <kbd>↓</kbd> change the line",
};
const BETWEEN_SECONDS = 0.4; // from the end of the first sound to the second: apart, but still in the ear
const SIDES = ["A", "B"];

class Question {
  constructor(parent) {
    this.root = document.createElement("section");
    this.root.className = "sound question";
    this.root.innerHTML = QUESTION;
    this.root.dataset.testid = "question";
    parent.append(this.root);
    this.sides = [];
    this.turn = 0; // counts what was played and stopped
    this.part("next").onclick = () => this.goOn();
    // on the whole page, so that keys work wherever the last click went
    this.keys = (event) => this.press(event);
    document.addEventListener("keydown", this.keys);
    document.addEventListener("keyup", this.keys);
    // a button that was clicked gives its focus back: the space bar plays, and must not click it again
    this.root.addEventListener("pointerup", () => setTimeout(() => this.root.getRootNode().activeElement?.blur()));
  }

  part(name) {
    return this.root.querySelector(`.${name}`);
  }

  // ------------------------------------------------------------------------------ what python says

  update({ data, setTriggerValue }) {
    const { head, wav } = unpack(data);
    this.send = (answer) => setTriggerValue("answer", answer);
    this.sent = false;
    if (this.head?.number === head.number && sameBytes(this.wav, wav)) return this.show();
    this.stop();
    [this.head, this.wav] = [head, wav];
    this.chosen = head.scales.map(() => 0);
    this.asked = 0;
    this.showQuestion();
    try {
      const bytes = wav.length / head.sides;
      this.sides = SIDES.slice(0, head.sides).map((name, n) => this.side(name, wav.slice(n * bytes, (n + 1) * bytes)));
    } catch (problem) {
      this.sides = [];
      this.part("problem").textContent = problem.message;
      this.part("problem").hidden = false;
    }
    this.part("sides").replaceChildren(...this.sides.map(({ element }) => element));
    this.show();
    // browsers stay silent until the first gesture on the page
    if (this.sides.length && navigator.userActivation?.hasBeenActive) this.playAll();
  }

  showQuestion() {
    const { number, count, scales, choices } = this.head;
    const several = scales.length > 1;
    this.part("count").textContent = `${number + 1} of ${count}`;
    this.part("track").firstElementChild.style.width = `${(100 * number) / count}%`;
    this.part("problem").hidden = true;
    this.part("scales").classList.toggle("several", several);
    this.part("scales").replaceChildren(...scales.map((words, n) => this.scale(words, n, choices, several)));
    if (several) this.part("scales").insertAdjacentHTML("beforeend", ENDS);
    this.part("next").hidden = !several;
    this.part("keys").innerHTML =
      KEYS[this.head.sides > 1 ? "two" : "one"] + (several ? ` · ${KEYS.several}` : "");
  }

  scale(words, n, choices, several) {
    const element = document.createElement("div");
    element.className = "scale";
    element.setAttribute("role", "group");
    element.setAttribute("aria-label", words);
    element.innerHTML = `<p class="ask"></p><div class="choices"></div>`;
    element.firstElementChild.textContent = words;
    element.lastElementChild.append(...choices.map((choice, at) => {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.testid = `question-${n}-${at + 1}`;
      button.append(choice);
      if (!several) button.insertAdjacentHTML("beforeend", ` <kbd>${at + 1}</kbd>`);
      button.onclick = () => this.choose(n, at + 1);
      return button;
    }));
    return element;
  }

  side(name, wav) {
    const element = document.createElement("div");
    element.className = "side";
    element.innerHTML = `
      <button type="button" class="play" data-testid="question-play-${name}">${PLAY_ICON}</button>
      <div class="heard"></div><span></span>`;
    element.lastElementChild.textContent = this.head.sides > 1 ? name : "";
    const side = { name, element, clip: readWav(wav), heard: false };
    element.firstElementChild.onclick = () => (element.matches(".playing") ? this.stop() : this.play(side));
    this.showPlaying(side, false);
    return side;
  }

  // -------------------------------------------------------------------------------------- hearing

  play(side, afterwards = () => {}) {
    clearTimeout(this.timer);
    const turn = ++this.turn;
    startVoice(side.clip, 0, false, () => {
      this.showPlaying(side, false);
      if (turn === this.turn) afterwards(); // otherwise it was stopped, or another took over
    });
    side.heard = true;
    this.showPlaying(side, true);
    this.show();
  }

  playAll() {
    const [first, second] = this.sides;
    if (!second) return this.play(first);
    this.play(first, () => (this.timer = setTimeout(() => this.play(second), BETWEEN_SECONDS * 1e3)));
  }

  stop() {
    clearTimeout(this.timer);
    this.turn++;
    if (this.sides.some(({ element }) => element.matches(".playing"))) shared.voice?.stop();
  }

  showPlaying(side, playing) {
    const [button, bar] = side.element.children;
    side.element.classList.toggle("playing", playing);
    button.setAttribute("aria-label", `${playing ? "Stop" : "Play"} ${this.head.sides > 1 ? side.name : "the sound"}`);
    bar.getAnimations().forEach((animation) => animation.cancel());
    const whole = [{ transform: "scaleX(0)" }, { transform: "scaleX(1)" }];
    if (playing) bar.animate(whole, side.clip.seconds * 1e3);
  }

  // ------------------------------------------------------------------------------------ answering

  get ready() {
    return !this.sent && this.sides.length > 0 && this.sides.every(({ heard }) => heard);
  }

  choose(scale, choice) {
    if (!this.ready) return;
    this.chosen[scale] = choice;
    const open = this.chosen.indexOf(0);
    this.asked = open < 0 ? scale : open;
    if (this.chosen.length === 1) this.goOn();
    else this.show();
  }

  goOn() {
    if (!this.ready || this.chosen.includes(0)) return;
    this.stop();
    this.sent = true;
    this.show();
    this.send({ number: this.head.number, choices: this.chosen });
  }

  show() {
    this.root.dataset.ready = this.ready;
    this.root.querySelectorAll(".scale").forEach((scale, n) => {
      scale.classList.toggle("asked", n === this.asked);
      scale.querySelectorAll("button").forEach((button, at) => {
        button.disabled = !this.ready;
        button.setAttribute("aria-pressed", this.chosen[n] === at + 1);
      });
    });
    this.part("next").disabled = !this.ready || this.chosen.includes(0);
  }

  // ------------------------------------------------------------------------------------- the keys

  press(event) {
    const target = event.composedPath()[0];
    const elsewhere = target.isContentEditable || target.closest?.("input, textarea, select, a, button");
    if (elsewhere && !this.root.contains(target)) return;
    if (event.ctrlKey || event.metaKey || event.altKey || !this.sides.length) return;
    const act = this.action(event.key, target);
    if (!act) return;
    event.preventDefault(); // the space bar scrolls, and when it is let go it clicks
    if (event.type === "keydown" && !event.repeat) act();
  }

  action(key, target) {
    if (key === " ") return () => this.playAll();
    if (key === "ArrowRight" || (key === "Enter" && target.tagName !== "BUTTON")) return () => this.goOn();
    const side = this.head.sides > 1 && this.sides.find(({ name }) => name === key.toUpperCase());
    if (side) return () => this.play(side);
    if (Number(key) >= 1 && Number(key) <= this.head.choices.length) return () => this.choose(this.asked, Number(key));
    const step = { ArrowDown: 1, ArrowUp: -1 }[key];
    if (!step || this.chosen.length === 1) return null;
    return () => {
      this.asked = Math.min(Math.max(this.asked + step, 0), this.chosen.length - 1);
      this.show();
    };
  }

  leave() {
    this.stop();
    document.removeEventListener("keydown", this.keys);
    document.removeEventListener("keyup", this.keys);
    this.root.remove();
  }
}

export default (component) => present(Question, component);
