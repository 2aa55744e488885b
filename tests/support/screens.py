"""Screens as callers share them, drawn by Chromium from invented values, with what stands where.

Every value is drawn from a seed; nothing in them is anyone's. ``HELD_OUT`` screens were drawn
only after the reader and the blackout were written, and changed nothing in them.
"""

import io
import random
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
from PIL import Image

SIZE = (1280, 720)
HELD_OUT = (
    "two columns", "letter", "mail", "terminal", "card", "banner", "spreadsheet", "calendar",
)  # fmt: skip
FIRST = (
    "Maria James Priya Wei Fatima Olaf Ingrid Kwame Chloe Mateo Aisha Dmitri Yuki Siobhan Tariq "
    "Harold Beatrice Nnamdi Rosalind Emil"
).split()
LAST = (
    "Alvarez Thornbury Okafor Lindqvist Nakamura Petrov Haddad Fitzgerald Mbeki Castellanos "
    "Whitcombe Dubois Szymanski Raghunathan Kowalczyk Ferreira Abernathy Johansson Tanaka Moreau"
).split()
STREETS = "Willow Juniper Halvorsen Cedarbrook Mapleton Ridgeway Kensal Orchard".split()
CITIES = "Springfield Marlborough Dayton Eugene Boulder Savannah Duluth Yonkers".split()
MARK = re.compile(r"\[\[([A-Z]+):(.*?)\]\]", re.DOTALL)
WORDS = """() => {
  const out = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let before = null;
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    if (node.parentElement.closest("style")) continue;
    const kind = node.parentElement.closest("[data-phi]")?.dataset.phi ?? null;
    for (const match of node.data.matchAll(/\\S+/g)) {
      const range = document.createRange();
      range.setStart(node, match.index);
      range.setEnd(node, match.index + match[0].length);
      const box = range.getBoundingClientRect();
      const glued = before && Math.abs(box.left - before.right) < 1 && box.top < before.bottom;
      before = box;
      if (box.bottom <= innerHeight && box.right <= innerWidth && box.width)
        out.push([match[0], kind, !!glued, box.left, box.top, box.right, box.bottom]);
    }
  }
  return out;
}"""


@dataclass(frozen=True)
class Word:
    """A word of a screen: where it stands, and which kind of identifier it is part of.

    ``glued``: it follows the one before without a space, as a comma does a name.
    """

    text: str
    kind: str | None
    glued: bool
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Screen:
    """A drawn screen: height x width x 3 uint8, and its words."""

    name: str
    rgb: np.ndarray
    words: list[Word] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        """Its words as they are parted by spaces."""
        out: list[str] = []
        for word in self.words:
            if word.glued and out:
                out[-1] += word.text
            else:
                out.append(word.text)
        return out


