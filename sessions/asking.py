"""What the caller asks for, and whether they say yes: read from their words by rule.

A model is not asked, because it would read the same untrusted text as the one it guards. What the
rules do not recognise is not lost: the caller is asked, see :mod:`sessions.gate`.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Literal

# Ways to ask for the same thing: a tool whose name holds one of a line's words is asked for by any
# of them. English, German, Spanish, French.
WAYS = tuple(
    tuple(phrase.strip() for phrase in line.split(","))
    for line in (
        "transfer, connect, put me through, speak to, speak with, talk to, talk with, a person, "
        "a human, real person, a colleague, an agent, an operator, someone, a representative, "
        "verbinde, verbinden, mit einem menschen, hablar con, una persona, pásame, parler à, "
        "un conseiller, passez-moi",
        "call, phone, ring, dial, anrufen, ruf, rufen, llama, llamar, appelle, appeler, appelez",
        "send, email, mail, forward, share, message, schick, schicke, schicken, sende, senden, "
        "envía, enviar, manda, mandar, envoie, envoyer, envoyez",
        "book, reserve, schedule, arrange, make an appointment, need an appointment, sign me up, "
        "buche, buchen, reserviere, reservieren, reserva, reservar, réserve, réserver, réservez",
        "cancel, call off, drop, storniere, stornieren, absagen, cancela, cancelar, annule, annuler",
        "pay, settle, wire, überweise, überweisen, bezahle, bezahlen, zahle, paga, pagar, paie, payer",
        "order, buy, purchase, bestelle, bestellen, kaufe, pide, pedir, compra, comprar, commande, "
        "commander, achète, acheter",
        "add, note, write, put, record, jot, make a note, let them know, let the doctor know, "
        "notiere, notieren, anota, anotar, apunta, ajoute, ajouter, note",
        "update, change, set, edit, correct, move, reschedule, ändere, ändern, cambia, cambiar, "
        "changer",
        "delete, remove, erase, clear, get rid of, throw away, lösche, löschen, borra, borrar, "
        "elimina, supprime, supprimer, efface",
        "refund, reimburse, money back, give back, erstatte, reembolsa, rembourse, rembourser",
        "open, unlock, let in, let them in, öffne, öffnen, abre, abrir, ouvre, ouvrir, ouvrez",
        "close, lock, shut, schließe, schließen, cierra, cerrar, ferme, fermer",
        "start, begin, run, launch, turn on, switch on, starte, starten, arranca, démarre, démarrer",
        "stop, halt, end, turn off, switch off, shut down, stoppe, anhalten, detén, parar, arrête",
        "alert, notify, warn, inform, melde, melden, avisa, avisar, préviens, prévenir",
        "save, store, keep, remember, speichere, speichern, guarda, guardar, enregistre",
        "print, drucke, drucken, imprime, imprimir, imprimer",
        "upload, publish, post, veröffentliche, publica, publicar, publie, publier",
        "approve, accept, sign, genehmige, aprueba, aprobar, approuve, approuver",
    )
)

AGAIN = ("again", "another", "one more", "once more", "nochmal", "noch ein", "otra vez", "encore")
QUESTION = re.compile(
    r"^(?:(?:and|so|but|okay|ok|well|um|uh|oh|hey|hi|hello)\s+)*(?:what|which|who|whose|where|when|why"
    r"|how|did|does|do (?:i|they|we)|is|are|was|were|has|have you|had|was|wer|wo|wann|warum|wie|qué"
    r"|quién|dónde|cuándo|cómo|que|qui|où|quand|pourquoi|comment)\b"
)
POLITE = re.compile(
    r"\b(?:please|(?:can|could|would|will) you|i want|i would like|i'd like|i need)\b"
)
DENIED = re.compile(
    r"(?:\b(?:not|don't|dont|doesn't|didn't|never|without|instead of|no need|nicht|kein|nie|nunca|ne"
    r"|jamais)\b|n't\b|\bno\b)(?:\s+[\w']+){0,3}\s*$"
)
QUOTED = re.compile(
    r"\b(?:says?|said|saying|reads|states?|tells?|told|claims?|asks|wants me|how (?:to|do|can)|whether"
    r"|about|sagt|steht|dice|dit)\b"
)
# Behind one of these, "order", "note" or "call" is a thing and not a wish.
A_THING = re.compile(
    r"\b(?:the|this|that|these|those|my|your|his|her|their|our|any|an?|last|next|der|die|das|mein"
    r"|el|la|mi|le|mon|ma)\s+$"
)
CLAUSE = re.compile(r"[.?!;:,\n]+|\b(?:and then|but|and)\b")

YES = re.compile(
    r"^(?:(?:oh|um|uh|well|ah)\W+)*(?:yes|yeah|yep|yup|sure|absolutely|definitely|of course|certainly"
    r"|go ahead|do it|do that|please do|i confirm|confirmed|ja|jawohl|sí|oui|d'accord|sim|sì|certo|да"
    r"|はい|好的?|是的?|对|evet|نعم|हाँ|हां|네|tak)(?:\W|$)"
)
# Words that open many a sentence: a yes only where nothing follows. "Okay" is none.
BARE_YES = re.compile(r"^(?:that's right|correct|si|claro|genau|confirm)\W*$")
NO = re.compile(
    r"\b(?:no|nope|not|don't|dont|never|wait|hold on|rather|instead|but|except|wrong"
    r"|nein|nicht|halt|non|pas|nunca|espera|não|нет)\b|n't\b|いいえ|不|لا|नहीं|아니"
)
ASKS_BACK = re.compile(r"\?|\b(?:what|which|who|where|when|why|how)\b")
LONGEST_YES = 8  # words; a longer answer says more than yes

Answer = Literal["yes", "no", "other"]


def folded(text: str) -> str:
    """A text in one form: compatibility characters, case, apostrophes and spaces made equal."""
    text = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    return " ".join(text.split())


def answer(text: str) -> Answer:
    """How somebody answers a question that wants a yes.

    Anything but a short, plain yes is none: "yes, but send it to Bob" says no to what was asked.
    """
    said = folded(text)
    if NO.search(said):
        return "no"
    short = len(said.split()) <= LONGEST_YES and not ASKS_BACK.search(said)
    return "yes" if BARE_YES.match(said) or YES.match(said) and short else "other"


def ways(name: str, also: Iterable[str] = ()) -> list[str]:
    """The words and phrases by which a caller asks for a tool.

    Args:
        name: The tool's, such as ``"cancel_visit"``: its first word that is known says what it
            does; of a name without one, every word counts.
        also: What its author adds.
    """
    parts = [p for p in re.split(r"[\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()) if p]
    for part in parts:
        for phrases in WAYS:
            if part in phrases:
                return [*phrases, *map(folded, also)]
    return [*(part for part in parts if len(part) > 2), *map(folded, also)]


def is_asked(utterances: Sequence[str], phrases: Iterable[str]) -> bool:
    """Whether one of these utterances asks for it: named, not denied, quoted or asked about.

    Args:
        utterances: What the caller said.
        phrases: By which it is asked for, see :func:`ways`.
    """
    wanted = re.compile(
        r"\b(?:" + "|".join(re.escape(p) for p in sorted(phrases, key=len, reverse=True)) + r")\b"
    )
    return any(
        _asks(clause.strip(), wanted)
        for text in utterances
        for clause in CLAUSE.split(folded(text))
    )


def _asks(clause: str, wanted: re.Pattern[str]) -> bool:
    for found in wanted.finditer(clause):
        before = clause[: found.start()]
        if not (DENIED.search(before) or QUOTED.search(before) or A_THING.search(before)):
            return bool(POLITE.search(clause)) or not QUESTION.match(clause)
    return False
