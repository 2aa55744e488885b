"""Identifiers in pictures are found by layout and blacked out, faces are blurred, or nothing is shown."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sessions import EU, HIPAA, OPEN
from sessions.phi import PHIFirewall
from sessions.policy import PolicyError
from sessions.vision import ocr, privacy
from sessions.vision.identifiers import UNREAD, identifiers
from sessions.vision.ocr import Line, ScreenText
from sessions.vision.privacy import (
    HELD,
    PictureMemory,
    PictureRules,
    PictureWithheld,
    picture_rules,
    redact_picture,
    require_image_privacy,
)
from tests.screen.test_reading import line
from tests.support.faces import with_face

RULES = PictureRules(identifiers=True, faces=False)


def hidden(*lines: Line, known: frozenset[str] = frozenset()) -> str:
    """The words of a picture; what is hidden is a dash."""
    found = identifiers(lines, known)
    return " / ".join(
        " ".join("-" if (i, j) in found else word for j, (word, _) in enumerate(one.words))
        for i, one in enumerate(lines)
    )


def test_a_value_beside_its_label_is_hidden_and_the_label_is_not():
    got = hidden(line("Patient name:", 10, 10), line("Wei Okafor", 300, 12))
    assert got == "Patient name: / - -"


def test_a_value_under_its_label_is_hidden():
    got = hidden(line("Member ID", 10, 10), line("XJB20914455", 10, 40))
    assert got == "Member ID / -"


def test_the_columns_of_a_table_are_hidden_as_their_heads_say():
    heads = [line("Patient", 10, 10), line("MRN", 200, 10), line("Status", 400, 10)]
    body = [
        cell
        for top in (50, 90, 130)
        for cell in (line("May Ford", 10, top), line("A7-4411", 200, top), line("done", 400, top))
    ]
    assert hidden(*heads, *body).endswith("- - / - / done / - - / - / done / - - / - / done")


def test_a_name_that_a_line_break_parts_is_hidden_in_both_lines():
    got = hidden(line("my patient is called Maria", 10, 10), line("Alvarez since March", 10, 34))
    assert "Maria" not in got and "Alvarez" not in got


def test_what_the_session_has_heard_is_hidden_however_it_is_spaced():
    known = frozenset({"5551212", "zebra-77 x"})
    got = hidden(line("crate ZEBRA 77X, lot 555-1212 ready", 10, 10), known=known)
    assert got == "crate - - lot - ready"


def test_text_that_cannot_be_read_is_hidden_too():
    blurred = line("qwo ~~", 10, 10, confidence=0.2)
    assert set(identifiers((blurred,)).values()) == {UNREAD}


def test_hidden_words_are_black_with_a_margin_and_the_rest_is_as_it_was(monkeypatch):
    lines = [line("Patient name:", 10, 20), line("Wei Okafor", 300, 20)]
    monkeypatch.setattr(privacy, "read_screen", reads(lines))
    rgb = np.full((80, 600, 3), 200, np.uint8)
    seen = redact_picture(rgb, RULES)
    assert (seen.rgb[20:40, 296:404] == 0).all()
    assert (seen.rgb[:, :290] == 200).all()
    assert seen.counts == {"NAME": 1}
    assert (rgb == 200).all(), "the picture that came is not touched"


def reads(lines):
    def read_screen(rgb, before=None, at_ns=0):
        return ScreenText(tuple(lines), at_ns, np.zeros((1, 1), np.uint8))

    return read_screen


def test_a_picture_that_cannot_be_read_is_withheld_and_the_error_quotes_nothing(monkeypatch):
    def fails(rgb, before=None, at_ns=0):
        raise RuntimeError("Wei Okafor")

    monkeypatch.setattr(privacy, "read_screen", fails)
    with pytest.raises(PictureWithheld) as raised:
        redact_picture(np.zeros((40, 40, 3), np.uint8), RULES)
    assert "Okafor" not in str(raised.value) and raised.value.__cause__ is None


def test_what_is_told_of_a_picture_has_surrogates():
    screen = ScreenText(
        (line("Name:", 10, 10), line("Wei Okafor", 200, 10), line("qq ~", 10, 50)),
        0,
        np.zeros((1, 1), np.uint8),
    )
    memory = PictureMemory(screen, {(1, 0): "NAME", (1, 1): "NAME", (2, 0): UNREAD, (2, 1): UNREAD})
    phi = PHIFirewall()
    assert memory.text(phi.vault.put) == "Name: | [NAME_1]\n[unreadable]"
    assert phi.restore("[NAME_1]") == "Wei Okafor"


def test_faces_are_blurred_and_stay_so_when_the_detector_misses_them(monkeypatch):
    faces = [(40, 40, 80, 80)]
    monkeypatch.setattr(privacy, "find_faces", lambda rgb: faces)
    rgb = np.random.default_rng(2).integers(0, 255, (120, 160, 3), np.uint8)
    rules = PictureRules(identifiers=False, faces=True)
    seen = redact_picture(rgb, rules)
    assert seen.counts == {"FACE": 1}
    assert seen.rgb[40:80, 40:80].std() < rgb[40:80, 40:80].std() / 2
    assert (seen.rgb[:, 100:] == rgb[:, 100:]).all()
    faces.clear()
    for _ in range(HELD):
        seen = redact_picture(rgb, rules, seen.memory)
        assert seen.counts == {"FACE": 1}
    assert redact_picture(rgb, rules, seen.memory).counts == {}


def test_the_detectors_are_in_opencvs_wheel_and_find_nobody_in_noise():
    noise = np.random.default_rng(3).integers(0, 255, (120, 160, 3), np.uint8)
    assert privacy.find_faces(noise) == []


def test_an_unchanged_picture_is_hidden_as_before_until_more_is_known(monkeypatch):
    looks = []
    monkeypatch.setattr(privacy, "find_faces", lambda rgb: looks.append(1) or [(0, 0, 9, 9)])
    monkeypatch.setattr(privacy, "read_screen", lambda rgb, before=None, at_ns=0: before or first)
    first = ScreenText((line("crate zebra is ready", 10, 10),), 0, np.zeros((1, 1), np.uint8))
    rgb = np.zeros((80, 600, 3), np.uint8)
    rules = PictureRules(identifiers=True, faces=True)
    seen = redact_picture(rgb, rules)
    again = redact_picture(rgb, rules, seen.memory)
    assert seen.counts == again.counts == {"FACE": 1}
    assert len(looks) == 1
    more = redact_picture(rgb, replace(rules, known=frozenset({"Zebra"})), again.memory)
    assert more.counts == {"FACE": 1, "ID": 1}


def test_a_face_is_blurred():
    rgb = with_face(np.full((288, 512, 3), 120, np.uint8), (200, 140), 120)
    seen = redact_picture(rgb, PictureRules(identifiers=False, faces=True))
    assert seen.counts == {"FACE": 1}
    assert privacy.find_faces(seen.rgb) == []


def test_the_policy_says_what_is_hidden():
    def rules(policy) -> PictureRules | None:
        phi = PHIFirewall() if policy.redact else None
        if phi:
            phi.vault.put("Wei Okafor", "NAME")
        session: Any = SimpleNamespace(policy=policy, phi=phi)
        return picture_rules(session)

    assert rules(OPEN) is None
    assert rules(EU) == PictureRules(identifiers=False, faces=True)
    known = frozenset({"Wei Okafor", "wei okafor"})
    assert rules(HIPAA) == PictureRules(True, True, known, frozenset({"wei", "okafor"}))


def test_a_bot_that_sees_is_refused_where_nothing_could_be_hidden(monkeypatch):
    monkeypatch.setattr(ocr, "available", lambda: False)
    with pytest.raises(PolicyError, match=r"'ocr' extra"):
        require_image_privacy(HIPAA)
    require_image_privacy(EU)
    require_image_privacy(replace(OPEN, blur_faces=True))
