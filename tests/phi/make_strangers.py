"""Make the held-out dialogues in ``data/``: two authors with habits of their own. Run by hand.

::

    uv pip install Faker names
    python -m tests.phi.make_strangers

Neither shares a phrase, a way of saying numbers or a name list with the training dialogues in
``sessions/phi/training``. Names: Faker (MIT) and the US Census 1990 (public domain). Nobody in them
is real. ``desk`` is a chatty American front desk, ``line`` a British and Indian insurance and
pharmacy line. A slot ``<LABEL:maker>`` is filled and labelled; ``<maker>`` only filled.
"""

import json
import random
import re
from pathlib import Path

from faker import Faker

HERE = Path(__file__).with_name("data")
UNITS = "zero one two three four five six seven eight nine".split()
ORD = (
    (
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth "
        "fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth twenty-first "
        "twenty-second twenty-third twenty-fourth twenty-fifth twenty-sixth twenty-seventh twenty-eighth "
        "twenty-ninth thirtieth thirty-first"
    )
    .replace("-", "~")
    .split()
)
MONTH = (
    "january february march april may june july august september october november december".split()
)


def say(n: int) -> str:
    small = UNITS + (
        "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
    )
    if n < 20:
        return small[n]
    if n < 100:
        tens = "twenty thirty forty fifty sixty seventy eighty ninety".split()[n // 10 - 2]
        return tens if n % 10 == 0 else f"{tens} {UNITS[n % 10]}"
    if n < 1000:
        rest = "" if n % 100 == 0 else " and " + say(n % 100) if n % 3 == 0 else " " + say(n % 100)
        return f"{UNITS[n // 100]} hundred{rest}"
    rest = "" if n % 1000 == 0 else " " + say(n % 1000)
    return f"{say(n // 1000)} thousand{rest}"


class Author:
    """Fills templates. Subclasses are the two authors."""

    locales: list[str] = []
    asks: dict[str, tuple[list[str], list[str]]] = {}
    chat: list[tuple[str, str]] = []

    def __init__(self, seed: int):
        self.r = random.Random(seed)
        self.fakes = []
        for locale in self.locales:
            fake = Faker(locale)
            fake.seed_instance(seed)
            self.fakes.append(fake)

    def plain(self, text: str) -> str:
        import unicodedata

        text = "".join(
            c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)
        )
        return re.sub(r"\s+", " ", re.sub(r"[^a-z' ]", " ", text.lower())).strip()

    def given(self) -> str:
        return self.plain(self.r.choice(self.fakes).first_name()).split()[0]

    def family(self) -> str:
        return self.plain(self.r.choice(self.fakes).last_name()).split()[-1]

    def digits(self, s: str) -> str:
        raise NotImplementedError

    def fill(self, template: str) -> tuple[str, list]:
        out, spans = "", []
        for piece in re.split(r"(<[^>]+>)", template):
            if not piece.startswith("<"):
                out += piece
                continue
            label, _, maker = piece[1:-1].rpartition(":")
            value = getattr(self, "make_" + maker)().replace("~", " ")
            if label:
                spans.append([len(out), len(out) + len(value), label])
            out += value
        return out, spans

    # what is said
    def make_given(self):
        self.last_given = self.given()
        return self.last_given

    def make_family(self):
        self.last_family = self.family()
        return self.last_family

    def make_full(self):
        return f"{self.make_given()} {self.make_family()}"

    def make_spelt(self):
        word = getattr(self, "last_family", None) or self.family()
        return " ".join(c for c in word if c.isalpha())

    def make_city(self):
        return self.r.choice(self.cities)

    def n(self, k: int) -> str:
        return "".join(self.r.choice("0123456789") for _ in range(k))

    def l(self, k: int) -> str:  # noqa: E743
        return " ".join(self.r.choice("bcdefghjklmnpqrstvwxyz") for _ in range(k))

    def make_small(self):
        return say(self.r.randint(2, 12))

    def make_ssn(self):
        return self.digits(self.r.choice("123456") + self.n(8))

    def make_four(self):
        return self.digits(self.n(4))

    def make_card(self):
        return self.digits("4" + self.n(15))

    def make_acct(self):
        return self.digits(self.n(self.r.choice([7, 8, 9, 10])))

    def make_code(self):
        return (
            f"{self.l(self.r.choice([1, 2, 3]))} {self.digits(self.n(self.r.choice([4, 5, 6, 7])))}"
        )

    def make_plate(self):
        return f"{self.l(3)} {self.digits(self.n(self.r.choice([3, 4])))}"

    def make_ip(self):
        return " dot ".join(say(self.r.randint(1, 255)) for _ in range(4))

    def make_old(self):
        return say(self.r.randint(90, 104))

    def segments(self, text: str) -> list:
        starts = [m.start() for m in re.finditer(r"(?<=\s)\S", text)]
        if len(starts) < 4 or self.r.random() < 0.45:
            return [[0, len(text)]]
        cuts = sorted(self.r.sample(starts, self.r.randint(1, min(3, len(starts)))))
        bounds = [0, *cuts, len(text)]
        return [[a, b] for a, b in zip(bounds, bounds[1:])]

    def dialogue(self, name: str) -> dict:
        turns = []
        kinds = ["name"] + self.r.sample([k for k in self.asks if k != "name"], 6)
        for kind in kinds:
            if self.r.random() < 0.35:
                bot, said = self.r.choice(self.chat)
                turns.append((bot, said))
            bots, answers = self.asks[kind]
            turns.append((self.r.choice(bots), self.r.choice(answers)))
        out = []
        for bot, template in turns:
            text, spans = self.fill(template)
            out.append({"bot": bot, "text": text, "spans": spans, "segments": self.segments(text)})
        return {"id": name, "turns": out}


