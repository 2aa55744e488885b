"""Endless labelled dialogues for training: names of many lands, numbers said in many habits."""

import random
import re
from collections.abc import Iterator

from sessions.phi.lexicon import DICTIONARY, STATE, city, first, last, lexicon
from sessions.phi.training import speak
from sessions.phi.training.phrases import ASK, SAY
from sessions.phi.training.plain import AMBIGUOUS, PLAIN, REPLY
from sessions.phi.vocabulary import STOP

CHOICE = re.compile(r"\(([^()]*)\)")
SLOT = re.compile(r"<([^>]+)>")
SUFFIXES = (
    "street avenue road lane drive court boulevard way place circle terrace close crescent parkway "
    "trail square loop gardens highway ridge"
).split()
NUMBER_ASK = (
    ("social", "SSN"), ("last four", "SSN"), ("member", "HEALTHPLAN"), ("insurance", "HEALTHPLAN"),
    ("policy", "HEALTHPLAN"), ("group", "HEALTHPLAN"), ("subscriber", "HEALTHPLAN"), ("record", "MRN"),
    ("m r n", "MRN"), ("chart", "MRN"), ("patient id", "MRN"), ("card", "ACCOUNT"),
    ("account", "ACCOUNT"), ("plate", "VEHICLE"), ("license", "LICENSE"), ("serial", "DEVICE"),
    ("fax", "FAX"),
)  # fmt: skip

Turn = tuple[str, str, list[tuple[int, int, str]]]


class Names:
    """Name and place words of the lexicon by tier."""

    def __init__(self):
        self.given: dict[int, list[str]] = {1: [], 2: [], 3: []}
        self.family: dict[int, list[str]] = {1: [], 2: [], 3: []}
        self.city: dict[int, list[str]] = {1: [], 2: [], 3: []}
        for word, flags in lexicon().items():
            if city(flags) and not flags & STATE:
                self.city[city(flags)].append(word)
            if " " in word or "'" in word or len(word) < 3:
                continue
            common = flags & DICTIONARY
            if first(flags) and (not common or first(flags) >= 2 and word not in STOP):
                self.given[first(flags)].append(word)
            if last(flags) and (not common or last(flags) == 3) and word not in STOP:
                self.family[last(flags)].append(word)

    def pick(self, table: dict[int, list[str]], r: random.Random) -> str:
        """A word, the frequent ones oftener."""
        return r.choice(table[r.choices([1, 2, 3], [3, 3, 5])[0]])


