"""Ordinary clinical and everyday sentences without any identifier, for training.

``<word>`` draws words that are also names or towns ("price", "hope", "reading"), in places where
they mean what the dictionary says, so that the tagger learns to look at what stands around them.
"""

PLAIN = """
i (have|had|got|have had|still have|keep getting|woke up with) (a|an|this|some|a bad|a really bad|a little|a dull|a sharp) (headache|cough|fever|rash|sore throat|pain|cramp|cold|migraine|infection|bruise|lump|burn|stomach ache|backache|nosebleed|ringing) (in my|on my|around my|behind my|near my) (head|neck|back|chest|arm|leg|foot|knee|hip|eye|ear|hand|wrist|elbow|shoulder|stomach|belly|ankle|throat|jaw|toe|finger|groin)
(my|his|her|the) (head|neck|back|chest|arm|leg|foot|knee|hip|eye|ear|hand|wrist|shoulder|stomach|ankle|throat) (hurts|aches|is swollen|is killing me|feels numb|is red|is sore|feels tight|burns|itches|has been hurting|started hurting) (when i walk|at night|after i eat|all the time|every morning|since last week|for <small> days|for about <small> weeks|when i breathe|a lot|)
i (take|took|have been taking|was taking|am on|started|stopped) <dose> (of |)(ibuprofen|metformin|lisinopril|insulin|aspirin|tylenol|amoxicillin|prednisone|sertraline|atorvastatin|warfarin|gabapentin|omeprazole|albuterol|vitamin d|levothyroxine|amlodipine|losartan) (a day|twice a day|every morning|at night|with food|as needed|<small> times a day|since last <season>|)
my (blood pressure|b p|pressure) (was|is|reads|runs) <bp> (this morning|yesterday|last time|)
my (sugar|blood sugar|glucose|pulse|heart rate|oxygen|temperature|a one c|cholesterol|weight|fever) (was|is|got up to|went down to|hit|runs about) <reading> (this morning|last night|yesterday|before breakfast|)
the pain is (like |about |maybe |)a <small> (out of ten|today|or a <small>)
it (started|began|happened|came on|got worse) (about |around |maybe |)<small> (days|weeks|months|years|hours) ago
i (weigh|am) (about |)<cardinal> pounds and (i'm |)<small> foot <small>
(can|could|would|will|do|did|should|may) (you|i|we|they) (please |)(call|see|check|send|refill|change|cancel|move|book|mark|schedule|confirm|tell|ask|help|get|give|take|make|fax|bill|charge|drive|eat|fast|stop|start|pay|come in|talk to someone|speak to a nurse|get a copy) (me|it|that|this|my prescription|the appointment|my bill|the results|my chart|for it|before the test|after hours|on friday|the dose|with my insurance|)
i (will|may|might|can|could|would like to|need to|want to|hope to|have to|tried to|plan to|used to|am going to) (come in|call back|see a doctor|pay the bill|drive myself|walk|rest|exercise|eat better|quit smoking|get a second opinion|cancel|reschedule|ask my wife|bring my card|wait|see someone)
(yes|no|yeah|nope|okay|sure|right|correct|exactly|that's right|i think so|i don't know|not really|maybe|of course|absolutely|not that i know of|never|always|sometimes) (please|thanks|thank you|that's it|that's all|that's fine|that sounds good|ma'am|sir|i guess|i did|it was|it is|i am|)
(how much|how long|what|when|where|why|who) (does it cost|is the wait|do i do|are you open|can i park|should i come in|is it swollen|would pay for that|do i talk to)
at <small> (thirty|fifteen|o'clock|forty five|) (in the morning|in the afternoon|p m|a m|tomorrow|on monday|works|is fine)
(monday|tuesday|wednesday|thursday|friday) (at <small>|morning|afternoon|works|is good|next week|would be better)
(it|that|this|the bill|the copay|parking|the visit) (costs|was|is|came to) (like |about |over |)<cardinal> (dollars|bucks|cents|percent)
i (smoke|drink|eat|sleep|walk|run|exercise) (about |maybe |)<small> (packs|cigarettes|beers|glasses|hours|miles|times|cups) a (day|week|night)
i (have|had|got) <small> (kids|children|brothers|sisters|stents|surgeries|miscarriages|screws|stitches|cats|dogs|more pills|refills left)
i'm allergic to (penicillin|sulfa|latex|shellfish|peanuts|codeine|dust|cats|pollen|bee stings|nickel|iodine|strawberries)
(my mother|my father|my brother|my sister|my grandmother|my uncle|my wife|my husband|my son|my daughter|he|she|nobody|everyone) (had|has|died of|was diagnosed with|suffers from|never had|might have|is on medication for) (cancer|diabetes|a stroke|a heart attack|asthma|high blood pressure|depression|anxiety|glaucoma|arthritis|dementia|epilepsy|gout|lupus|the same thing)
(i|we|he|she|they) (was|were|felt|got|seemed|looked) (really |very |so |kind of |a bit |pretty |)(tired|dizzy|sick|weak|better|worse|worried|scared|fine|confused|nauseous|short of breath|anxious|hungry|pale|sore|upset|hot|cold)
the (doctor|nurse|specialist|pharmacist|receptionist|surgeon|therapist|paramedic|dentist) (said|told me|thinks|wants|asked|gave me|ordered|mentioned|was worried about) (it was nothing|to rest|an x ray|blood work|to come back|some pills|my heart|to lose weight|to ice it|physical therapy|a steroid shot)
i (rose|got up|stood up|sat up|woke up|bent over|turned) too (fast|quickly) and (got|felt) (dizzy|faint|sick)
(the|a|my|this|that|your|another|any|some|no) <word> (is|was|on|in|of|for|and|at|hurts|helps|looks|seems|with) (the|my|a|it|that|good|fine|bad|there|here|really|not|too|very) (pain|chart|bill|office|morning|wall|back|skin|house|car|phone|kitchen|water|form|bed|)
i (like|need|want|found|lost|saw|bought|ate|broke|hit|felt|hate|heard about|looked at|paid for|worry about|fell on|carried|cleaned|moved) (the|a|my|some|that|this|his|her|those) <word> (yesterday|today|at home|at work|in the kitchen|on the stairs|too|again|last night|)
(the|a|my) <word> (and|or) (the|a|my) <word> (are|were|look|feel|seem) (fine|sore|swollen|gone|better|red|the same)
it('s| is| was| feels| looks| seems) (a|the|like a|like the|just a|more of a|not a) <word> (really|i think|to me|now|again|)
is there (a|any|some) <word> (i can take|near you|at the office|for that|on the way)
(my|his|her) <word> (has|had|got|went|is|was) (swollen|worse|better|away|gone|numb|red|stiff)
i work as (a|an) (teacher|nurse|cook|driver|baker|carpenter|painter|mason|barber|butler|farmer|fisher|gardener|hunter|miller|porter|potter|sailor|smith|tailor|waiter|weaver|cleaner|cashier|welder|plumber|roofer|mechanic|coach|manager|judge|pastor|engineer|student)
(english|spanish|french|mandarin|vietnamese|arabic) is my first language
i (moved|came|flew back|traveled) (here |)from (mexico|canada|india|texas|california|florida|ohio|china|the philippines|nigeria|england|germany|new york state) (last year|years ago|when i was a kid|)
(we|i) (went to|live near|were at|drove to|work at|parked by) the (beach|lake|mountains|park|river|store|church|gym|hospital|pharmacy|airport|mall|school|office|library|coast|desert|bank) (last weekend|on sunday|yesterday|every day|)
call nine one one (if it gets worse|right away|or go to the e r|)
my vision is (twenty twenty|twenty forty|blurry|fine)
i (got|had|need|am due for) (my|the|a) (flu shot|covid booster|tetanus shot|shingles vaccine|m r i|c t scan|e k g|x ray|colonoscopy|mammogram|pap smear|physical|blood test|ultrasound|biopsy|m m r)
(first|second|third|next|last) (time|visit|dose|opinion|trimester|week|night|appointment|baby|of all) (was|is|went|will be) (fine|hard|easy|soon|better|rough|okay)
i (read|heard|saw|looked up|found) (it|that|this|something|an article) (online|on the internet|on tv|in the paper|on your website|on google|on facebook)
(good morning|good afternoon|hello|hi there|hey|hi|hello there) (how are you|how can i help|i'd like to make an appointment|i need some help|i have a question|can you hear me|doctor|)
(uh|um|well|so|yeah|okay|oh) (i think|i guess|you know|like i said|honestly|basically|actually|let me think|let me see|hold on) (it was|it's been|i can't|i don't|it's|that's) (fine|a while|remember|know|hard to say|about right|what happened)
my (copay|deductible|insurance|premium|plan|coverage|grace period|referral) (is|was|went up to|covers|doesn't cover|expired|starts|ends|hasn't come through) (too much|<cardinal> dollars|in january|last month|it|physical therapy|anything|soon)
maybe (in|since|by|until|around) (march|april|june|july|september|october|december|the spring|the summer|last fall|christmas|thanksgiving|easter)
(since|last|this|next) (march|april|june|july|september|october|summer|winter|spring|fall|year|month|christmas) (it's been|i've been|we|my back has been) (worse|better|fine|tired|bad)
i was born with (it|a heart murmur|one kidney|a club foot|asthma)
do you take (blue cross|aetna|medicare|medicaid|cigna|united|kaiser|my insurance|walk ins|new patients)
(one|two|three|four|a couple|a few|several|many) (of|or) (them|two|three|those|my friends|the pills|my teeth|the stitches) (fell out|hurt|are gone|work|came loose|feel off)
(turn|press|hold|push|put|keep|lift|bend|move|raise|straighten|squeeze|open|close|lower) (it|your arm|your leg|your hand|the button|ice on it|pressure on it|your head|your mouth) (up|down|out|for me|to the left|to the right|for <small> minutes|slowly|again)
(okay|alright|all right|right|great|good|perfect|wonderful) (so|and|now|then|well) (how|what|when|where|why|do|does|did|is|are|have|has|any|can|let's|let me) (you|it|that|your pain|your sleep|your appetite|the swelling|your mood|the cough|long|often|bad|many|much) (been|feel|doing|last|start|hurt|happening|going|like|)
(any|no|some|do you have|have you had|are you having|you're not having) (fever|chills|nausea|vomiting|diarrhea|constipation|weight loss|night sweats|chest pain|shortness of breath|swelling|numbness|tingling|blood in your stool|trouble sleeping|changes in your vision|family history|drug allergies|recent travel)
(so|and|but|because|then|well) (i|we|he|she|it|they|you) (just|really|also|never|always|still|only|even|kind of|sort of) (wanted|needed|thought|felt|noticed|figured|started|kept|tried|wondered|hoped) (to check|to ask|it was nothing|bad|it getting worse|to lose weight|sleeping|about it|you could help|i should call|the same)
(let's|we'll|i'll|we can|i'm going to|we should|i'd like to) (order|get|start|do|try|schedule|check|run|take|increase|decrease|stop|continue|refer you for|set up|have you try|send you for) (some blood work|an x ray|an m r i|physical therapy|a low dose|the medication|a look|your blood pressure|a follow up|an ultrasound|a referral|a brace|some exercises|a different one) (today|in two weeks|and see how you do|just to be safe|for now|okay|)
(and|but|so|i|we|let's|just) hope (for the best|it helps|it heals|that it works|to be better|not|so)
(my|his|her) (mother|father|brother|sister|son|daughter) in law (was|is|had|came|works|said|drove|got) (sick|a nurse|there|me|the same thing|here|fine|worried)
i had (it|my appendix|my tonsils|surgery|braces|a concussion|mono) (out |)in (high school|middle school|college|the army|the service|my twenties|prison|rehab)
(on|from) my (mother's|father's|mom's|dad's|wife's) side( of the family|)
i'm a (school bus|truck|taxi|delivery|forklift) driver
(the|that|this|another|some|an older|a young) (lady|man|guy|woman|fella|gentleman|person) (at|on|from|in) (the desk|the phone|the front|billing|the pharmacy|reception)
(toast|porridge|tea|yogurt|chicken|fish|pasta|a salad|soup|rice|a sandwich) with (honey|ginger|lemon|olive oil|basil|jam|butter|pepper|sage|rosemary|turkey|ham|gravy|mint|berries)
(i|we|he|she|they) (ran|walked|went|rushed|got up) to the (loo|john|bathroom|can|garden|shop|chemist|surgery|pub|barn|mill)
(awesome|super|cool|sweet|roger that|will do|copy that|right on|cheers|brilliant|lovely|smashing|bless you|god bless) (thanks|then|see you|bye|talk soon|have a good one|)
"""