class Desk(Author):
    locales = ["en_US", "es_MX", "en_NG", "vi_VN", "pl_PL", "en_KE", "pt_BR"]
    cities = (
        "tulsa|spokane|fort wayne|chattanooga|little rock|baton rouge|topeka|yonkers|el paso|duluth|"
        "grand rapids|corpus christi|santa fe|eau claire|kalamazoo|fresno|waco|beaumont|flint|macon"
    ).split("|")

    def digits(self, s):
        style = self.r.random()
        if style < 0.25 and len(s) % 2 == 0 and len(s) <= 10:
            out = []
            for i in range(0, len(s), 2):
                out.append("oh " + UNITS[int(s[i + 1])] if s[i] == "0" else say(int(s[i : i + 2])))
            return " ".join(out)
        words = [("oh" if c == "0" and style < 0.7 else UNITS[int(c)]) for c in s]
        if self.r.random() < 0.2 and len(words) > 4:
            words.insert(
                self.r.randint(2, len(words) - 2),
                self.r.choice(["um", "uh", "let me see", "hang on", "okay then"]),
            )
        return " ".join(words)

    def make_phone(self):
        s = str(self.r.randint(2, 9)) + self.n(9)
        style = self.r.random()
        if style < 0.2:
            return f"{self.digits(s[:3])} {self.digits(s[3:6])} {say(int('1' + s[7]))} {say(int('2' + s[9]))}"
        if style < 0.35:
            return f"{self.digits(s[:3])} uh {self.digits(s[3:6])} and then {self.digits(s[6:])}"
        if style < 0.45:
            return f"{UNITS[int(s[0])]} hundred {self.digits(s[3:6])} {self.digits(s[6:])}"
        return self.digits(s)

    def make_dob(self):
        m, d, y = self.r.choice(MONTH), self.r.randint(1, 28), self.r.randint(1926, 2022)
        yy = (
            f"{say(y // 100)} {'oh ' if 0 < y % 100 < 10 else ''}{say(y % 100)}"
            if y < 2000 and y % 100
            else f"two thousand {say(y - 2000)}"
            if y > 2000
            else "two thousand"
            if y == 2000
            else "nineteen hundred"
        )
        style = self.r.random()
        if style < 0.5:
            return f"{m} {ORD[d - 1]} {yy}"
        if style < 0.65:
            return f"{m} {say(d)} {yy}"
        if style < 0.8:
            return f"{say(MONTH.index(m) + 1)} {say(d)} {say(y % 100) if y % 100 > 9 else 'oh ' + UNITS[y % 100]}"
        return f"the {ORD[d - 1]} of {m} {yy}"

    def make_day(self):
        return f"{self.r.choice(MONTH)} {self.r.choice(ORD)}"

    def make_street(self):
        n = self.r.choice(
            [
                self.digits(self.n(3).lstrip("0") or "7"),
                say(self.r.randint(10, 99)),
                f"{say(self.r.randint(11, 99))} {say(self.r.randint(10, 99))}",
                say(self.r.randint(100, 999)),
            ]
        )
        road = self.r.choice(
            [
                "maple",
                "sycamore",
                "old mill",
                "north fairview",
                "martin luther king",
                "county line",
                "pecan",
                "lakeshore",
                self.family(),
                self.family(),
            ]
        )
        suffix = self.r.choice(
            [
                "street",
                "avenue",
                "road",
                "drive",
                "lane",
                "boulevard",
                "court",
                "trail",
                "parkway",
                "circle",
            ]
        )
        tail = (
            self.r.choice(
                [
                    "",
                    "",
                    f" apartment {say(self.r.randint(1, 40))}",
                    f" unit {self.l(1)}",
                    f" number {self.n(1) and say(self.r.randint(1, 20))}",
                ]
            )
            if self.r.random() < 0.4
            else ""
        )
        return f"{n} {road} {suffix}{tail if 'number' not in tail else ''}"

    def make_zip(self):
        return self.digits(self.n(5))

    def make_email(self):
        g, f = self.given(), self.family()
        local = self.r.choice(
            [
                f"{g} dot {f}",
                f"{g} {f} {say(self.r.randint(10, 99))}",
                f"{g[0]} {f}",
                f"{g} underscore {f}",
                f"the real {g}",
                f"{' '.join(g)} {self.digits(self.n(3))}",
                f"{f} family",
            ]
        )
        return f"{local} at {self.r.choice(['gmail dot com', 'yahoo dot com', 'a o l dot com', 'proton mail dot com', 'cox dot net', 'utulsa dot edu', 'hotmail dot com'])}"

    def make_url(self):
        return self.r.choice(
            [
                f"w w w dot {self.family()} farm dot com",
                f"{self.given()} {self.family()} dot net",
                f"facebook dot com slash {self.given()} {self.n(1) and say(7)}",
            ]
        )

    asks = {
        "name": (
            [
                "thanks for calling lakeside family practice who do i have the pleasure of helping",
                "and your name hon",
                "whose chart am i pulling up",
                "okay and who's this",
            ],
            [
                "oh hi yeah it's <NAME:full>",
                "<NAME:full> here",
                "you've got <NAME:full> on the line",
                "hey this is <NAME:given> <NAME:family> i called earlier",
                "the name's <NAME:full>",
                "<NAME:full>",
                "so this is for my boy <NAME:full>",
                "i go by <NAME:given> but legally it's <NAME:full>",
                "um <NAME:given> last name <NAME:family>",
                "<NAME:family> <NAME:given> <NAME:family>",
                "sure thing <NAME:family> that's <NAME:spelt>",
                "hello my name is <NAME:full> and i'm a patient of doctor <NAME:family>",
            ],
        ),
        "spell": (
            [
                "how's that last name spelled",
                "spell it out for me would you",
                "can you give me that letter by letter",
            ],
            [
                "<NAME:spelt>",
                "yep <NAME:spelt>",
                "it goes <NAME:spelt>",
                "<NAME:family> like it sounds <NAME:spelt>",
                "okay ready <NAME:spelt>",
            ],
        ),
        "dob": (
            [
                "and when's your birthday",
                "birth date for me please",
                "what's the birthday on file",
                "give me your d o b",
            ],
            [
                "<DATE:dob>",
                "that'd be <DATE:dob>",
                "i was born on <DATE:dob>",
                "birthday's <DATE:dob>",
                "um <DATE:dob>",
                "his is <DATE:dob>",
                "yeah so <DATE:dob>",
                "it's gonna be <DATE:dob>",
            ],
        ),
        "phone": (
            [
                "what number's best for you",
                "if we get disconnected where should i ring you",
                "and a good daytime number",
            ],
            [
                "<PHONE:phone>",
                "my cell's <PHONE:phone>",
                "best is <PHONE:phone>",
                "just use <PHONE:phone> that's my wife <NAME:given>",
                "hit me up at <PHONE:phone>",
                "home phone is <PHONE:phone> and work is <PHONE:phone>",
                "okay it's <PHONE:phone>",
            ],
        ),
        "address": (
            [
                "where are you living these days",
                "what's the address we have you at",
                "and where should the bill go",
            ],
            [
                "<GEO:street>",
                "i'm over at <GEO:street> in <GEO:city>",
                "we moved to <GEO:street> <GEO:city>",
                "send it to <GEO:street>",
                "it's still <GEO:street>",
                "<GEO:street> <GEO:city> <GEO:zip>",
                "oh out in <GEO:city> off of <GEO:street>",
            ],
        ),
        "zip": (
            ["zip", "and the zip there", "what's your zip hon"],
            ["<GEO:zip>", "that's <GEO:zip>", "it'd be <GEO:zip>", "zip's <GEO:zip>"],
        ),
        "email": (
            [
                "got an email i can send the forms to",
                "what's your email",
                "where can i email the paperwork",
            ],
            [
                "<EMAIL:email>",
                "yeah it's <EMAIL:email>",
                "send it to <EMAIL:email>",
                "my wife's is <EMAIL:email>",
                "you can use <EMAIL:email> all one word",
                "it would be <EMAIL:email>",
            ],
        ),
        "member": (
            [
                "could you read me the number off your card",
                "what's the i d on the front of the blue cross card",
                "and your policy",
            ],
            [
                "<HEALTHPLAN:code>",
                "it's <HEALTHPLAN:code>",
                "member number <HEALTHPLAN:code>",
                "the i d says <HEALTHPLAN:code> and the group is <HEALTHPLAN:acct>",
                "let me find it okay <HEALTHPLAN:code>",
                "medicaid number's <HEALTHPLAN:acct>",
            ],
        ),
        "ssn": (
            ["last four of the social", "i'll need your social hon", "verify your social for me"],
            [
                "<SSN:four>",
                "ends in <SSN:four>",
                "<SSN:ssn>",
                "it's <SSN:ssn>",
                "last four <SSN:four>",
                "my social's <SSN:ssn>",
            ],
        ),
        "mrn": (
            [
                "do you know your chart number",
                "what's the number on your wristband",
                "got your medical record number handy",
            ],
            [
                "<MRN:acct>",
                "it says <MRN:code>",
                "chart number's <MRN:acct>",
                "looks like <MRN:code>",
                "the wristband says <MRN:acct>",
            ],
        ),
        "card": (
            [
                "how would you like to pay",
                "go ahead with the card number",
                "which card do we have on file",
            ],
            [
                "<ACCOUNT:card>",
                "put it on my visa <ACCOUNT:card>",
                "the one ending <ACCOUNT:four>",
                "ends in <ACCOUNT:four>",
                "it's <ACCOUNT:card>",
                "my checking account is <ACCOUNT:acct>",
            ],
        ),
        "contact": (
            [
                "who do we call in an emergency",
                "is there somebody we can reach if we can't get you",
                "who's your next of kin",
            ],
            [
                "my mom <NAME:full>",
                "that'd be <NAME:given> she's at <PHONE:phone>",
                "my neighbor <NAME:given> <NAME:family>",
                "put down <NAME:full>",
                "my daughter <NAME:given> her cell is <PHONE:phone>",
                "<NAME:full> he's my husband",
                "probably my sister <NAME:given>",
                "uh <NAME:given> my brother",
            ],
        ),
        "other": (
            ["what else can i do for you", "mm hmm go on", "and what's going on today", "okay"],
            [
                "i saw doctor <NAME:family> on <DATE:day> and she wants me back",
                "my grandma's <AGE:old> and she's been dizzy",
                "she just turned <AGE:old>",
                "my dad is <AGE:old> years old he fell",
                "the claim number on the letter is <ID:code>",
                "i have a reference number it's <ID:code>",
                "my license plate's <VEHICLE:plate> i'm in the lot",
                "driver's license <LICENSE:code>",
                "the pacemaker serial is <DEVICE:code>",
                "my insulin pump has a number on it <DEVICE:code>",
                "can y'all fax it to <FAX:phone>",
                "their fax is <FAX:phone>",
                "i put it on my website <URL:url>",
                "it's showing my i p as <IP:ip>",
                "i was in the hospital from <DATE:day> to <DATE:day>",
                "my appointment was <DATE:day> with <NAME:given> the nurse practitioner",
                "<NAME:given> told me to call you",
                "we drove in from <GEO:city> this morning",
                "i had my gallbladder out on <DATE:dob>",
                "i talked to <NAME:given> at the desk on <DATE:day>",
                "my confirmation code was <ID:code>",
                "it's <NAME:given> again we got cut off",
                "tell <NAME:given> i said thanks",
                "the baby was born <DATE:dob>",
                "my husband <NAME:given> can pick it up at the pharmacy on <GEO:street>",
            ],
        ),
    }
    chat = [
        (
            "what's going on today",
            "i've had this cough for two or three weeks and it just won't quit",
        ),
        ("on a scale of one to ten", "oh i'd say about a six maybe seven when i lie down"),
        ("and your blood pressure", "it was one thirty eight over eighty four at the drugstore"),
        ("okay", "i take twenty milligrams of lisinopril in the morning and forty at night"),
        ("what time works", "anytime after three thirty works or first thing in the morning"),
        ("mm hmm", "my ankle swelled up like a grapefruit and i can't put weight on it"),
        ("how often", "maybe four five times a day i'm up two or three times a night"),
        ("anything else", "no ma'am that's all i needed have a good one"),
        ("any allergies", "penicillin gives me hives and i can't do shellfish"),
        ("how much do you weigh", "two hundred and twelve pounds last i checked and i'm six one"),
        ("go on", "well the doctor said to fast for eight hours but i had coffee at nine fifteen"),
        ("do you smoke", "i quit ten years ago but i used to do a pack and a half a day"),
        ("and the fever", "it got up to one hundred and two point six last night"),
        ("do you have kids", "i have three kids and one on the way due this summer"),
        ("mm hmm", "i may have pulled something when i was lifting boxes in the garage"),
        ("okay", "will it hurt much and can i drive home after"),
    ]


