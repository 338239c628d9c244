"""Where everything lies."""

from audiogan.lab import Lab, site


def test_home_is_where_the_environment_says_unless_one_is_given(monkeypatch, tmp_path):
    monkeypatch.setenv("AUDIOGAN_HOME", str(tmp_path / "there"))
    assert Lab().home == tmp_path / "there"
    assert Lab(tmp_path / "here").runs_folder == tmp_path / "here" / "checkpoints"
    monkeypatch.delenv("AUDIOGAN_HOME")
    assert Lab().home == site()