REPLY = """
(hang on|hold on|wait|one moment|just a second|give me a second|bear with me) (i need to|let me|while i|i have to) (find|look for|grab|get|check|dig out) (my|the) (glasses|card|wallet|purse|papers|letter|phone|form|envelope)
(sorry|pardon|what|excuse me) (i didn't hear you|what was that|can you repeat that|say again|you're breaking up|the signal is bad|the connection is poor)
(why|what) (do you need|would you need|is) (that|this|it) for
(i|we) (already|just) (gave|told|sent) (you|them|someone|the nurse|the front desk|somebody) (that|this|everything|my details|all that)
(it|that) (should be|is|must be) (on file|in the system|in my chart|the same as before|on the form|on the paperwork)
(i don't|i do not|we don't) (have|know|remember) (it|one|that|any of that) (on me|right now|offhand|with me|by heart|yet)
(i'd rather not|i prefer not to|do i have to|must i) (say|answer that|give it|share that|tell you)
(can|could|may) i (speak|talk) to (a person|somebody|someone else|a manager|a real human|an operator|the front desk)
(yes|no|yeah|nope|correct|right|exactly|wrong|fine|great|awesome|perfect|cool|super|lovely|wonderful|fair enough|no worries|no problem|of course|sounds good)
(that's|it's|you're|this is) (right|correct|wrong|not right|fine|good|great|all|it|close|close enough|perfect|not me|not mine|my old one|still the same)
(i'm|i am|i was) (calling|here|phoning|writing) (about|for|because of|regarding) (a|my|the) (bill|test|refill|rash|cough|appointment|letter|prescription|result|referral|shot|form|card|scan)
(it's|it is|this is) (about|for|regarding) (my|the|a) (bill|test|knee|refill|appointment|back|tooth|ear|foot|coverage|card|baby|dog|surgery)
(need|want|looking|hoping|trying) to (cancel|reschedule|book|pay|confirm|check in|ask something|move my appointment|refill my meds)
(just|only|probably|maybe) (a|the|my) (checkup|physical|flu shot|cleaning|blood test|usual|wisdom teeth|cold|allergies|nerves|sprain|stitch)
(running|getting|feeling|doing|sleeping|eating|still) (low|better|worse|tired|fine|okay|sick|dizzy|good|poorly)
i (live|stay|am) (alone|with my parents|with my wife|in an apartment|on the second floor|at home|with friends|on a farm|in a house|upstairs)
(the|that) (line|phone|computer|system|card|form|web page|app|battery|doctor|nurse|lady|man) (is|was) (bad|slow|down|dead|busy|old|nice|rude|gone|blurry)
"""

