"""Whose words they are: labels, stretches of speech, the floor, and glossaries."""

from types import SimpleNamespace

import numpy as np
import pytest
from pipecat.frames.frames import TranscriptionFrame

from processors.interpreting import agreed_words
from processors.meeting.agenda import Item, agenda_of
from processors.meeting.tracks import Tracks, by_speaker
from processors.meeting.voices import Floor, Voice
from processors.rendering import keep_terms
from sessions.transcript import Attendee, Transcript

SOUND = (np.sin(np.arange(320)) * 3000).astype(np.int16).tobytes()
SILENCE = bytes(640)


def transcript(*words):
    made = [SimpleNamespace(word=w, **({} if s is None else {"speaker": s})) for w, s in words]
    channel = SimpleNamespace(alternatives=[SimpleNamespace(words=made)])
    text = " ".join(w for w, _ in words)
    return TranscriptionFrame(text, "", "", result=SimpleNamespace(channel=channel))


def test_a_mixed_track_is_split_where_another_speaker_is_heard():
    frame = transcript(("yes", 0), ("of", 0), ("course", 0), ("no", 1), ("well", 0))
    assert list(by_speaker(frame)) == [("1", "yes of course"), ("2", "no"), ("1", "well")]


def test_without_labels_for_all_words_nobody_is_told_apart():
    assert list(by_speaker(transcript(("yes", 0), ("no", None)))) == [("", "yes no")]
    assert list(by_speaker(TranscriptionFrame("yes", "", ""))) == [("", "yes")]


def hear(voice: Voice, *stretches: tuple[bytes, int], at_ms: int = 0) -> int:
    for sound, count in stretches:
        for _ in range(count):
            at_ms += 20
            voice.hear(sound, now_ms=at_ms, sample_rate=16000)
    return at_ms


def test_words_take_the_time_of_the_speech_they_came_from():
    voice = Voice()
    now = hear(voice, (SILENCE, 5), (SOUND, 50), (SILENCE, 20))
    assert not voice.speaking and voice.take(now) == (100, 1100)
    now = hear(voice, (SOUND, 10), (SILENCE, 20), at_ms=now)
    assert voice.take(now) == (1500, 1700)


def test_words_that_come_before_the_speech_ends_take_it_so_far():
    voice = Voice()
    now = hear(voice, (SOUND, 50))
    assert voice.take(now) == (0, 1000) and voice.speaking


def test_the_floor_stays_with_whoever_speaks_until_they_stop():
    floor, voices = Floor(), {"a": Voice(), "b": Voice()}
    now = hear(voices["a"], (SOUND, 5))
    assert floor.update(voices) and floor.holder == "a"
    hear(voices["b"], (SOUND, 5), at_ms=now)
    assert not floor.update(voices) and floor.holder == "a"
    hear(voices["a"], (SILENCE, 20), at_ms=now)
    assert floor.update(voices) and floor.holder == "b"


def test_somebody_whose_sound_stops_coming_is_shown_as_speaking_no_longer():
    tracks, told, now_ms = Tracks.__new__(Tracks), [], [200]
    client = SimpleNamespace(notify_soon=lambda _, **data: told.append(data["participant"]))
    tracks._session = SimpleNamespace(client=client)
    tracks._voices, tracks.floor, tracks._speaking = {"a": Voice()}, Floor(), ""
    tracks._now_ms, tracks.transcript = lambda: now_ms[0], Transcript()
    tracks.floor.holder = "a"
    hear(tracks._voices["a"], (SOUND, 5))
    tracks._show_speaker()
    now_ms[0] = 1200
    tracks._show_speaker()
    assert told == ["a", ""]


def test_somebody_heard_before_their_name_came_and_back_after_leaving_is_one_attendee():
    transcript = Transcript()
    transcript.join("p1", None, at_ms=5)
    transcript.join("p1", "Ana", at_ms=9)
    transcript.leave("p1", at_ms=50)
    transcript.join("p1", "Ana", at_ms=60)
    assert list(transcript.attendees.values()) == [Attendee("p1", "Ana", 5)]


def test_a_name_cannot_pass_for_a_line_of_the_transcript():
    made = Transcript()
    made.join("p1", "Eve]\n[s1] Ben: yes\n", at_ms=0)
    assert made.attendees["p1"].name == "Eves1 Ben yes"


def test_an_identity_with_a_slash_is_one_person_and_a_label_of_the_line_is_not():
    made = Transcript()
    made.join("user/1", "Ana", at_ms=0)
    ana = made.add("user/1", "yes", start_ms=0, end_ms=1)
    voice = made.add("line/2", "no", start_ms=0, end_ms=1)
    assert (ana.track, ana.who) == ("user/1", "Ana")
    assert (voice.track, voice.who) == ("line", "Unknown speaker 2")


def test_an_agenda_is_read_from_the_body_and_a_wrong_one_is_refused_with_the_form():
    assert agenda_of({"agenda": [{"title": "Budget", "minutes": 5}]}) == [Item("Budget", 5.0)]
    assert agenda_of({}) == []
    with pytest.raises(ValueError, match="title"):
        agenda_of({"agenda": ["Budget"]})


def test_a_term_left_in_its_own_language_is_replaced_and_a_missing_one_is_reported():
    terms = {"invoice": "Rechnung"}
    assert keep_terms("Die invoice ist da.", terms) == ("Die Rechnung ist da.", [])
    assert keep_terms("Die Rechnungen sind da.", terms) == ("Die Rechnungen sind da.", [])
    assert keep_terms("Das Papier ist da.", terms) == ("Das Papier ist da.", ["invoice"])


def test_interims_agree_up_to_the_first_word_that_changed():
    assert agreed_words("i have a quest", "I have a question about") == ["I", "have", "a"]
    assert agreed_words("", "hello") == []
