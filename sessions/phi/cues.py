"""Words that announce an identifier: in the caller's own sentence and in what the bot asked."""

import re

# The order matters only where two cues end at the same word: the later one wins.
CUES: list[tuple[str, re.Pattern[str]]] = [
    (label, re.compile(rf"(?<![a-z'])(?:{pattern})(?![a-z])"))
    for label, pattern in (
        ("ID", r"claim(?: number| id)?|reference(?: number| code)?|ref number|confirmation(?: number| "
               r"code)?|case(?: number| id)|order(?: number| id)|passport(?: number| book)?|tracking(?: "
               r"number)?|ticket(?: number)?|(?:i ?d|identification) number|access code|pass ?code|pin(?: number| code)?|"
               r"(?:prescription|rx|script) (?:number|i ?d)|rx|extension|authorization(?: number| code)?|auth "
               r"(?:number|code)|referral(?: number| code)?|invoice(?: number)?|receipt(?: number)?|"
               r"employee (?:i ?d|number)|student (?:i ?d|number)|badge(?: number)?|tax i ?d|"
               r"(?:my|your|the|an) i ?d(?: is| number)?|verification code|"
               r"(?:one|unique) (?:time )?(?:code|identifier)|visa number|green card|"
               r"alien (?:number|registration)|study (?:i ?d|number)|specimen(?: number| i ?d)?|accession(?: number)?|"
               r"lab (?:i ?d|number)|sample (?:number|i ?d)|incident (?:number|report)|encounter(?: number| id)?|"
               r"visit number|room code|security code|voucher|coupon|ticket|docket|locker"),
        ("PHONE", r"(?:tele)?phone(?: number)?|cell(?: ?phone)?|mobile(?: number| "
                  r"phone)?|land ?line|call(?: me| him| her| us| them)?(?: back)?(?: at| on)|call ?back(?: number)?|"
                  r"text(?: me| him| her| you| us)?(?: at| on)|reach(?: me| you| him| her| us| them)?(?: at| on|ed at|able at| is)?|"
                  r"ring(?: me| him| her| us)?(?: at| on)?|(?:home|work|office|cell|direct|day ?time|evening) (?:number|line|phone|is)|"
                  r"dial|contact number|best number|voice ?mail|pager|beeper|whats ?app|try me|get (?:a ?)?hold of|"
                  r"hotline|switchboard|direct line|where (?:can|should|do|may) (?:we|i|you) (?:call|reach|ring)|"
                  r"call you|give you a (?:call|ring)|cut off|disconnected|dropped"),
        ("FAX", r"fax(?: number| line| machine| it| them| that| me| us)?(?: to| at| is)?|faxed|faxing"),
        ("SSN", r"social(?: security)?(?: number| card)?|s ?s ?n|ssn's|last (?:four|4)(?: digits)?(?: of| on)?(?: my| your| the)? "
                r"(?:social|ssn|s s n)|tax(?:payer)? (?:i ?d|identification)(?: number)?|itin|national insurance|ni number"),
        ("MRN", r"m ?r ?n|medical records?(?: number| i ?d)?|chart(?: number| i ?d)?|patient (?:number|i ?d|identifier|"
                r"identification)|records? number|hospital (?:number|i ?d)|wrist ?band|bracelet|unit number|"
                r"patient portal (?:number|i ?d)|clinic (?:number|i ?d)|n ?h ?s number|my chart (?:number|id)"),
        ("HEALTHPLAN", r"member(?:ship)?(?: i ?d| number| identification)?|insurance(?: i ?d| number| card| policy)?|"
                       r"subscriber(?: number| i ?d)?|group(?: number| i ?d)|policy(?: number| holder| i ?d)?|"
                       r"health ?plan(?: card| number| i ?d)?|plan (?:number|i ?d)|beneficiary(?: number| i ?d)?|m ?b ?i|"
                       r"medicare(?: number| i ?d| card)?|medicaid(?: number| i ?d| card)?|blue cross|aetna|cigna|humana|kaiser|"
                       r"anthem|tricare|coverage (?:number|i ?d)|payer i ?d|rx ?(?:bin|group|pcn)|bin number|"
                       r"(?:front|back) of (?:my|your|the) card|on (?:my|your|the) (?:insurance )?card|united healthcare"),
        ("ACCOUNT", r"account(?: number| id| ending)?|acct|(?:credit|debit|bank|gift|payment|h ?s ?a|f ?s ?a) card(?: number)?|card "
                    r"(?:number|ending|is|on file)|visa|master ?card|amex|american express|discover(?: card)?|"
                    r"routing(?: number)?|iban|sort code|bank(?:ing)? (?:number|details)|billed to|c ?v ?v|security code|expir(?:y|ation|es)|check(?:ing)? (?:account|number)|savings|bill(?:ing)? "
                    r"(?:number|id)|statement number|customer (?:number|i ?d)|loyalty|rewards|sixteen digits?|card"),
        ("LICENSE", r"driver'?s?'? licen[sc]e(?: number)?|licen[sc]e(?: number)?|driving licen[sc]e|permit(?: number)?|n ?p ?i(?: "
                    r"number)?|d ?e ?a (?:number|license|registration)|certificate(?: number)?|certification(?: number)?|"
                    r"state i ?d(?: number| card)?|learner'?s permit|d ?l number|credential"),
        ("VEHICLE", r"(?:number|license|licence|car|my|vehicle|registration|the|tag|front|back|rear|truck|van) plates?(?: number)?|"
                    r"plates?(?: number| reads| says| is)|tags? (?:number|is|on)|v ?i ?n(?: number)?|vehicle "
                    r"(?:identification|registration|number|i ?d|tag)(?: number)?|registration(?: number)?|parked|my (?:car|truck|van)"),
        ("DEVICE", r"serial(?: number| code)?|s ?n number|device(?: i ?d| number| identifier| serial)?|pace ?maker|insulin pump|pump(?: "
                   r"number| id)?|implant(?: number| id)?|monitor (?:number|i ?d|serial)|model (?:number|and serial)|u ?d ?i|"
                   r"c ?p ?a ?p (?:number|machine|serial)|machine (?:number|i ?d)|lot number|sensor(?: number| id| code)?|"
                   r"defibrillator|glucometer|glucose (?:meter|monitor)|hearing aid|i ?m ?e ?i|mac address|prosthe(?:sis|tic)|"
                   r"transmitter|stent|wheel ?chair number|unit serial|equipment (?:number|id)"),
        ("IP", r"i ?p(?: address)?|i ?p ?v ?(?:four|six|4|6)|network address"),
        ("ZIP", r"zip(?: ?code)?|postal code|post ?code"),
        ("DATE", r"date of (?:birth|death|service|injury|discharge|admission)|dates? of|birth ?dates?|birth ?day|d ?o ?b|born|"
                 r"what (?:date|day)|which (?:date|day)|the date|due date|expiration date|when (?:were|was|did|is)(?: \w+){1,4}"
                 r"|birth|anniversary|deceased|passed away|month,? day|day,? month|month and day"),
        ("EMAIL", r"e ?mail(?: address)?|inbox|send (?:it|that|you|the \w+) electronically|electronic mail"),
        ("URL", r"web ?site|web ?page|url|u r l|link|profile|my page|home ?page|blog|portal address|web address"),
        ("GEO", r"address(?! (?:you|me|him|her|them))|live(?:s|d)?(?: at| on| in)?|living (?:at|in|on)|reside(?:s|nce)?(?: at| in)?|street|located(?: at| in)?|"
                r"ship(?: it)? to|mail(?:ing|ed)?(?: it| that| them)? ?(?:to|address)?|send (?:it|that|them|the \w+) to|moved (?:to|from)|"
                r"what (?:city|town|county|neighborhood|part of town)|which (?:city|town|county|neighborhood|location|office|pharmacy|"
                r"branch|store|clinic|hospital)|city|town|county|neighborhood|home ?town|deliver(?:y|ed)?(?: to| it to)?|"
                r"where (?:do|does|did|are|is|were|should) (?:you|he|she|they|we|your \w+|the patient|i)(?: \w+)? ?(?:live|located|living|staying|from|send|"
                r"mail|deliver|ship|calling from|based|reside|stay)|born in|grew up in|staying (?:at|in|with)|calling from|directions|"
                r"where (?:are|do) you|drop (?:it|them) off"),
        ("NAME", r"(?:your|full|first|last|the|patient'?s?|whose|my|maiden|middle|family|given|legal|caller'?s?|his|her|their|sur|"
                 r"second|preferred|nick|birth|christian|doctor'?s?|provider'?s?|mother'?s?|father'?s?|child'?s?|son'?s|"
                 r"daughter'?s?|husband'?s|wife'?s|contact'?s?|guarantor'?s?|subscriber'?s?|holder'?s?|parent'?s?|member'?s?|"
                 r"guardian'?s?|spouse'?s?|person'?s?|baby'?s?|account|name and|a|what|which|another) ?names?|name (?:please|and|on|is|for|of|to|"
                 r"here|again)|names?|whose \w+|who (?:am i|i am|i'm|is this|is that|is calling|are you|were you|do i|have i|i have|should|will|would|can|could|is|was|"
                 r"did|do you|does|else|are we|shall|may|may i|might)|who's (?:calling|this|the|your|on|that|speaking|there)|whom|speaking (?:with|to)|talking "
                 r"(?:with|to)|spell (?:your|that|it|the)|spell|spelling|spelled|how do you spell|emergency contact|next of kin|contact person|"
                 r"(?:someone|somebody|anyone|anybody|person)(?: else)? (?:\\w+ ){0,3}(?:call|contact|reach|notify|collect|pick up|ask for)|introduce yourself|calling on behalf|on whose behalf|identify yourself|"
                 r"what (?:should|can|do|may|shall) (?:i|we|people|they|you) call (?:you|him|her|them)|call you|go by|which doctor|"
                 r"which provider|what doctor|referred you|referring (?:doctor|physician|provider)|primary care|physician|"
                 r"provider|guardian|caregiver|designate|surname|authorized to|person responsible|guarantor|"
                 r"nearest relative|who to (?:call|contact|ask for|reach)|proxy|power of attorney|witness|who's"),
        ("ANY", r"numbers?(?: is| was| are|'s)?|digits?(?: is| are)?|code is|area code|last four(?: digits)?(?: is| are)?|"
                r"(?:ending|ends)(?: in| with|)"),
        ("AGE", r"how old|what age|your age|age"),
    )
]  # fmt: skip