AMBIGUOUS = (
    "rose hope grace faith joy dawn mark bill jack frank will grant chase chance drew rob sue pat ray "
    "art gene dean earl duke price stone wood woods field fields brook brooks hill hills lake rivers "
    "bush green brown black white gray grey king knight bishop pope abbott page case cook baker carpenter "
    "mason taylor turner walker hunter fisher porter potter miller weaver barber butler marsh moss reed "
    "rice berry cherry lemon pepper basil sage olive ginger ivy lily daisy violet iris heather holly hazel "
    "jasmine amber ruby pearl jade crystal gem summer autumn june may april august ash birch "
    "sky star sunny stormy rain snow frost winter north west east south young old long short small little "
    "strong wise sharp bright noble savage wild gentle good best love darling sweet bitter cash money "
    "banks bank temple church house hall gate bridge street park parks forest bird wolf fox lamb bull "
    "hart buck drake crane swan finch robin martin jay crow hawk falcon fish pike bass salmon trout "
    "reading mobile orange buffalo phoenix lincoln independence enterprise liberty bath nice normal "
    "victory surprise eagle salt pine cedar aurora bend center spring springs union beaver mission "
    "ring bell horn drum harp singer dancer player sailor major general judge early day weeks "
    "monday friday noon morning foot hand head cheek chin beard bone heart back blood tooth "
    "cough cramp burns gore payne paine moody sadler swift quick speed close near far fallen faulk mean "
    "means may might must can could way ways shine glass cotton silk wool leather bacon ham curry mayo "
    "booker reader carter driver parson farmer gardener shepherd skinner tanner tucker marshal constable"
).split()
