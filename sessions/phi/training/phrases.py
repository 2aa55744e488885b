"""What bots ask and callers say in the training dialogues.

``(a|b|)`` chooses; ``<LABEL:maker>`` is filled and labelled, ``<maker>`` only filled. The phrases
are written for training; the held-out dialogues of ``tests/phi`` share none of them on purpose.
"""

ASK = {
    "name": """
(may|can|could) i (have|get|take) (your|the patient's|the caller's) (full |first and last |legal |)name( please|)
(what is|what's) (your|the) (name|first name|last name|full name)( please|)
who am i (speaking|talking) (with|to)( today|)
who (is|are) (this|you) (calling for|please|)
and you are
tell me your name
state your first and last name for the record
can you tell me who is calling
under what name is the (appointment|reservation|order|account)
(what|which) name is (it|the appointment) under
which doctor (are you seeing|referred you|do you see)
who is your (primary care provider|doctor|emergency contact|next of kin|guardian)
and the (child's|baby's|patient's|subscriber's|policy holder's|member's) name
who should (i|we) (ask for|list|call|notify)
who will be (picking it up|driving you home|coming with you)
can you (spell|repeat) (your|the|that) (name|last name|surname)( for me|)
how do you spell that
spell your (first|last) name please
what do people call you
identify yourself please
""",
    "dob": """
(what is|what's|can i have|could you confirm) (your|the patient's|his|her) (date of birth|birth date|birthday|dob|d o b)
when were you born
(and |)(your |)date of birth
month day and year you were born
when is (his|her|your) birthday
""",
    "phone": """
what (number|phone number) (can|should) (we|i) (reach|call) you (at|on)
(what is|what's|can i get) (your|a good|the best) (phone|cell|mobile|callback|contact|telephone|home) number
where can we call you back
which number are you calling from
confirm the number on file
""",
    "address": """
(what is|what's|can you give me|please confirm) (your|the) (home |mailing |street |billing |current |shipping |)address
where do you live
where should we (send|ship|mail|deliver) (it|that|your prescription|the kit)
what (city|town|county) (are you|do you live|is that) in
where are you (located|calling from)
which (pharmacy|location|clinic|office) (do you use|would you like|is closest)
what's your zip( code|)
and the postal code
""",
    "email": """
(what is|what's|can i have) (your|the best) email( address|)
where can we email (you|the results)
spell your email( for me|)
is there an email on file
""",
    "number": """
(what is|what's|can you read me|please give me) (your|the) (member id|insurance number|policy number|group number|subscriber id|medical record number|m r n|chart number|patient id|social security number|social|account number|card number|driver's license number|license plate|serial number|confirmation number|claim number|reference number|order number|case number|fax number|passport number|prescription number)
(what are|can i have) the last four( digits|) of (your|the) (social|card|account|phone number)
do you have (your|the) (insurance card|member number|reference number|chart number|order number) (with you|handy|there)
can you verify (your|the) (identity|account|number on the card)
""",
    "other": """
how (can|may) i help( you|)( today|)
what's going on( today|)
anything else( i can do|)( for you|)
tell me more( about that|)
okay
go ahead
what brings you in( today|)
how long has (this|it) been (going on|happening)
did i get that right
is that correct
what happened( next|)
and then
how are you feeling
i see
alright what else
do you have any (allergies|questions|other symptoms)
what medications are you taking
does anyone in your family have (that|heart disease|diabetes)
thanks for that
let me check
mm hmm
""",
}