class Values:
    """Invented values, marked with their kinds."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)

    def one(self, of: Sequence[str]) -> str:
        return self.random.choice(of)

    def digits(self, pattern: str) -> str:
        return re.sub("#", lambda _: str(self.random.randint(0, 9)), pattern)

    def name(self) -> str:
        return f"[[NAME:{self.one(FIRST)} {self.one(LAST)}]]"

    def first(self) -> str:
        return f"[[NAME:{self.one(FIRST)}]]"

    def last(self) -> str:
        return f"[[NAME:{self.one(LAST)}]]"

    def day(self) -> date:
        return date(1940, 1, 1) + timedelta(days=self.random.randrange(29000))

    def birth(self) -> str:
        return f"[[DATE:{self.day():%m/%d/%Y}]]"

    def long_date(self) -> str:
        return f"[[DATE:{self.day():%B %d, %Y}]]"

    def phone(self) -> str:
        return f"[[PHONE:{self.digits('(###) 555-01##')}]]"

    def email(self) -> str:
        return f"[[EMAIL:{self.one(FIRST).lower()}.{self.one(LAST).lower()}@example.com]]"

    def street(self) -> str:
        return f"[[GEO:{self.random.randint(11, 989)} {self.one(STREETS)} Avenue]]"

    def city(self) -> str:
        return f"[[GEO:{self.one(CITIES)}]]"

    def zip(self) -> str:
        return f"[[GEO:{self.digits('#####')}]]"

    def mrn(self) -> str:
        return f"[[MRN:{self.digits('MRN-######')}]]"

    def ssn(self) -> str:
        return f"[[SSN:{self.digits('9##-##-####')}]]"

    def member(self) -> str:
        return f"[[HEALTHPLAN:{self.digits('XJB########')}]]"

    def account(self) -> str:
        return f"[[ACCOUNT:{self.digits('4### #### #### ####')}]]"

    def group(self) -> str:
        return f"[[HEALTHPLAN:{self.digits('77####')}]]"

    def iso_date(self) -> str:
        return f"[[DATE:{self.day():%Y-%m-%d}]]"

    def serial(self) -> str:
        return f"[[DEVICE:{self.digits('SN-####-###')}]]"


def _rows(*rows: tuple[str, str]) -> str:
    return "".join(f"<tr><td class=l>{label}</td><td>{value}</td></tr>" for label, value in rows)


def form(v: Values) -> str:
    left = _rows(
        ("Patient name:", v.name()), ("Date of birth:", v.birth()), ("MRN:", v.mrn()),
        ("Social security no.:", v.ssn()), ("Phone:", v.phone()), ("Email:", v.email()),
        ("Street:", v.street()), ("City:", v.city()), ("ZIP code:", v.zip()),
        ("Insurance ID:", v.member()), ("Emergency contact:", v.name()),
    )  # fmt: skip
    return f"""<style>td{{padding:7px 14px;font-size:17px}}.l{{color:#555;text-align:right}}
    table{{margin:14px 40px}}h1{{margin:24px 40px 0}}</style>
    <h1>Patient registration</h1><table>{left}</table>
    <p style="margin:0 56px;width:640px">Reason for visit: persistent cough for two weeks, worse at
    night. No fever. Takes lisinopril 10 mg every morning. Allergic to penicillin.</p>"""


def labels_above(v: Values) -> str:
    fields = [
        ("First name", v.first()), ("Last name", v.last()), ("Date of birth", v.birth()),
        ("Mobile phone", v.phone()), ("Email address", v.email()), ("Member ID", v.member()),
        ("Street address", v.street()), ("City", v.city()), ("Zip code", v.zip()),
        ("Preferred pharmacy hours", "Weekdays after 5 pm"), ("Language", "English"),
        ("Primary care doctor", v.name()),
    ]  # fmt: skip
    cells = "".join(f"<div><i>{label}</i><span>{value}</span></div>" for label, value in fields)
    return f"""<style>main{{display:grid;grid-template-columns:1fr 1fr 1fr;gap:26px;margin:30px}}
    i{{display:block;font-style:normal;font-size:13px;color:#666;margin-bottom:5px}}
    span{{display:block;border:1px solid #bbb;border-radius:4px;padding:9px;font-size:16px}}</style>
    <h2 style="margin:26px 30px 0">Your details</h2><main>{cells}</main>
    <p style="margin:30px">Check every field before you continue. You can change these later.</p>"""


def code(v: Values) -> str:
    lines = [
        "import csv", "from pathlib import Path", "", "TIMEOUT = 30.0  # seconds", "",
        f"# Ask {v.name()} before changing this", "def load(path: Path) -> list[dict]:",
        "    with path.open(newline='') as file:", "        return list(csv.DictReader(file))", "",
        "def totals(rows):", "    result = {}", "    for row in rows:",
        "        key = row['region']", "        amount = float(row['amount'])",
        "        result[key] = result.get(key, 0.0) + amount", "    return result", "",
        "if __name__ == '__main__':", f"    send_report(to='{v.email()}')",
    ]  # fmt: skip
    body = "".join(
        f"<div><s>{i}</s>{line.replace('    ', '&emsp;&emsp;')}</div>"
        for i, line in enumerate(lines, 1)
    )
    return f"""<style>body{{background:#1e1e1e;color:#d4d4d4;font:16px/1.55 'DejaVu Sans Mono'}}
    s{{text-decoration:none;color:#858585;display:inline-block;width:46px}}
    main{{padding:22px}}</style><main>{body}</main>"""


def slide(v: Values) -> str:
    return f"""<style>body{{background:#f4f7fb;font-family:'Liberation Sans'}}main{{padding:60px 90px}}
    h1{{font-size:54px;color:#123a63}}li{{font-size:30px;margin:24px 0}}</style><main>
    <h1>Quarterly results</h1><ul><li>Revenue grew by 14 percent to 2.6 million</li>
    <li>Costs stayed flat after the move to the new warehouse</li>
    <li>Three regions missed their target</li><li>Next review is led by {v.name()}</li></ul>
    <p style="font-size:20px;color:#667;margin-top:70px">Internal draft, do not distribute</p></main>"""


def invoice(v: Values) -> str:
    items = [
        (name, v.random.randint(1, 9), v.random.randint(5, 90))
        for name in ("Blood panel", "Office visit", "Chest X-ray", "Vaccine", "Bandages")
    ]
    rows = "".join(
        f"<tr><td>{n}</td><td>{q}</td><td>{p}.00</td><td>{q * p}.00</td></tr>" for n, q, p in items
    )
    return f"""<style>body{{font-family:'Liberation Serif';font-size:18px}}main{{padding:36px 60px}}
    td,th{{padding:8px 40px 8px 0;text-align:left}}.r{{float:right;text-align:left}}</style><main>
    <div class=r>Invoice no. [[ID:{v.digits("INV-2026-#####")}]]<br>Date: {v.long_date()}<br>
    Account: {v.account()}</div><h1>Invoice</h1><p>Bill to:<br>{v.name()}<br>{v.street()}<br>
    {v.city()}, OH {v.zip()}</p><table><tr><th>Description</th><th>Qty</th><th>Price</th>
    <th>Amount</th></tr>{rows}</table><p>Total due: {sum(q * p for _, q, p in items)}.00 dollars</p>
    <p>Questions? Call {v.phone()} or write to {v.email()}</p></main>"""


def table(v: Values) -> str:
    rows = "".join(
        f"<tr><td>{v.name()}</td><td>{v.birth()}</td><td>{v.mrn()}</td><td>{v.phone()}</td>"
        f"<td>{v.one(['Cardiology', 'Pediatrics', 'Oncology', 'Radiology'])}</td>"
        f"<td>{v.one(['Waiting', 'Done', 'In room', 'Cancelled'])}</td></tr>"
        for _ in range(11)
    )
    return f"""<style>table{{border-collapse:collapse;margin:20px;width:1230px;font-size:15px}}
    td,th{{border:1px solid #ccc;padding:10px;text-align:left}}th{{background:#eef}}</style>
    <h3 style="margin:16px 20px 0">Today's list</h3><table><tr><th>Patient</th><th>DOB</th><th>MRN</th>
    <th>Phone</th><th>Department</th><th>Status</th></tr>{rows}</table>"""


def chat(v: Values) -> str:
    said = [
        (0, f"Hi, this is {v.name()}. I need to move my appointment."),
        (1, "Of course. Which day works better for you?"),
        (0, "Any morning next week would be fine."),
        (1, "Can you confirm your date of birth?"),
        (0, f"{v.long_date()}"),
        (1, "Thank you. And a number where we can reach you?"),
        (0, f"Yes, {v.phone()}"),
        (1, "You are booked. Please bring your insurance card."),
    ]
    body = "".join(f"<div class=m{me}>{text}</div>" for me, text in said)
    return f"""<style>body{{background:#ece5dd;font:17px 'DejaVu Sans'}}main{{padding:24px 220px}}
    div{{padding:11px 16px;border-radius:12px;margin:9px 0;width:fit-content;max-width:560px}}
    .m0{{background:#fff}}.m1{{background:#d9fdd3;margin-left:auto}}</style><main>{body}</main>"""


def dark(v: Values) -> str:
    cards = "".join(
        f"<div><i>{label}</i><u>{value}</u></div>"
        for label, value in (
            ("Heart rate", f"{v.random.randint(55, 110)} bpm"), ("Oxygen", "97 %"),
            ("Blood pressure", "128/84 mmHg"), ("Temperature", "98.4 F"),
            ("Respiration", "16 per minute"), ("Glucose", "104 mg/dL"),
        )
    )  # fmt: skip
    return f"""<style>body{{background:#0d1117;color:#e6edf3;font-family:'Liberation Sans'}}
    main{{display:grid;grid-template-columns:repeat(3,1fr);gap:22px;padding:26px}}
    div{{background:#161b22;padding:22px;border-radius:10px}}i{{font-style:normal;color:#8b949e}}
    u{{text-decoration:none;display:block;font-size:34px;margin-top:10px}}
    header{{padding:24px 26px 0;font-size:22px}}p{{padding:0 26px;color:#8b949e}}</style>
    <header>Bed 4 &nbsp; {v.name()}</header><p>Born {v.long_date()}</p><main>{cards}</main>
    <p>Infusion pump serial {v.serial()}</p>"""


def small(v: Values) -> str:
    text = (
        "The pump delivers a fixed dose at a set interval. Check the line for air before each use. "
        "If the alarm sounds twice, close the clamp and call the nurse on duty. Do not open the "
        "cover while the motor is running. Replace the filter after forty hours or when the "
        "pressure rises above the green band. Store the device in a dry place. "
    )
    return f"""<style>body{{font:12px/1.5 'DejaVu Sans';color:#222}}p{{width:1150px;margin:14px 40px}}
    </style><p><strong>Section 4. Operation and care</strong></p><p>{text * 2}</p><p>{text}</p>
    <p>Registered to {v.name()}, serial number {v.serial()}, phone {v.phone()}.</p><p>{text}</p>
    <p style="color:#666">Page 12 of 48. Printed for reference only. Version 3.2, second edition.</p>"""


def two_columns(v: Values) -> str:
    left = (
        "The new clinic opens in spring. It has twelve rooms, a laboratory and a small pharmacy. "
        f"Its director, {v.name()}, says that waiting times will fall by half. Visitors find "
        "parking behind the building and a bus stop at the main entrance. "
    )
    right = (
        "Volunteers are welcome on weekends. Tasks range from reading aloud to helping at the "
        f"front desk. Those who are interested can write to {v.email()} or call {v.phone()} "
        "during office hours. No experience is required and training is free of charge. "
    )
    return f"""<style>main{{column-count:2;column-gap:60px;padding:30px 60px;height:600px;
    column-fill:auto;font:18px/1.6 'Liberation Serif'}}h2{{column-span:all;margin:0 0 18px}}</style>
    <main><h2>Community news</h2><p>{left}{left.split("Its director")[0] * 2}</p>
    <p>{left.split("Its director")[0]}</p><p style="break-before:column">{right}</p></main>"""


def letter(v: Values) -> str:
    who = v.name()
    return f"""<style>main{{padding:26px 110px;width:620px;font:18px/1.5 'Liberation Serif'}}</style><main>
    <p>{v.long_date()}</p><p>Re: {who}, born {v.long_date()}, record number {v.mrn()}</p>
    <p>Dear Dr. {v.last()},</p><p>Thank you for referring this pleasant patient, who was seen in our
    clinic on {v.long_date()} with an itching rash on both hands. The rash began four weeks ago after
    a change of soap. There is no fever. I spoke with the patient's daughter, {v.name()}, who lives at
    {v.street()} in {v.city()} and may be reached by telephone at {v.phone()} in the evening.</p>
    <p>I suggest a mild ointment twice a day and a review in two weeks.</p>
    <p>Kind regards,<br>{v.name()}</p></main>"""


def mail(v: Values) -> str:
    rows = "".join(
        f"<div class=row><span class=who>{v.name()}</span><span>{subject}</span></div>"
        for subject in (
            "Your results are ready", "Parking on Friday", "Minutes of the board meeting",
            "Invoice for the second quarter", "Request for a new badge",
        )
    )  # fmt: skip
    return f"""<style>body{{font:15px 'Liberation Sans';display:grid;grid-template-columns:520px 1fr}}
    .row{{padding:14px 18px;border-bottom:1px solid #ddd;display:flex;gap:18px}}
    .who{{width:190px;font-weight:bold}}main{{padding:22px;border-left:1px solid #ccc}}</style>
    <aside>{rows}</aside><main><h3>Your results are ready</h3><p>From: {v.name()} &lt;{v.email()}&gt;
    <br>To: {v.name()}<br>Sent: {v.long_date()}</p><p>Hello {v.first()},</p><p>the results of your blood
    test are ready. All values are within the normal range. Please keep taking your tablets.</p>
    <p>Your member number is {v.member()}.</p></main>"""


def terminal(v: Values) -> str:
    lines = [
        "$ ping -c 2 gateway", "2 packets transmitted, 2 received, 0% packet loss", "$ cat notes.txt",
        f"call back {v.phone()} about the broken lamp", f"patient {v.name()} room 12",
        "$ df -h | head -3", "Filesystem      Size  Used Avail Use% Mounted on",
        "/dev/sda1        98G   41G   52G  45% /", "$ systemctl status backup",
        "backup.service - nightly copy", "Active: inactive (dead) since Monday",
    ]  # fmt: skip
    body = "".join(f"<div>{line.replace(' ', '&nbsp;', 0)}</div>" for line in lines)
    return f"""<style>body{{background:#000;color:#33ff66;font:17px/1.6 'Liberation Mono'}}
    main{{padding:20px;white-space:pre}}</style><main>{body}</main>"""


def card(v: Values) -> str:
    return f"""<style>body{{background:#dfe7ee;font-family:'Liberation Sans'}}main{{background:#0b4f8a;
    color:#fff;width:560px;margin:60px auto;padding:26px;border-radius:18px;font-size:17px}}
    i{{font-style:normal;font-size:11px;color:#bcd7ef;display:block;margin-top:14px}}
    h2{{margin:0}}</style><main><h2>Harbor Health Plan</h2><i>MEMBER NAME</i>{v.name().upper()}
    <i>MEMBER ID</i>{v.member()}<i>GROUP NUMBER</i>{v.group()}<i>DATE OF BIRTH</i>{v.birth()}
    <p style="font-size:13px">For emergencies go to the nearest hospital. Copay 20 dollars.</p></main>"""


def banner(v: Values) -> str:
    first, last = v.first(), v.last()
    return f"""<style>body{{font:14px 'DejaVu Sans'}}header{{background:#25435c;color:#fff;padding:10px 20px}}
    aside{{float:left;width:230px;background:#eef;height:600px;padding:14px}}p{{margin:12px 0}}
    main{{margin-left:290px;padding:10px;width:800px}}</style><header>{last}, {first} &middot; F &middot;
    DOB {v.birth()} &middot; MRN {v.mrn()} &middot; Allergies: penicillin</header><aside><p>Summary</p>
    <p>Medications</p><p>Results</p><p>Imaging</p><p>Referrals</p></aside><main><h3>Progress note</h3>
    <p>{v.last()} is a pleasant patient with chronic back pain, seen today with her husband {v.first()}.</p>
    <p>Pain is 4 of 10, better in the morning. Sleeps well. Continues physical therapy twice a week.</p>
    <p>Plan: stretching, heat, review in six weeks. Discussed with Dr. {v.last()}.</p>
    <p>Signed electronically by {v.name()}, RN, {v.long_date()}</p></main>"""


def spreadsheet(v: Values) -> str:
    rows = "".join(
        f"<tr><td class=n>{n}</td><td>{v.last()}</td><td>{v.first()}</td><td>{v.iso_date()}</td>"
        f"<td>{v.account()}</td><td class=r>{v.random.randint(40, 900)}.00</td>"
        f"<td>{v.one(['paid', 'open', 'overdue'])}</td></tr>"
        for n in range(2, 20)
    )
    return f"""<style>table{{border-collapse:collapse;font:14px 'Liberation Sans'}}td,th{{border:1px solid
    #d0d0d0;padding:6px 12px;width:150px;text-align:left}}.n{{background:#eee;width:20px}}
    .r{{text-align:right}}</style><table><tr><td class=n></td><th>A</th><th>B</th><th>C</th><th>D</th>
    <th>E</th><th>F</th></tr><tr><td class=n>1</td><th>Surname</th><th>Given name</th>
    <th>Birthday</th><th>Card number</th><th>Balance</th><th>Status</th></tr>{rows}</table>"""


def calendar(v: Values) -> str:
    days = "".join(
        f"<div><b class=d>{n}</b>"
        + "".join(
            f"<p>{v.random.randint(8, 17)}:30 {v.name()}</p>" for _ in range(v.random.randint(0, 2))
        )
        + "</div>"
        for n in range(1, 29)
    )
    return f"""<style>main{{display:grid;grid-template-columns:repeat(7,1fr);font:13px 'DejaVu Sans'}}
    div{{border:1px solid #ddd;height:140px;padding:6px}}p{{background:#dbe9ff;margin:5px 0;padding:3px;
    border-radius:3px;white-space:nowrap;overflow:hidden;font-size:11px}}.d{{color:#777}}</style>
    <h3 style="margin:10px">Week plan of the practice</h3><main>{days}</main>"""


LAYOUTS: dict[str, Callable[[Values], str]] = {
    "form": form, "labels above": labels_above, "code": code, "slide": slide, "invoice": invoice,
    "table": table, "chat": chat, "dark": dark, "small": small, "two columns": two_columns,
    "letter": letter, "mail": mail, "terminal": terminal, "card": card, "banner": banner,
    "spreadsheet": spreadsheet, "calendar": calendar,
}  # fmt: skip


def chromium() -> str | None:
    """The browser that draws the screens, if there is one."""
    return shutil.which("chromium") or shutil.which("google-chrome")


def screens(
    seed: int, names: Iterable[str] = tuple(LAYOUTS), size: tuple[int, int] = SIZE
) -> list[Screen]:
    """Draw screens with values from a seed. Needs Chromium and Playwright."""
    with _page(size) as page:
        return [_drawn(page, name, seed) for name in names]


def two_cells(seed: int) -> tuple[Screen, Screen]:
    """The table, before and after two of its values have changed."""
    with _page(SIZE) as page:
        before = _drawn(page, "table", seed)
        # Digits are equally wide: nothing else moves.
        for cell, value in ((14, "MRN-904417"), (39, "(415) 555-0162")):
            page.evaluate(f"document.querySelectorAll('td')[{cell}].textContent = '{value}'")
        return before, _shot(page, "table")


@contextmanager
def _page(size: tuple[int, int]) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser.new_page(viewport={"width": size[0], "height": size[1]})
        browser.close()


def _drawn(page: Any, name: str, seed: int) -> Screen:
    body = LAYOUTS[name](Values(seed * 1000 + list(LAYOUTS).index(name)))
    page.set_content(
        "<!doctype html><style>body{margin:0;font-family:'Liberation Sans';background:#fff}"
        "b{font-weight:inherit}</style>" + MARK.sub(r'<b data-phi="\1">\2</b>', body)
    )
    return _shot(page, name)


def _shot(page: Any, name: str) -> Screen:
    png = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    words = [Word(t, kind, glued, tuple(box)) for t, kind, glued, *box in page.evaluate(WORDS)]
    return Screen(name, np.asarray(png), words)