NUMBERED = frozenset(
    "PHONE FAX SSN MRN HEALTHPLAN ACCOUNT LICENSE VEHICLE DEVICE ID IP ANY".split()
)
FAR = 12  # characters within which a kind named before "number" is what the number is of
WEAK = frozenset(  # these words alone do not make a short number an identifier
    "call reach card member insurance policy account savings chart discover text "
    "parked expires dropped".split()
)


def in_prompt(text: str) -> tuple[str, ...]:
    """Kinds of identifier the bot asked for, in the order asked."""
    low = text.lower().replace("’", "'")
    found: list[tuple[int, str]] = []
    for label, pattern in CUES:
        ends = [m.end() for m in pattern.finditer(low)]
        if ends:
            found.append((max(ends), label))
    labels = [label for _, label in sorted(found)]
    if "ANY" in labels and any(label in NUMBERED | {"ZIP"} for label in labels if label != "ANY"):
        labels.remove("ANY")
    return tuple(labels)


def last_before(text: str, kinds: frozenset[str]) -> tuple[str, int, str] | None:
    """The last cue in a stretch of lower-case text before an identifier.

    Returns:
        ``(label, where the cue ends, its words)``, or None.
    """
    best = None
    for label, pattern in CUES:
        if label not in kinds:
            continue
        for match in pattern.finditer(text):
            if (
                best is None
                or match.end() >= best[1]
                and not (label == "ANY" and best[0] in NUMBERED and match.start() <= best[1] + FAR)
            ):
                best = (label, match.end(), match.group())
    return best