class Writer:
    """Fills phrases."""

    def __init__(self, seed: int):
        self.r = random.Random(seed)
        self.names = Names()
        self.asks = {kind: block.strip().splitlines() for kind, block in ASK.items()}
        self.says = {kind: block.strip().splitlines() for kind, block in SAY.items()}
        self.plain = PLAIN.strip().splitlines()
        self.replies = REPLY.strip().splitlines()
        self.family_said = "smith"

    def choose(self, phrase: str) -> str:
        """Resolve ``(a|b|)`` from the inside out."""
        while match := CHOICE.search(phrase):
            phrase = (
                phrase[: match.start()] + self.r.choice(match[1].split("|")) + phrase[match.end() :]
            )
        return re.sub(r"\s+", " ", phrase).strip()

    def fill(self, phrase: str) -> tuple[str, list[tuple[int, int, str]]]:
        """Fill the slots: text and labelled spans."""
        text, spans = "", []
        for k, piece in enumerate(SLOT.split(self.choose(phrase))):
            if k % 2 == 0:
                text += piece
                continue
            label, _, maker = piece.rpartition(":")
            for value, kind in self.make(maker, label):
                if text and not text.endswith(" "):
                    text += " "
                if kind:
                    spans.append((len(text), len(text) + len(value), kind))
                text += value
        return text, spans

    def word(self, table) -> str:
        """A name, now and then one that no list knows or in the possessive."""
        r, word = self.r, self.names.pick(table, self.r)
        if r.random() < 0.09 and len(word) > 3:
            at = r.randrange(1, len(word))
            word = word[:at] + r.choice("aeioukrstlnmh") + word[at + r.randint(0, 1) :]
        return word

    def make(self, maker: str, label: str) -> list[tuple[str, str]]:
        """Values for a slot with their labels."""
        r = self.r
        given, family = self.word(self.names.given), self.word(self.names.family)
        if maker in ("family", "full", "doctor"):
            self.family_said = family
        if maker == "given":
            return [(given, label)]
        if maker == "family":
            extra = r.random()
            if extra < 0.04:
                family = f"{r.choice(['de la', 'van der', 'de', 'mc', 'al', 'saint', 'van', 'el', 'ben', 'della'])} {family}"
            elif extra < 0.08:
                family = f"{family} {self.word(self.names.family)}"
            return [(family, label)]
        if maker == "full":
            style = r.random()
            if style < 0.75:
                return [(f"{given} {family}", label)]
            if style < 0.82:
                return [(given, label), (r.choice(["uh", "um", "er"]), ""), (family, label)]
            if style < 0.9:
                return [(f"{given} {r.choice('bcdefghjklmnprstw')} {family}", label)]
            return [(f"{given} {self.word(self.names.given)} {family}", label)]
        if maker == "any":
            if label == "NAME":
                return self.make(r.choice(["given", "family", "full"]), label)
            return [(self.code(), label)]
        if maker == "doctor":
            title = r.choice(["doctor", "doctor", "dr", "nurse", "mister", "mrs", "professor"])
            return r.choice(
                [
                    [(title, ""), (family, label)],
                    [(given, label)],
                    [(f"{given} {family}", label)],
                    [(title, ""), (f"{given} {family}", label)],
                ]
            )
        if maker == "spelt":
            word = self.family_said if r.random() < 0.7 else given
            letters = [c for c in word if c.isalpha()][:12]
            if r.random() < 0.2:
                at = r.randrange(len(letters))
                letters[at] += r.choice([" as in ", " like ", " for ", " as in "]) + {
                    "a": "apple"
                }.get(letters[at], letters[at] + r.choice(["ictor", "oy", "other", "at"]))
            return [(" ".join(letters), label)]
        if maker == "letter":
            return [(r.choice("abcdefghjklmnprst"), label)]
        if maker == "dob":
            return [(speak.date(r), label)]
        if maker == "day":
            return [(speak.date(r, with_year=r.random() < 0.3), label)]
        if maker in ("phone", "ssn", "card", "zip", "box"):
            size = {
                "phone": 10,
                "ssn": r.choice([4, 9]),
                "card": r.choice([4, 16, 8]),
                "zip": 5,
                "box": r.choice([2, 3, 4]),
            }[maker]
            return [(speak.digits("".join(r.choice("0123456789") for _ in range(size)), r), label)]
        if maker == "code":
            return [(self.code(), label)]
        if maker == "city":
            return [(self.place(), label)]
        if maker == "road":
            return [
                (
                    f"{r.choice([family, 'main', 'oak', 'second', 'elm', 'church'])} {r.choice(SUFFIXES)}",
                    label,
                )
            ]
        if maker == "street":
            return [(self.street(), label)]
        if maker == "address":
            value = self.street()
            if r.random() < 0.5:
                value += f" {self.place()}"
            if r.random() < 0.4:
                value += " " + r.choice(
                    [
                        "texas",
                        "ohio",
                        "california",
                        "new york",
                        "florida",
                        "georgia",
                        "illinois",
                        "maine",
                    ]
                )
            if r.random() < 0.4:
                value += " " + speak.digits("".join(r.choice("0123456789") for _ in range(5)), r)
            return [(value, label)]
        if maker == "email":
            return [(self.email(given, family), label)]
        if maker == "url":
            return [
                (
                    f"{r.choice(['w w w dot ', '', 'www dot '])}{family}{r.choice([' clinic', ' photos', '', ' law'])} dot {r.choice(['com', 'org', 'net'])}",
                    label,
                )
            ]
        if maker == "ip":
            return [
                (
                    " dot ".join(
                        r.choice([speak.cardinal, speak.digits])(n, r)
                        if False
                        else speak.cardinal(n, r)
                        for n in (r.randint(1, 255) for _ in range(4))
                    ),
                    label,
                )
            ]
        if maker == "old":
            return [(speak.cardinal(r.randint(90, 106), r), label)]
        if maker == "cardinal":
            return [(speak.cardinal(r.choice([r.randint(13, 99), r.randint(100, 400)]), r), "")]
        if maker == "small":
            return [(speak.ONES[r.randint(1, 12)], "")]
        if maker == "dose":
            return [
                (
                    r.choice(
                        [
                            "one tablet",
                            "two pills",
                            "half a pill",
                            "twenty milligrams",
                            "five hundred milligrams",
                            "ten units",
                            "a teaspoon",
                            "eighty one milligrams",
                            "two puffs",
                            "one thousand milligrams",
                            "point five milligrams",
                        ]
                    ),
                    "",
                )
            ]
        if maker == "bp":
            return [
                (
                    f"{speak.cardinal(r.randint(95, 190), r).replace(' hundred', r.choice(['', ' hundred']))} over {speak.cardinal(r.randint(55, 110), r)}",
                    "",
                )
            ]
        if maker == "reading":
            return [
                (
                    r.choice(
                        [
                            speak.cardinal(r.randint(50, 320), r),
                            f"{speak.ONES[r.randint(4, 12)]} point {speak.ONES[r.randint(1, 9)]}",
                            f"one oh {speak.ONES[r.randint(1, 4)]} point {speak.ONES[r.randint(1, 9)]}",
                            f"ninety {speak.ONES[r.randint(1, 9)]}",
                        ]
                    ),
                    "",
                )
            ]
        if maker == "season":
            return [(r.choice("summer winter spring fall christmas march june monday".split()), "")]
        if maker == "word":
            return [(r.choice(AMBIGUOUS), "")]
        raise KeyError(f"No maker is called {maker!r}.")

    def code(self) -> str:
        """Letters and digits of a card, a record or a claim."""
        r = self.r
        letters = " ".join(
            r.choice("abcdefghjklmnpqrstuvwxyz") for _ in range(r.choice([0, 0, 1, 1, 2, 3]))
        )
        number = speak.digits(
            "".join(r.choice("0123456789") for _ in range(r.choice([4, 5, 6, 7, 8, 9, 10]))), r
        )
        return f"{letters} {number}".strip()

    def place(self) -> str:
        """A town, frequent ones oftener."""
        return self.names.pick(self.names.city, self.r)

    def street(self) -> str:
        """House number, road, perhaps a unit."""
        r = self.r
        n = r.choice([r.randint(1, 99), r.randint(100, 999), r.randint(1000, 9999)])
        number = r.choice(
            [speak.digits(str(n), r), speak.cardinal(n, r) if n < 1000 else speak.digits(str(n), r)]
        )
        road = r.choice(
            [
                self.word(self.names.family),
                r.choice(AMBIGUOUS),
                speak.ordinal(r.randint(1, 30)),
                f"{r.choice(['north', 'south', 'old', 'east', 'saint', 'west'])} {self.word(self.names.family)}",
                r.choice(["maple", "oak", "elm", "park", "main", "lake", "washington", "sunset"]),
            ]
        )
        unit = ""
        if r.random() < 0.25:
            unit = (
                " "
                + r.choice(["apartment", "apt", "unit", "suite", "number", "flat"])
                + " "
                + r.choice(
                    [
                        r.choice("abcdefgh"),
                        speak.cardinal(r.randint(1, 60), r),
                        speak.digits(str(r.randint(100, 999)), r) + r.choice(["", " b"]),
                    ]
                )
            )
        return f"{number} {road} {r.choice(SUFFIXES)}{unit}"

    def email(self, given: str, family: str) -> str:
        """An address said aloud."""
        r = self.r
        tail = r.choice(
            [
                "",
                "",
                speak.cardinal(r.randint(10, 99), r),
                speak.digits(str(r.randint(100, 9999)), r),
            ]
        )
        local = r.choice(
            [
                f"{given} dot {family}",
                f"{given} {family}",
                f"{given[0]} {family}",
                f"{given} underscore {family}",
                " ".join(given),
                f"{' '.join(given)} dot {' '.join(family)}",
                f"{r.choice(AMBIGUOUS)} {r.choice(['girl', 'guy', 'fan', 'mom', 'lover'])}",
                f"{family} dash {given}",
            ]
        )
        host = r.choice(
            [
                "gmail",
                "yahoo",
                "hotmail",
                "outlook",
                "icloud",
                "comcast",
                "a o l",
                family,
                f"{family} law",
            ]
        )
        return f"{local} {tail} at {host} dot {r.choice(['com', 'com', 'net', 'org', 'co dot uk', 'e d u'])}".replace(
            "  ", " "
        )

    def dialogue(self) -> list[Turn]:
        """Some turns: what the bot said, what the caller said, where the identifiers are."""
        r, turns = self.r, []
        for _ in range(r.randint(4, 9)):
            kind = r.choices(
                ["name", "dob", "phone", "address", "email", "number", "other", "plain"],
                [10, 2, 2, 4, 1, 3, 8, 16],
            )[0]  # fmt: skip
            ask = self.choose(r.choice(self.asks["other" if kind == "plain" else kind]))
            if r.random() < 0.12:
                ask = self.choose(r.choice(self.asks["other"]))
            if kind == "plain":
                reply = r.random() < 0.3
                if r.random() < (0.8 if reply else 0.25):
                    ask = self.choose(
                        r.choice(
                            self.asks[
                                r.choice(["name", "name", "dob", "phone", "address", "number"])
                            ]
                        )
                    )
                text, spans = "", []
                for _ in range(r.choice([1, 1, 2])):
                    more, _ = self.fill(r.choice(self.replies if reply else self.plain))
                    text = (
                        f"{text} {r.choice(['and', 'but', 'so', 'because', ''])} {more}"
                        if text
                        else more
                    )
                text = re.sub(r"\s+", " ", text).strip()
            else:
                text, spans = self.fill(r.choice(self.says[kind]))
                if r.random() < 0.12:
                    before, _ = self.fill(r.choice(self.plain))
                    spans = [
                        (a + len(before) + 1, b + len(before) + 1, label) for a, b, label in spans
                    ]
                    text = f"{before} {text}"
                elif r.random() < 0.12:
                    after, _ = self.fill(r.choice(self.plain))
                    text = f"{text} {r.choice(['and ', 'so ', ''])}{after}"
            turns.append((ask, text, spans))
        return turns


def dialogues(count: int, seed: int = 5) -> Iterator[list[Turn]]:
    """Dialogues, the same for the same seed."""
    writer = Writer(seed)
    for _ in range(count):
        yield writer.dialogue()
