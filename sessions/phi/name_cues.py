"""Words around a name: what announces one, what follows one, what begins an answer."""

import re

from sessions.phi import vocabulary as v

OWNER = (
    r"(?:my|his|her|the|their|our|patient'?s?|first|last|middle|maiden|full|family|given|legal|sur|real|married|birth|preferred|"
    r"nick|whole|\w+'s|your|mom|dad|son|daughter|husband|wife|doctor|and) ?"
)

STRONG = re.compile(
    rf"(?<![a-z'])(?:{OWNER}names?(?:'s| is| was| would be| are| has been| will be|'d be)?(?: uh| um| now| actually| again| then| just| is| now)*|"
    r"name's|names|the name (?:is|on it is|on the \w+ is|should be)|name is|name was|(?:i am|i'm|you are|you're|this is|it's) (?:speaking|talking) (?:to|with)|"
    r"(?:calls?|called|call|calling|named|naming) (?:me|him|her|them|myself|the baby|the boy|the girl)|go(?:es)? by|known as|people call me|friends call me|you can call me|"
    r"(?:calling|here|phoning|ringing|inquiring|asking|checking in|checking|an appointment|appointment) (?:on behalf of|in place of|about my \w+)|on behalf of|"
    r"the patient is|patient is|patient's|the patient|(?:should|it'?s?|it might|might|would|will|is|was|filed|booked|listed|probably|be|under) (?:be )?under|under the name(?: of)?|"
    r"spoke (?:to|with)|speak (?:to|with)|spoken (?:to|with)|talk(?:ed|ing)? (?:to|with)|ask(?:ed)? for|asking for|looking for|"
    r"nurse|named|signed|signature|attention|regards|sincerely|contact is|contact would be|contact person is|"
    r"referred (?:me )?(?:by|to)|seeing|saw|see|treated by|meeting with|meet with|met with|appointment with|visit with|"
    r"surname is|surname|i'm called|she's called|he's called|who's called|baptized|born as|née|nee|formerly|"
    r"list|put down|put|add|write down|write|reach out to|message for|prescribed by|delivered by|done by|sent by|signed by|"
    r"followed by|operated on by|under the care of|care of|in care of|married to|engaged to|lives with|live with)"
    r"(?![a-z'])[,:]?"
)

GREETING = re.compile(
    r"(?<![a-z'])(?:this is|i'm|i am|it's|it is|that's|that is|he's|she's|he is|she is|who is|hi|hello|hey|thanks|thank you|okay|ok|"
    r"right|sure|so|and|good morning|good afternoon|good evening|dear|with|for|by|from|to|yes|yeah|yep|here is|here's|speaking|sorry|no|"
    r"meet|me and|well|called|or|actually|about|is|was)(?![a-z'])[,:]?"
)

ANSWER_LEAD = v.words(
    "it's its this is my name name's i'm i am sure the patient hi there here so yeah yes yep you're "
    "speaking to first last hello hey of course that's that and called be should under would put call he's "
    "she's goes by with okay ok alright right well no not actually it full middle legal maiden family "
    "surname spelled spelling spell calling for on behalf good morning afternoon evening you can me just "
    "go they call people mostly please thank thanks a um uh his her their he she name: was will dr mr mrs ms "
    "doctor miss mister yeah's correct think probably put down list write as i'd i'll say let's use maybe "
    "oh sorry list like given i've in case an emergency contact your contact's be's see our have make "
    "got done gonna hmm mm yup absolutely certainly great perfect really hold registered hyphenated "
    "capital is's known usually formally officially short from at speak talk what do need ask about "
)

ODD_SURNAMES = v.words(
    "long day price young best little new good fine old street doctor love right just well christian "
    "french english german may march june august friday monday sunday christmas easter banks king work "
    "feeling case ward sharp street moon much such bright must way "
)

DETERMINERS = v.words(
    "the a an my your his her their our this that these those some any other another same no not to on in at of for from "
    "about by with very so too really quite low was were i you we they can do have get need want just like more most than"
)

AFTER_NAME = v.words(
    "my he's she's he she his her that's and calling speaking here last first surname forename spelled "
    "who is at on with i'm her their yes uh um actually please"
)

TWO_WORD_SURNAMES = v.words(
    "de la van von der den del di da du le los las san st al el bin ibn ben mc mac o della santa dos das ter ten abu bint ap"
)
