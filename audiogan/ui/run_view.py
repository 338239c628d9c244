"""A run while it trains and afterwards: state, charts, previews, and the buttons that steer it."""

import streamlit as st

from audiogan.lab import Finding, Lab, Limit, Run, RunError, Status
from audiogan.ui.deletion import confirm_deletion
from audiogan.ui.gallery import moments_gallery, preview_gallery
from audiogan.ui.look import RUN_STATES, go, label_title, line_chart, show_metrics
from audiogan.wording import duration, pace, size


def watch_run(lab: Lab, run: Run) -> None:
    """The run, looked at once a second while a trainer is at work."""
    steer(lab, run)
    seen = _seen(run)
    active = run.status.is_active
    st.fragment(_numbers, run_every=1.0 if active else None)(lab, run, seen)
    # examples of groups are looked for when there is time, and not every two seconds
    labels = run.config.label_names if active else tuple(map(label_title(lab, run), run.config.label_names))
    st.fragment(_previews, run_every=2.0 if active else None)(lab, run, labels)
    if not active:
        confirm_deletion(
            f"Delete the run '{run.name}' with all its sounds and weights? This cannot be undone.",
            lambda: lab.delete_run(run),
            key=run.name,
        )


def _seen(run: Run) -> tuple[str, bool]:
    """On what the buttons depend: how it is with the run, and whether it can be heard."""
    state = run.status.state
    return "active" if state in ("starting", "running") else state, bool(run.snapshots())


def steer(lab: Lab, run: Run) -> None:
    """Pause and stop while it trains, go on afterwards, play what there is."""
    status = run.status
    with st.container(horizontal=True):
        if status.state == "waiting":
            asked = run.requested()
            if st.button("Start now", icon=":material/play_arrow:", disabled=bool(asked), help=BESIDE):
                _try(lambda: lab.hurry(run))
            if st.button("Leave the queue", icon=":material/close:", disabled=bool(asked)):
                _try(lambda: lab.cancel(run))
        elif status.is_active:
            asked = run.requested()
            if st.button("Pause", icon=":material/pause:", disabled=bool(asked)):
                _try(lambda: lab.stop(run, pause=True))
            if st.button("Stop", icon=":material/stop:", disabled=bool(asked)):
                _try(lambda: lab.stop(run))
        elif _can_go_on(lab, run):
            _go_on(lab, run, status)
        if run.snapshots() and st.button("Explore", icon=":material/tune:", type="primary"):
            go("explore", run=run.name)


BESIDE = "Beside whatever trains on this device already: both get slower."


def _go_on(lab: Lab, run: Run, status: Status) -> None:
    """Resume, more of the same, or another try from the best save."""
    if status.diverged:
        _offer_lower_rate(lab, run, "primary")
    done = status.fraction >= 1
    label = "10 minutes more" if done else "Resume"
    if st.button(label, icon=":material/play_arrow:", type="secondary" if done or status.diverged else "primary"):
        limit = Limit(minutes=status.seconds / 60 + 10) if done else Limit()
        _try(lambda: lab.start(run, limit))
    if not status.diverged and run.saved_steps():
        _offer_lower_rate(lab, run, "tertiary")


def _offer_lower_rate(lab: Lab, run: Run, kind: str) -> None:
    """A new run from this one's best save; this one stays as it is."""
    if not run.saved_steps():
        return
    help_text = "A new run, which begins where this one was best (or last saved). This one stays as it is."
    if st.button("Go on with half the learning rate", icon=":material/trending_down:", type=kind, help=help_text):
        _try(lambda: _start_with_half_the_rate(lab, run))


def _start_with_half_the_rate(lab: Lab, run: Run) -> None:
    other = lab.branch(run, rate_scale=0.5)
    status = other.status
    # a limit that this one had reached would end the other at once
    reached = run.status.fraction >= 1
    lab.start(other, Limit(minutes=status.seconds / 60 + 10) if reached else Limit())
    go("train", run=other.name)


def _can_go_on(lab: Lab, run: Run) -> bool:
    return run.config.dataset in {dataset.name for dataset in lab.datasets()}


def _try(action) -> None:
    try:
        action()
    except (RunError, ValueError, OSError) as error:
        st.error(str(error))
    else:
        st.rerun()


