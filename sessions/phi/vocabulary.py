"""The closed word classes of spoken English that the rules are written in."""

import functools


@functools.cache
def words(text: str) -> frozenset[str]:
    """A set of the words of a text."""
    return frozenset(text.split())


DIGITS = {word: str(i) for i, word in enumerate(
    "zero one two three four five six seven eight nine".split())}  # fmt: skip
DIGITS |= {"oh": "0", "o": "0", "nought": "0", "naught": "0", "niner": "9"}
TEENS = {word: str(10 + i) for i, word in enumerate(
    "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split())}  # fmt: skip
TENS = {word: str(20 + 10 * i) for i, word in enumerate(
    "twenty thirty forty fifty sixty seventy eighty ninety".split())}  # fmt: skip
MULTIPLIERS = words("hundred thousand million")
REPEATS = {"double": 2, "triple": 3, "treble": 3, "quadruple": 4}
# What ears write for a digit. It counts as one only inside or at the edge of a run of digits.
HOMOPHONES = {
    "to": "2", "too": "2", "tu": "2", "for": "4", "fore": "4", "won": "1", "wan": "1", "ate": "8",
    "ait": "8", "fourty": "40", "tree": "3", "free": "3", "fife": "5", "hive": "5", "sex": "6", "sicks": "6",
    "sics": "6", "sick": "6", "nein": "9", "mine": "9", "owe": "0", "ow": "0", "hero": "0",
    "xero": "0", "heaven": "7", "tin": "10", "den": "10", "thirsty": "30", "fourth": "4",
    "forth": "4", "tents": "10", "ninty": "90", "weight": "8", "wait": "8", "know": "0", "own": "1",
    "when": "1", "door": "4",
}  # fmt: skip
ORDINALS = {word: i + 1 for i, word in enumerate(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth "
    "fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth".split())}  # fmt: skip
ORDINALS |= {"thirtieth": 30, "forth": 4, "nineth": 9, "twelth": 12}
MONTHS = {word: i + 1 for i, word in enumerate(
    "january february march april may june july august september october november "
    "december".split())}  # fmt: skip
MONTHS |= {"jan": 1, "feb": 2, "mar": 3, "apr": 4, "jun": 6, "jul": 7, "aug": 8, "sept": 9,
           "sep": 9, "oct": 10, "nov": 11, "dec": 12, "febuary": 2, "marsh": 3, "mae": 5}  # fmt: skip
HESITATIONS = words("uh um er erm hmm mm mhm ah eh uhh umm em hm")
CORRECTIONS = (
    "no sorry", "no wait", "wait no", "sorry no", "oh no", "oh sorry", "oh wait", "no actually",
    "actually no", "no", "sorry", "wait", "actually", "i mean", "i meant", "make that", "scratch that",
    "correction", "strike that", "my bad", "my mistake", "oops", "excuse me", "pardon me", "pardon",
    "let me start over", "let me start again", "start over", "rather", "no i mean", "that's wrong",
    "wait a second", "hang on", "hold on", "let me see", "let me check", "let me look",
    "let me think", "one second", "one moment", "just a second", "just a moment", "just a sec",
    "one sec", "give me a second", "bear with me", "you know", "i think", "like", "okay", "ok",
    "yeah", "yes", "right", "so", "then", "and then", "and", "followed by", "next", "that's",
    "it's", "is", "was it", "let's see", "what is it", "what was it", "how does it go", "got that",
    "you got that", "are you ready", "ready", "well", "hold on a second", "hold on a sec", "i believe",
    "wait let me see", "hang on a second", "hang on a sec", "if i remember", "space",
    "dash", "hyphen", "slash", "minus", "period", "dot", "comma", "stroke", "the",
    "in the middle", "at the end", "all together", "capital", "uppercase", "upper case",
    "lowercase", "lower case", "letter", "the letter", "the letters", "the number", "number",
    "the numbers", "extension", "ext", "area code", "with area code", "again", "got it", "moment", "sec", "one more time", "i repeat", "repeat",
)  # fmt: skip
BRIDGES = {tuple(phrase.split()) for phrase in CORRECTIONS}
LONGEST_BRIDGE = max(len(phrase) for phrase in BRIDGES)
SPELLING_WORDS = words(
    "alpha alfa bravo charlie delta echo foxtrot golf hotel india juliet juliett kilo lima mike "
    "november oscar papa quebec romeo sierra tango uniform victor whiskey whisky xray yankee zulu"
)
STREETS = words(
    "street avenue road lane drive court boulevard way place circle terrace square close crescent "
    "parkway highway trail alley plaza mews gardens row pike turnpike loop run path expressway "
    "freeway route crossing ridge hollow point cove bend landing heights grove manor estates "
    "commons causeway bypass rd ave av blvd ln dr ct pkwy hwy pl cir ter sq trl walk green hill "
    "quay wharf broadway strasse rue calle"
)
PLAIN_STREETS = words(
    "street avenue road lane boulevard parkway highway terrace crescent turnpike expressway freeway "
    "rd ave blvd ln pkwy hwy drive court circle plaza trail mews"
)
UNITS_OF_HOME = words("apartment apt unit suite flat lot room trailer floor building ste box")
MEASURES = words(
    "mg milligram milligrams mcg microgram micrograms gram grams kilo kilos kilogram kilograms kg "
    "pound pounds lbs ounce ounces ml milliliter milliliters millilitres liter liters litres cc "
    "percent degrees degree celsius fahrenheit day days week weeks weekly month months year years "
    "hour hours minute minutes seconds time times am pm o'clock inches inch feet foot miles mile "
    "units unit dollars dollar bucks cents tablets tablet pills pill puffs puff beers drinks drink "
    "cigarettes cigarette pack packs beats points kids children people blocks block siblings "
    "stairs steps flights flight doses dose drops drop spoons teaspoons tablespoons cups cup glasses "
    "sets reps episodes weeks' days' sips bags capsules capsule injections shots visits sessions "
    "appointments calls texts messages brothers sisters sons daughters kilometers meters metres "
    "calories carbs systolic diastolic oh-two bpm stitches staples teeth fingers toes hundred "
    "thousand million copay grand quarters pounds' something ish odd plus bottles bottle refills "
    "refill patches boxes nights night mornings evenings rounds cycles weeks pints ton tons wks yrs "
    "hrs mins centimeters centimeter cm millimeters mm milliequivalents meq liters or"
)
RELATIONS = words(
    "husband wife son daughter brother sister mother father mom dad mum mama papa uncle aunt auntie "
    "cousin partner boyfriend girlfriend fiance fiancee neighbor neighbour friend grandson "
    "granddaughter grandmother grandfather grandma grandpa granny nephew niece roommate boss "
    "coworker colleague spouse caregiver carer stepson stepdaughter stepmom stepdad stepfather "
    "stepmother baby toddler kid child twin girl boy guardian ex sibling manager supervisor "
    "babysitter nanny landlord flatmate housemate godson goddaughter bestie hubby nana nan gran papa abuela abuelo missus auntie godmother godfather supervisor pastor son's wife's husband's "
    "daughter's brother's sister's mother's father's mom's dad's"
)
TITLES = words(
    "mr mrs ms miss mister missus missis dr doctor doc nurse professor prof sir madam reverend "
    "pastor father rabbi sergeant captain officer counselor therapist dentist surgeon midwife "
    "cardiologist oncologist dermatologist pediatrician neurologist attorney judge"
)
SURE_TITLES = words("mr mrs ms mister missus missis dr doctor professor prof reverend sergeant")
EMAIL_HOSTS = words(
    "gmail yahoo hotmail outlook icloud aol comcast protonmail proton verizon msn live ymail att "
    "fastmail zoho gmx earthlink cox charter sbcglobal bellsouth googlemail mail btinternet me mac "
    "rocketmail optonline juno hushmail tutanota yandex"
)
TLDS = words(
    "com net org edu gov uk co io us ca info biz dev ai health me app tv mil au de fr in eu online "
    "site store blog care clinic tech calm comm"
)
LETTER_SOUNDS = {
    "be": "b", "bee": "b", "see": "c", "sea": "c", "cee": "c", "dee": "d", "gee": "g", "jay": "j", "kay": "k",
    "ell": "l", "el": "l", "em": "m", "en": "n", "oh": "o", "pea": "p", "pee": "p", "queue": "q", "cue": "q",
    "are": "r", "ar": "r", "ess": "s", "tea": "t", "tee": "t", "you": "u", "yew": "u", "ex": "x", "why": "y",
    "wye": "y", "zee": "z", "zed": "z", "eye": "i", "aye": "i", "ay": "a", "eff": "f", "ef": "f", "vee": "v",
    "aitch": "h", "haitch": "h",
}  # fmt: skip
MEDICAL_LETTERS = {
    tuple(spelled.split())
    for spelled in (
        "s s n", "m r n", "n p i", "d o b", "l d l", "h d l", "c v s", "w w w", "m r i", "c t",
        "e k g", "e c g", "u t i", "c o p d", "a d h d", "a d d", "p t s d", "h i v", "i v f", "i b s",
        "e n t", "e r", "i c u", "c p r", "g p", "n h s", "t v", "o c d", "s t d", "s t i", "h p v",
        "t b", "i d", "p m", "a m", "a c e", "a f i b", "b m i", "b p", "c b d", "c b t", "c b c",
        "c h f", "c p a p", "d e a", "d m v", "d v t", "e m t", "e d", "f d a", "g i", "h m o", "p p o",
        "e o b", "i u d", "i v", "i q", "l p n", "n i c u", "o b g y n", "o b", "o t c", "p a", "p c p",
        "p c r", "p e t", "p s a", "p t", "r n", "r s v", "t s h", "t m j", "u s", "u s a", "u p s",
        "v a", "a t m", "p i n", "u r l", "p o", "f y i", "a s a p", "d n r", "h r t", "c d c", "e p a",
        "b p m", "a l t", "a s t", "w b c", "r b c", "t i a", "g e r d", "r a", "m s", "a l s", "l a",
        "n y", "d c", "n y c", "a c l", "m c l", "k n", "p r n", "b i d", "t i d", "o k", "i p", "v i n",
        "u s p s", "f s a", "h s a", "i r s", "p d f", "g p s", "t m i", "d i y", "n s a i d", "s p f",
        "h r", "i t", "c e o", "r s v p", "a a", "f m l a", "a d a", "s s d i", "s s i", "e m g", "e e g",
        "b c", "x y z", "a b c", "a b c d", "b b c", "u v", "a c", "x x", "p p i", "s s r i",
        "v p n", "f b i", "c c", "m g", "m l", "k g", "d r", "m r", "j r", "s r", "p h d", "m d",
    )
}  # fmt: skip
STOP = words(
    "a an the and or but if then so to of in on at for from by with without is are was were be "
    "been being am i you he she it we they me him her us them my your his its our their this that "
    "these those there here what which who whom whose when where why how not no nor yes yeah yep "
    "yup nope ok okay please thanks thank hi hiya hello hey bye goodbye good morning afternoon "
    "evening night sure right well just like really very can could would should may might must "
    "will shall do does did done have has had having go going gone get got getting now today "
    "tomorrow yesterday tonight about as up down out over under again also too more most some any "
    "all both each few other such only own same than because while before after during until "
    "since through into onto off near calling call called speaking speak fine great sorry "
    "actually know think mean want need feel feeling feels pain i'm you're he's she's it's we're "
    "they're i've you've we've they've i'd you'd he'd she'd we'd they'd i'll you'll he'll she'll "
    "we'll they'll isn't aren't wasn't weren't don't doesn't didn't haven't hasn't hadn't can't "
    "couldn't won't wouldn't shouldn't that's there's here's what's who's where's how's let's "
    "name name's names gonna wanna gotta kinda cause 'cause yourself myself himself herself "
    "themselves itself ourselves let say says said wants tell told ask asked see saw seen come "
    "came comes take takes took taken give gave given make makes made put try trying tried use "
    "used using help work works working back still even though maybe always never ever much many "
    "lot lots little bit kind sort thing things something anything nothing everything someone "
    "anyone everyone somebody anybody nobody everybody last first next new old long time day days "
    "week weeks month months year years hour hours minute minutes one two three four five six "
    "seven eight nine ten number numbers phone email address birth date male female man woman men "
    "women boy girl person people patient patients doctor doctors nurse hang huh rather guess "
    "hold listen look gotcha pardon repeat cheers ta lovely brilliant perfect exactly true false "
    "wrong absolutely definitely probably obviously literally basically honestly question moment "
    "sec second bear excuse wait mhm nah yea ya hmm mmm ma'am wow oops ouch gosh goodness jeez heck "
    "damn crap shit hospital clinic appointment medication medicine insurance pharmacy "
    "prescription social security zip code street city state country married single divorced "
    "widowed retired allergic pregnant diabetic looking wondering worried afraid scared tired "
    "sick dizzy nauseous ready currently supposed due home full middle maiden correct spelled "
    "spelling spell hungry sad happy glad mad alright everyday able unable available interested "
    "concerned confused "
)
NOT_A_NAME = words(
    "monday tuesday wednesday thursday friday saturday sunday christmas easter thanksgiving "
    "halloween ramadan diwali hanukkah english spanish french german chinese japanese korean "
    "vietnamese american mexican indian african european asian canadian british irish italian "
    "russian polish portuguese arabic hindi mandarin cantonese catholic muslim jewish "
    "hindu buddhist medicare medicaid aetna cigna kaiser humana anthem walgreens costco walmart "
    "kroger safeway publix target amazon google apple facebook zoom uber lyft fedex visa mastercard "
    "amex discover venmo paypal zelle covid tylenol advil aleve motrin ibuprofen xanax prozac zoloft "
    "lexapro lipitor ozempic wegovy humira blue cross shield optum united healthcare tricare "
    "calpol nurofen gaviscon rennie imodium piriton benadryl zyrtec claritin clarityn allegra flonase mucinex sudafed lemsip "
    "strepsils bonjela savlon germolene sudocrem voltaren voltarol deep ventolin symbicort seretide advair spiriva singulair "
    "microgynon yasmin cerazette mirena nexplanon viagra cialis levitra eliquis xarelto pradaxa coumadin plavix crestor "
    "zocor norvasc diovan cozaar micardis lasix bumex synthroid eltroxin jardiance farxiga januvia trulicity mounjaro "
    "victoza lantus humalog novolog levemir basaglar tresiba ozempic zepbound saxenda percocet vicodin norco oxycontin "
    "tramadol ultram flexeril robaxin soma lyrica neurontin cymbalta effexor wellbutrin paxil celexa seroquel abilify "
    "risperdal zyprexa lamictal depakote keppra topamax dilantin tegretol ativan klonopin valium ambien lunesta adderall "
    "ritalin concerta vyvanse strattera nexium prilosec pepcid zantac protonix miralax colace dulcolax metamucil senokot "
    "movicol laxido fybogel buscopan mebeverine zofran phenergan bactrim augmentin keflex zithromax cipro flagyl macrobid "
    "diflucan valtrex tamiflu paxlovid medrol entocort enbrel remicade stelara cosentyx dupixent otezla plaquenil "
    "fosamax prolia boniva evista premarin estrace depo botox epipen narcan suboxone chantix nicorette melatonin pedialyte "
    "dioralyte ensure vaseline neosporin lidocaine oramorph solpadeine cocodamol dihydrocodeine anadin feminax "
    "honda toyota ford chevy chevrolet nissan kia hyundai subaru mazda jeep tesla bmw audi lexus volvo volkswagen buick cadillac "
    "dodge chrysler acura infiniti mini fiat vauxhall renault peugeot skoda camry corolla civic prius starbucks mcdonalds "
    "tesco boots asda sainsbury sainsburys lidl aldi ikea netflix spotify whatsapp instagram tiktok youtube paypal alexa siri "
    "loo bravo delta echo god jesus internet wifi bluetooth iphone android mhm okey okie dokie dokey dokes"
)
# Clinical words that the name lists hold too.
ACRONYMS = words(
    "tia tias gerd gord cabg nsaid nsaids copd bph ptsd adhd ibs ibd ekg ecg eeg emg mri mra cbc "
    "bmp cmp tsh psa ldl hdl bmi egd ercp hida dexa acl mcl pcl lcl mcp cmc tmj lvef jvd perrla "
    "hpi hct inr abd uti utis std stds sti iud pcos gtn tens nhs gp gps icu itu picc peg cpap "
    "bipap osa afib svt dvt pe chf cad pvd ckd esrd aki mrsa cdiff hpv hiv rsv mmr tdap dtap bcg "
    "hcg bnp crp esr alt ast ggt fev pft abg vbg lft lfts ct xray rx otc prn bid tid qid qhs po "
    "iv im subq apgar elixir vicks tinel babinski finkelstein mcmurray mcburney brudzinski "
    "trendelenburg phalen's tinel's heberden dupuytren dupuytren's sjogren sjogren's raynaud "
    "raynaud's meniere meniere's hashimoto hashimoto's parkinson's alzheimer's alzheimers "
    "parkinsons crohn's crohns barrett's hodgkin's asperger's asperger aspergers tourette's "
    "tourette tourettes huntington's epley mohs holter doppler kegel kegels valsalva ortolani "
    "billroth yergason apley hallpike rinne colles "
)
EPONYMS = words(
    "gleason whipple bouchard nissen spurling homan homans lachman phalen kernig glasgow romberg hodgkin hallpike "
    "murphy murphy's hawkins neer thompson thomas graves grave's bell's bell down down's baker baker's barrett addison addison's cushing "
    "cushing's huntington foley weber wells bishop patrick patrick's faber ober ober's speed's drawer jones barlow hartmann roux pap "
    "wilson wilson's lewy gilbert gilbert's christmas marfan marfan's turner turner's klinefelter lyme gallup penrose bankart morton "
    "morton's osgood schlatter achilles parkinson alzheimer crohn kaposi burkitt fick hess romberg cruz lynch peyronie peyronie's "
    "carpenter goodpasture behcet kawasaki norwood fontan ross allen allen's simmonds simmonds' sever sever's kohler perthes still's"
)
CLINICAL_NOUNS = words(
    "sign signs test tests disease syndrome palsy cyst cysts esophagus oesophagus thyroiditis tendon tendonitis tendinitis fracture "
    "maneuver manoeuvre contracture score criteria catheter monitor phenomenon tear scale procedure repair lymphoma dementia disorder "
    "classification node nodes lines line position drain sarcoma tumor tumour ulcer hernia reflex operation exam smear stent bodies "
    "coma nodules neuroma factor positive negative impingement compression squeeze anemia colic brace boot stage screen"
)