SAY = {
    "name": """
(it's|this is|i'm|i am|my name is|my name's|the name is|name's|hi it's|hello this is|hey this is|yes this is|yeah it's|uh|um|sure|so|okay it's|well it's|good morning this is|you're speaking with|you can call me|call me|they call me|everyone calls me|i go by|i'm called|people know me as|first and last is) <NAME:full>
<NAME:full>
<NAME:full> (speaking|here|calling|is my name|is the name|that's me|thanks|please|and i need a refill|uh huh)
(it's|this is|i'm|hi i'm|my name is|) <NAME:given>
<NAME:given> (here|speaking|is fine|again|from billing|calling)
(first name|first name is|first name's) <NAME:given> (last name|last name is|and last name|surname|and the last name is|last) <NAME:family>
(last name|last name is|surname|surname is|family name) <NAME:family> (first name|first|and first name is|given name) <NAME:given>
(it's|the last name is|last name|my last name is|family name is|surname's|maiden name was|married name is|middle name is) <NAME:family>
<NAME:family> <NAME:given>
<NAME:family>
(mr|mrs|ms|miss|mister|missus|dr|doctor) <NAME:family>
(mr|mrs|ms|dr|doctor|nurse|professor) <NAME:full>
(it's|that's|sure|okay|yes|uh|it's spelled|spelled|) <NAME:spelt>
<NAME:family> (that's|spelled|uh|as in|it's|) <NAME:spelt>
<NAME:full> (that's|spelled|last name spelled|and it's) <NAME:spelt>
(it's for|calling for|i'm calling for|on behalf of|calling on behalf of|i'm calling about|the appointment is for|it's under|should be under|try|look under|booked under|the patient is|the patient's name is|it would be for|this is for) (my son|my daughter|my wife|my husband|my mother|my dad|my friend|my client|our baby|my neighbor|) <NAME:full>
(put|list|use|write|call|add|you can put|go with|make it|let's say|probably|i guess|maybe|that would be|it'd be) (my (son|daughter|wife|husband|mother|mom|dad|father|brother|sister|aunt|uncle|cousin|friend|partner|neighbor|girlfriend|boyfriend|roommate|boss) |)<NAME:full>
my (son|daughter|wife|husband|mother|mom|dad|father|brother|sister|aunt|uncle|cousin|friend|partner|neighbor|roommate|nephew|niece) <NAME:any>
my (son|daughter|wife|husband|mother|mom|dad|brother|sister|friend|partner|neighbor)'s name is <NAME:any>
my (son|daughter|wife|husband|mother|mom|dad|brother|sister|friend|partner)'s <NAME:full>
(his|her|their) name is <NAME:full>
(no|no it's|actually it's|no the last name is|not quite it's|no i said|sorry it's|it's actually|wrong it's) <NAME:any>
<NAME:given> (and|or) <NAME:given>
<NAME:given> (with|spelled with) (a|an) <letter>
doctor <NAME:family> (referred me|sent me|at the heart clinic|at the main office|in cardiology|i think)
<NAME:given> <NAME:letter> <NAME:family>
(its|it is|is|name) <NAME:full> (i was told to call|i'm a new patient|i have an appointment)
<NAME:given> uh <NAME:family>
<NAME:given> (m as in mary|with one n|with an e at the end|like the singer)
""",
    "dob": """
(it's|my birthday is|i was born on|i was born|born|date of birth is|my date of birth is|d o b is|sure|uh|um|that's|yes|he was born|she was born on|his is|hers is|) <DATE:dob>
<DATE:dob> (and i'm <cardinal>|is my birthday|if that helps|that's right|thanks|)
""",
    "phone": """
(it's|my number is|my cell is|the number is|you can reach me at|you can call me at|call me back at|call|reach me on|try|sure it's|uh|um|yeah it's|home is|work is|mobile is|best number is|the best one is|contact me on|text me at|dial|) <PHONE:phone>
<PHONE:phone> (is my cell|is the best one|is my work number|works|that's my wife's|ask for <NAME:given>|)
my (wife|husband|son|daughter|mom) <NAME:given> (is at|can be reached at|at|her number is|his number is|on) <PHONE:phone>
area code <PHONE:phone>
""",
    "address": """
(it's|my address is|i live at|we live at|i'm at|we're at|it's still|send it to|ship it to|mail it to|deliver to|the address is|sure|uh|that's|yeah|i'm staying at|home is|currently at|i moved to|) <GEO:address>
(i live in|i'm in|i'm calling from|we moved to|i'm from|it's in|in|near|just outside|over in|down in|up in|out near|) <GEO:city>
(the|my) (walgreens|c v s|pharmacy|rite aid|clinic|walmart|kroger|costco|one|office|branch|store) (on|at) <GEO:street>
the (walgreens|c v s|pharmacy|clinic|walmart|location|hospital|one|office) (in|near) <GEO:city>
(it's|zip is|zip code is|zip code|the zip is|postal code is|that's|uh|) <GEO:zip>
<GEO:street> (in|that's in|over in|) <GEO:city>
(on the corner of|right off|just off|near|by|off of) <GEO:road>
p o box <GEO:box>
""",
    "email": """
(it's|my email is|sure it's|yeah|uh|send it to|you can use|that's|it would be|the email is|email me at|write to|) <EMAIL:email>
""",
    "number": """
(it's|it says|the number is|my number is|i think it's|sure|uh|okay|here it is|looks like|i have|let me find it okay|that's|yeah|reads|i've got|) <ID:any>
(member id|the member id|my insurance number|policy number|subscriber id|group number|insurance card|plan number|medicare number|medicaid id)( is| says|) <HEALTHPLAN:code>
(social|my social|social security|my social security number|s s n|last four)( is|) <SSN:ssn>
(card number|my card|visa|mastercard|account|account number|checking account|routing number|my account number|ending in|card ending in)( is|) <ACCOUNT:card>
(my m r n|m r n|medical record number|chart number|patient id|record number|hospital number|my chart)( is|) <MRN:code>
(driver's license|license number|my license|licence|permit number)( is|) <LICENSE:code>
(license plate|plate number|my plate|car plate|the tag|registration|vin)( is|) <VEHICLE:code>
(serial number|device id|the serial|pacemaker serial number|serial number on my pump|lot number)( is|) <DEVICE:code>
(claim number|reference number|confirmation number|order number|case number|ticket number|passport number|prescription number|authorization number|tracking number|invoice number)( is|) <ID:code>
(fax|fax it to|our fax is|fax number is|please fax to) <FAX:phone>
(ip address is|the ip is|i p address|my i p is) <IP:ip>
(my page is|website is|look at|it's on|go to) <URL:url>
""",
    "other": """
i (saw|see|spoke to|spoke with|talked to|met with|met|called|emailed|went to|had an appointment with|have an appointment with|was seen by|was treated by|was told by|left a message for|am seeing|used to see) <NAME:doctor> (yesterday|last week|on <DATE:day>|a month ago|and she said to call|about my knee|at the clinic|for years|again|)
<NAME:doctor> (said|told me|wants me|prescribed|did my surgery|ordered|called me|recommended|asked me|thinks|put me on|is my doctor|did my knee|operated on me|retired|was very nice|changed my dose|gave me) (to come back|to rest|these pills|an x ray|a scan|yesterday|last year|and it still hurts|)
<NAME:given> (said|told me|wants|called me|asked me|thinks|is coming|will drive me|can pick it up|has the same thing|gave me her pills|was with me|got sick too|is allergic|fell) (to call back|yesterday|with me|again|last night|as well|)
(tell|ask|thank|remind|call|text|email|let) <NAME:given> (i said hi|to call me|for me|know|that i called|about the bill|i'll be late)
(thanks|thank you|okay|hi|hello|hey|bye|goodbye|sure|alright|sorry) <NAME:given>
my (son|daughter|wife|husband|mother|brother|sister|friend|dog|baby|boy|girl|partner|mom|dad) <NAME:given> (is|was|has|had|fell|got|is <cardinal>|is <cardinal> years old|lives with me|will bring me|started coughing|can't sleep)
i (was admitted|had surgery|was in the hospital|had my last period|got my shot|started|was discharged|had a fall|was diagnosed|had the test|was seen) (on |)<DATE:day>
(the appointment|my appointment|surgery|the visit|my last visit|it) (is|was) (on |)<DATE:day>
from <DATE:day> (to|until|through) <DATE:day>
(i live in|i moved from|i drove from|i'm from|we're visiting from|i was born in|the hospital in|a clinic in|my doctor in|i work in|i flew to) <GEO:city>(| last year| and it's a long drive| originally)
(my mother|my dad|she|he|my grandmother|grandpa|my aunt) (is|was|turned|just turned|turns|will be) <AGE:old>( years old|)( and still drives| and she fell| next week|)
it's <NAME:given> (again|calling back|from yesterday)
(i work with|i came with|i live with|i'm here with|it's me and|just me and) <NAME:given>
the (nurse|doctor|lady|guy|man|woman|receptionist|therapist|pharmacist) (named|called|was|is) <NAME:given>
<NAME:given>'s (appointment|prescription|mother|number|birthday|school|doctor|insurance)
(nurse|doctor) <NAME:family> (said|told|called|was)
<NAME:given> (threw up|fell|has|is|was|started|keeps|won't|can't|had|got|needs|saw|came|went|hurt|broke|has been|isn't|woke up|ate|takes|lives|works|drives|bumped|cut|felt|stopped|burned|coughs|sleeps) (a fever|off the swing|his arm|her arm|on friday|with a rash|crying|sick|a cough|better|in the night|twice|the same|eating|with us|at school|my medication)
so <NAME:given> (has|had|is|was|got|fell|came|started) (this rash|a fever|really sick|home early|coughing|worse)
(could|can|would|will|did|does|is|was|has) <NAME:given> (call me|see me|come in|still work there|get my message|in today|available|say anything|start the pills|have any openings)
(and|but|because|when|if|since|so|while|until) <NAME:given> (said|was|is|has|told|called|came|got|went|couldn't|didn't|wanted|thought) (it|there|sick|me|home|fine|worried|to wait)
i'm (calling|here|phoning|worried|asking) (for|about|with|on behalf of) <NAME:given>
(this is|it's|i'm|hi i'm|hey it's) <NAME:given> (from|at|with|calling from|over at) (the pharmacy|doctor <NAME:family>'s office|billing|school|the lab)
my (name is|buddy is|neighbor is|boss is) <NAME:given> (and|but) i (need|want|have) (help|a question|an appointment)
(me and|me|just) <NAME:given> and <NAME:given>
between <NAME:given> and <NAME:given>
(my|the) (caseworker|interpreter|social worker|landlord|coach|teacher|midwife|surgeon|dentist|pharmacist|therapist|caregiver) <NAME:any>
<NAME:full> (did my knee|is my surgeon|was my doctor|delivered my baby|took my stitches out|signed the form|referred me)
(i'm|i am) (waiting for|looking for|calling for|asking about) <NAME:given>
""",
}