class Line(Author):
    locales = [
        "en_GB",
        "en_IN",
        "en_IE",
        "fr_FR",
        "de_DE",
        "tr_TR",
        "it_IT",
        "en_PK",
        "nl_NL",
        "sv_SE",
    ]
    cities = (
        "leeds|cardiff|norwich|swindon|aberdeen|wolverhampton|pune|jaipur|lucknow|hyderabad|galway|"
        "southampton|middlesbrough|coventry|ipswich|bengaluru|nottingham|dundee|peterborough"
    ).split("|")

    def digits(self, s):
        out, i = [], 0
        oh = self.r.choice(["oh", "zero", "nought"])
        pairs = self.r.random() < 0.6
        while i < len(s):
            run = 1
            while pairs and i + run < len(s) and s[i + run] == s[i] and run < 3:
                run += 1
            word = oh if s[i] == "0" else UNITS[int(s[i])]
            out.append({1: word, 2: f"double {word}", 3: f"triple {word}"}[run])
            i += run
        if self.r.random() < 0.15 and len(out) > 4:
            out.insert(
                self.r.randint(2, len(out) - 2),
                self.r.choice(["er", "erm", "sorry", "one moment", "bear with me", "right"]),
            )
        if self.r.random() < 0.06 and len(out) > 5:
            k = self.r.randint(2, len(out) - 2)
            out[k:k] = ["no", "i", "mean"]
        return " ".join(out)

    def make_phone(self):
        return self.digits("0" + self.r.choice(["7", "1", "2"]) + self.n(9))

    def make_dob(self):
        m, d, y = self.r.choice(MONTH), self.r.randint(1, 28), self.r.randint(1930, 2020)
        yy = (
            f"{say(y // 100)} {'oh ' if 0 < y % 100 < 10 else ''}{say(y % 100)}"
            if y % 100 and (y < 2000 or y > 2009)
            else "two thousand" + (f" and {UNITS[y % 100]}" if y % 100 else "")
            if y >= 2000
            else "nineteen hundred"
        )
        if y >= 2010 and self.r.random() < 0.3:
            yy = f"two thousand and {say(y - 2000)}"
        style = self.r.random()
        if style < 0.45:
            return f"{ORD[d - 1]} of {m} {yy}"
        if style < 0.7:
            return f"the {ORD[d - 1]} {m} {yy}"
        if style < 0.85:
            return f"{say(d)} {m} {yy}"
        return f"the {ORD[d - 1]} of the {ORD[MONTH.index(m)]} {yy}"

    def make_day(self):
        return f"the {self.r.choice(ORD)} of {self.r.choice(MONTH)}"

    def make_street(self):
        n = self.r.choice(
            [
                say(self.r.randint(1, 140)),
                f"flat {say(self.r.randint(1, 20))} {say(self.r.randint(1, 99))}",
                f"{say(self.r.randint(1, 60))} {self.l(1)}",
            ]
        )
        road = self.r.choice(
            [
                "station",
                "church",
                "victoria",
                "mill",
                "queens",
                "kings",
                "park",
                "gandhi",
                "high",
                "windmill",
                self.family(),
                self.family(),
            ]
        )
        return f"{n} {road} {self.r.choice(['road', 'street', 'lane', 'close', 'avenue', 'gardens', 'crescent', 'terrace', 'drive', 'way'])}"

    def make_zip(self):
        return self.r.choice(
            [
                f"{self.l(2)} {say(self.r.randint(1, 20))} {UNITS[self.r.randint(1, 9)]} {self.l(2)}",
                f"{self.l(1)} {UNITS[self.r.randint(1, 9)]} {UNITS[self.r.randint(1, 9)]} {self.l(2)}",
                self.digits(self.r.choice("45671") + self.n(5)),
            ]
        )

    def make_email(self):
        g, f = self.given(), self.family()
        local = self.r.choice(
            [
                f"{g} dot {f}",
                f"{g} {f}",
                f"{f} dot {g} {say(self.r.randint(1, 99))}",
                f"{g[0]} dot {f}",
                f"{g} hyphen {f}",
                "info",
                f"{' '.join(f)}",
            ]
        )
        return f"{local} at {self.r.choice(['gmail dot com', 'outlook dot com', 'btinternet dot com', 'rediffmail dot com', 'yahoo dot co dot uk', 'n h s dot net', 'live dot co dot uk', 'googlemail dot com'])}"

    def make_url(self):
        return self.r.choice(
            [
                f"w w w dot {self.family()} physio dot co dot uk",
                f"triple w dot {self.given()} {self.family()} dot org",
                f"{self.family()} hyphen clinic dot com",
            ]
        )

    asks = {
        "name": (
            [
                "good morning may i take the name of the policyholder please",
                "and who am i speaking to",
                "could i have the patient's surname and first name",
                "may i ask who is calling",
            ],
            [
                "yes it's mrs <NAME:full>",
                "mister <NAME:family>",
                "good morning <NAME:full> speaking",
                "<NAME:family> first name <NAME:given>",
                "this is <NAME:full> calling about my mother",
                "it's under <NAME:family>",
                "my good name is <NAME:full>",
                "er <NAME:full>",
                "you may call me <NAME:given>",
                "i am <NAME:full> son of <NAME:full>",
                "surname <NAME:family> forename <NAME:given>",
                "doctor <NAME:full> actually",
                "<NAME:given> yes <NAME:given> <NAME:family>",
                "the policyholder is my wife <NAME:full>",
            ],
        ),
        "spell": (
            [
                "would you mind spelling that",
                "how are you spelling the surname",
                "could you spell that for me please",
            ],
            [
                "of course <NAME:spelt>",
                "<NAME:spelt>",
                "right so it's <NAME:spelt>",
                "<NAME:spelt> thank you",
                "the surname is <NAME:spelt>",
            ],
        ),
        "dob": (
            [
                "could you confirm the date of birth for security",
                "and the patient was born when",
                "date of birth please",
            ],
            [
                "<DATE:dob>",
                "yes it's the <DATE:dob>".replace("the <", "<"),
                "certainly <DATE:dob>",
                "he was born on <DATE:dob>",
                "my d o b is <DATE:dob>",
                "<DATE:dob> i believe",
                "date of birth is <DATE:dob>",
            ],
        ),
        "phone": (
            [
                "what is the best contact number for you",
                "may i take a mobile number",
                "on which number can we ring you back",
            ],
            [
                "<PHONE:phone>",
                "it's <PHONE:phone>",
                "my mobile is <PHONE:phone>",
                "plus four four <PHONE:phone>",
                "kindly note <PHONE:phone>",
                "you can ring <PHONE:phone>",
                "the landline is <PHONE:phone>",
                "yes that's <PHONE:phone>",
            ],
        ),
        "address": (
            [
                "could you confirm the first line of your address",
                "what address should we post it to",
                "may i have your full postal address",
            ],
            [
                "<GEO:street>",
                "it's <GEO:street> <GEO:city>",
                "<GEO:street> <GEO:city> <GEO:zip>",
                "i stay at <GEO:street> in <GEO:city>",
                "we are at <GEO:street>",
                "please post it to <GEO:street> <GEO:city>",
            ],
        ),
        "zip": (
            ["and the postcode", "what is the pin code", "could i take the postcode please"],
            ["<GEO:zip>", "it's <GEO:zip>", "postcode <GEO:zip>", "that is <GEO:zip>"],
        ),
        "email": (
            [
                "is there an email address we may use",
                "to which email shall i send the confirmation",
                "could you tell me your email id",
            ],
            [
                "<EMAIL:email>",
                "it's <EMAIL:email>",
                "my email id is <EMAIL:email>",
                "yes please use <EMAIL:email>",
                "<EMAIL:email> all lower case",
                "kindly send to <EMAIL:email>",
            ],
        ),
        "member": (
            [
                "do you have your membership number to hand",
                "may i have the policy number please",
                "what is written under member on the card",
            ],
            [
                "<HEALTHPLAN:code>",
                "yes it is <HEALTHPLAN:code>",
                "the policy number is <HEALTHPLAN:acct>",
                "membership <HEALTHPLAN:code>",
                "one moment it's <HEALTHPLAN:code>",
                "bupa number <HEALTHPLAN:acct>",
            ],
        ),
        "mrn": (
            [
                "do you know your hospital number",
                "what is your n h s number",
                "could i have the patient i d",
            ],
            [
                "<MRN:acct>",
                "it's <MRN:acct>",
                "hospital number <MRN:code>",
                "my n h s number is <MRN:acct>",
                "patient i d <MRN:code>",
            ],
        ),
        "card": (
            [
                "may i take the long number across the front of your card",
                "which account shall we refund",
                "what are the last four digits on the card",
            ],
            [
                "<ACCOUNT:card>",
                "it's <ACCOUNT:card>",
                "the last four are <ACCOUNT:four>",
                "account number <ACCOUNT:acct>",
                "it ends <ACCOUNT:four>",
                "sort code and account <ACCOUNT:acct>",
            ],
        ),
        "contact": (
            [
                "whom should we contact in an emergency",
                "who may collect the prescription for you",
                "and your g p is",
            ],
            [
                "my husband <NAME:given>",
                "doctor <NAME:family> at the health centre",
                "<NAME:full> my carer",
                "that would be my son <NAME:given> on <PHONE:phone>",
                "my auntie <NAME:given> <NAME:family>",
                "it's doctor <NAME:full>",
                "my flatmate <NAME:given>",
                "ask for <NAME:given>",
            ],
        ),
        "other": (
            ["how may i help", "please go ahead", "is there anything further", "i see", "right"],
            [
                "i was admitted on <DATE:day> under mister <NAME:family>",
                "my mother in law is <AGE:old> and lives alone",
                "he'll be <AGE:old> next month",
                "claim reference <ID:code>",
                "my reference is <ID:code>",
                "the car registration is <VEHICLE:plate>",
                "my driving licence number is <LICENSE:code>",
                "the hearing aid serial number is <DEVICE:code>",
                "our fax is <FAX:phone>",
                "it is all on <URL:url>",
                "my router says <IP:ip>",
                "i collected it from the chemist on <GEO:street>",
                "i spoke with <NAME:given> last week",
                "professor <NAME:family> wants a scan before <DATE:day>",
                "we are travelling up from <GEO:city>",
                "i'm registered at the surgery in <GEO:city>",
                "passport number <ID:code>",
                "<NAME:given> from your claims team rang me",
                "the letter dated <DATE:day> was signed by <NAME:full>",
                "my daughter <NAME:given> has asthma",
                "could you let <NAME:given> know i rang",
                "the operation was on <DATE:dob> in <GEO:city>",
                "my wife <NAME:given> <NAME:family> rang on <DATE:day>",
            ],
        ),
    }
    chat = [
        (
            "how may i help",
            "i've been feeling rather poorly since the weekend and my chest is tight",
        ),
        ("i see", "they put me on five milligrams of ramipril and then upped it to ten"),
        ("right", "the pain comes and goes but it's worse after i eat anything spicy"),
        ("is there anything further", "no that's lovely thanks ever so much"),
        ("how long", "about a fortnight i should think perhaps three weeks"),
        ("what was the reading", "one forty five over ninety two and the pulse was eighty eight"),
        (
            "please go ahead",
            "i'm only calling to check whether physio is covered and what the excess is",
        ),
        ("when can you come in", "half past two or quarter to four would suit me"),
        ("right", "it costs two hundred and forty pounds a session which is daft"),
        ("i see", "my sugar was eleven point two this morning before breakfast"),
        ("any side effects", "just a dry mouth and a bit of a rash on my arms"),
        ("please go ahead", "could you tell me if i may take ibuprofen with it"),
        ("do you drink", "maybe two or three pints on a friday and a glass of wine on sunday"),
        ("right", "i grew out of my hay fever but my asthma has come back with a vengeance"),
    ]


def main() -> None:
    for author, seed in ((Desk, 71), (Line, 72)):
        one = author(seed)
        name = author.__name__.lower()
        data = [one.dialogue(f"{name}-{i}") for i in range(110)]
        path = HERE / f"strangers_{name}.json"
        path.write_text(json.dumps(data, separators=(",", ":")))
        spans = sum(len(t["spans"]) for d in data for t in d["turns"])
        print(path.name, len(data), "dialogues", spans, "identifiers")


if __name__ == "__main__":
    main()
