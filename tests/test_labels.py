"""Tables of labels, as other people wrote them."""

import pytest

from audiogan.labels import read_table


class TestTables:
    @pytest.mark.parametrize(
        ("data", "column"),
        [
            ("\ufefffname;Class\nkick 1;Große Trommel\n".encode(), "Class"),
            ("File Name;Label\nkick 1.wav;Große Trommel\n".encode("latin-1"), "Label"),
            ("species\tID\nGroße Trommel\tkick 1\n".encode(), "species"),
            ('path|label|x\n"/home/me/all/Kick 1.WAV"|"Große Trommel"|2\n'.encode(), "label"),
            ("id,fname,label\r\n7,kick 1.wav,Große Trommel\r\n8\r\n9,hat.wav,\r\n".encode(), "label"),
        ],
        ids=["utf-8 with mark", "latin-1", "tabs", "full path", "short rows"],
    )
    def test_tolerant_of_headings_letters_and_delimiters(self, data, column):
        table = read_table(data)
        assert table.column == column
        assert table.find(("drums", "kick 1.wav")).label == "Große Trommel"
        assert table.find(("drums", "kick 2.wav")) is None
        assert table.find(("hat.wav",)) is None

    def test_one_name_with_two_labels_is_told_apart_by_its_folder_or_not_at_all(self):
        table = read_table(b"file,label\na/1.wav,kick\nb/1.wav,hat\nb/2.wav,hat\n")
        assert table.find(("all", "a", "1.wav")).label == "kick"
        assert table.find(("b", "1.wav")).label == "hat"
        assert table.find(("1.wav",)) is None
        assert table.find(("c", "2.wav")).label == "hat"