def _numbers(lab: Lab, run: Run, seen: tuple[str, bool]) -> None:
    status = run.status
    # the buttons above belong to another state
    if _seen(run) != seen:
        st.rerun()
    st.progress(min(1.0, status.fraction), _headline(lab, run, status))
    if status.state == "waiting" and not status.step:
        st.caption("It begins by itself, also when this page is closed.")
        return
    if run.config.origin:
        st.caption(f"Goes on from {run.config.origin}.")
    if status.message:
        st.error(status.message) if status.state == "failed" else st.warning(status.message)
    show_metrics(
        ("Steps", f"{status.step:,}", f"{status.epoch:,.1f} passes over the data set (epochs)."),
        ("Pace of steps", pace(status.steps_per_second) if status.step else "…", None),
        ("Time left" if status.is_active else "Trained for", _time(status), None),
        ("Memory", size(status.memory_bytes) if status.memory_bytes else "…", status.device or None),
    )
    if status.construction:
        st.caption(status.construction)

    for finding in lab.findings(run):
        _tell(finding)
    metrics = run.metrics()
    if not metrics["step"]:
        if status.is_active:
            st.caption("The charts begin with the first steps, a few seconds from now.")
        return
    belief = lab.belief_name(run)
    line_chart(
        "Loss: how badly each network is doing",
        metrics["step"],
        {"discriminator": metrics["loss_d"], "generator": metrics["loss_g"]},
        key=f"loss-{run.name}",
        has_peaks=True,
    )
    if run.config.settings.loss == "relativistic":
        lines, middle = {"real beats generated": metrics["belief_real"]}, 0.5
    else:
        lines, middle = {"real": metrics["belief_real"], "generated": metrics["belief_fake"]}, None
    line_chart(f"What the discriminator believes: {belief}", metrics["step"], lines, f"belief-{run.name}", middle)
    scores = run.scores()
    if len(scores["step"]) > 1:
        line_chart(
            "Distance from real sounds: lower is better",
            scores["step"],
            {"generated": scores["distance"], "as many real ones (95 %)": scores["floor"]},
            key=f"scores-{run.name}",
            has_peaks=True,
        )


def _tell(finding: Finding) -> None:
    """One finding, and the numbers it follows from where the pointer rests."""
    icons = {
        "good": ":green[:material/trending_up:]",
        "warning": ":orange[:material/warning:]",
        "bad": ":red[:material/error:]",
    }
    st.markdown(f"{icons[finding.kind]} {finding.sentence}", help=finding.rule)


def _headline(lab: Lab, run: Run, status: Status) -> str:
    if status.state == "waiting":
        waits_for = lab.waits_for(run)
        return f"{RUN_STATES['waiting']} for {waits_for}" if waits_for else RUN_STATES["waiting"]
    if run.requested() and status.is_active:
        return "finishing its step and saving …"
    words = RUN_STATES[status.state]
    device = f" on {status.device}" if status.device and status.is_active else ""
    return f"{words}{device}"


def _time(status: Status) -> str:
    if not status.is_active:
        return duration(status.seconds)
    return "…" if status.seconds_left is None else duration(status.seconds_left)


def _previews(lab: Lab, run: Run, labels: tuple[str, ...]) -> None:
    if run.status.state == "waiting" and not run.snapshots():
        return
    _listen(run, labels)
    if run.snapshots():
        st.caption(lab.kept_words(run))


def _listen(run: Run, labels: tuple[str, ...]) -> None:
    snapshots = [snapshot for snapshot in run.snapshots() if snapshot.previews]
    st.markdown("**Listen to it learn**: the same points of the model, from before training until now")
    if not snapshots:
        st.caption("The first sounds appear a few seconds after the start.")
        return
    if len(snapshots) > 1 and st.toggle("One sound through time", key=f"through-{run.name}"):
        status = run.status
        epochs_per_step = status.epoch / status.step if status.step else 0.0
        moments_gallery(snapshots, labels, epochs_per_step, f"moments-{run.name}")
        return
    steps = [snapshot.step for snapshot in snapshots]
    chosen = steps[-1]
    if len(steps) > 1:
        key = f"moment-{run.name}"
        # stay at the newest until somebody looks back
        following = st.session_state.get(key) in (None, st.session_state.get(f"{key}-newest"))
        if following:
            st.session_state[key] = steps[-1]
        st.session_state[f"{key}-newest"] = steps[-1]
        chosen = st.select_slider("Moment", steps, key=key, format_func=lambda step: f"step {step:,}")
    snapshot = snapshots[steps.index(chosen)] if chosen in steps else snapshots[-1]
    preview_gallery(snapshot, labels, f"preview-{run.name}")
