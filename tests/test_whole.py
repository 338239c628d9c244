"""Files are replaced whole, or stay as they were."""

import os

import pytest

from audiogan import columns, whole


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_that_cannot_be_finished_stays_as_it_was(tmp_path):
    path = tmp_path / "sound.txt"
    whole.write_text(path, "Höhe")
    with pytest.raises(OSError, match="full"), whole.replacing(path) as partial:
        partial.write_text("half")
        raise OSError("the disk is full")
    assert path.read_text(encoding="utf-8") == "Höhe"
    assert names(tmp_path) == ["sound.txt"]


def test_what_a_dead_writer_left_behind_is_no_obstacle(tmp_path):
    path, source = tmp_path / "save", tmp_path / "source"
    source.write_text("new")
    (tmp_path / "save.partial").write_text("half")
    whole.write_text(path, "new")
    assert path.read_text() == "new"
    # a second name of the same bytes is renamed onto the first one without a trace
    for _ in range(2):
        with whole.replacing(path) as partial:
            os.link(source, partial)
    assert names(tmp_path) == ["save", "source"]


def test_a_table_grows_and_an_unfinished_line_is_not_read(tmp_path):
    path, header = tmp_path / "numbers.csv", ("step", "loss")
    assert columns.read(path, header) == {"step": [], "loss": []}
    columns.append(path, header, [(1, 0.5)])
    columns.append(path, header, [(2, float("nan"))])
    with path.open("a") as file:
        file.write("3,0.2")
    found = columns.read(path, header)
    assert found["step"] == [1, 2]
    assert found["loss"] == pytest.approx([0.5, float("nan")], nan_ok=True)
    columns.write(path, header, [(7, 0.125)])
    assert path.read_text() == "step,loss\n7,0.125\n"
