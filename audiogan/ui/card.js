// one finished sound: title, picture, play and stop, download

const CARD = `
  <header>
    <button type="button" class="play round" disabled data-testid="card-play">${PLAY_ICON}</button>
    <div class="words"><span class="title"></span><span class="note"></span></div>
    <a class="download" data-testid="card-download" title="Download WAV">${DOWNLOAD_ICON}</a>
  </header>
  ${PICTURE}
  <p class="problem" role="alert" hidden></p>`;

class Card extends SoundView {
  constructor(parent) {
    super(parent, "sound card", CARD);
    this.root.dataset.testid = "sound-card";
    this.loops = false;
  }

  update({ data }) {
    const { head, wav } = unpack(data);
    this.name = head.title;
    this.part("title").textContent = this.part("title").title = head.title;
    this.part("note").textContent = head.note;
    this.part("download").setAttribute("aria-label", `Download ${head.title} as WAV`);
    this.showPlaying(this.playing);
    // most reruns bring the same sound again: then only the theme can have changed
    if (this.clip && sameBytes(this.clip.wav, wav)) return this.picture.soon();
    this.stop(); // the cursor would walk over a picture of something else
    try {
      this.setClip(readWav(wav), head.filename, head.scale);
    } catch (problem) {
      this.showProblem(problem.message);
      this.picture.soon(); // the empty frame, in the theme's colours
    }
  }
}

export default (component) => present(Card, component);
