"""Words that make another value of what stands beside them, or none: alternations for regular expressions, by effect.

Whatever reads prose (beside a box, where a line ends, around "the answer is", among options) builds its patterns from
these, so that a word that denies, doubts, bounds or scales does so everywhere.
"""

import re

NOT = r"not|never|neither|nor|cannot|can't|couldn't|isn't|aren't|wasn't|hardly|nicht|kein|keine|pas"
"""Denies what follows."""

BUT_RATHER = r"but(?: rather)?|sondern|mais(?: bien)?|sino|bensì|mas(?: sim)?|а|но|而是|而应(?:该|当)?(?:是|为)"
"""Stands between what is denied and what is put in its place."""

INSTEAD = r"instead of|rather than|different from|other than|except(?: for)?|unlike|contrary to|besides"
"""Names what is not meant."""

WRONG = r"wrong|incorrect|false|untrue|mistaken|erroneous|invalid"
"""Said of an answer."""

REJECTED = r"rejected|extraneous|discarded|excluded|invalid|inadmissible|spurious|ruled out"
"""Said of a value that an equation gave and that is no answer."""

MAYBE = r"maybe|perhaps|possibly"
MIGHT = r"might|may|could"

SUPPOSED = r"if|suppose|supposing|assume|assuming|unless|whether"
"""Begins what is not said to be so."""

LET = rf"{SUPPOSED}|let|consider|imagine"
"""Begins a sentence that gives a value to a letter."""

ASKED = (
    r"(?:the|this|our) (?:problem|question|task|exercise|goal) (?:asks?|wants?|requires?|is|says|states)"
    r"|(?:I|we|let's|let us)(?: now| still| first| then| just)? (?:need|want|have|are asked|am asked|are going|try) to"
    r" (?:find|compute|calculate|determine|evaluate|solve|show|prove|verify)"
)
"""Begins what is to be done, or what is asked."""

SUCH_THAT = r"such that|for which|satisfying"
EXAMPLE = r"hint|tip|e\.g\.|for (?:example|instance)|consider"

CLAIMED = (
    r"claims?|claimed|doubts?|doubt|denies|deny|tempting|tempted|popular|unsure|guess|arguments?|argues?|argued|sometimes"
    r"|somebody|someone|others|naive|naively|mistakenly|incorrectly"
)
"""Somebody else's answer, or nobody's."""

EXCLUDE = r"avoid|exclude|reject|rule out|discard"

BOUND = (
    r"at most|at least|over|under|above|below|beyond|up to|down to|between"
    r"|(?:greater|less|more|fewer|larger|smaller|higher|lower) than|exceeds?|exceeding"
)
"""What follows is a bound."""

BOUND_ELSEWHERE = (
    r"mehr als|weniger als|höchstens|mindestens|größer als|kleiner als"
    r"|plus (?:de|que)|moins (?:de|que)|au moins|au plus"
    r"|más (?:de|que)|menos (?:de|que|do que)|al menos|por lo menos|como (?:mucho|máximo|mínimo)|a lo sumo"
    r"|più di|meno di|almeno|al massimo|mais (?:de|que|do que)|pelo menos|no (?:máximo|mínimo)"
    r"|meer dan|minder dan|minstens|hoogstens|więcej niż|mniej niż|co najmniej|co najwyżej|en az|en fazla"
    r"|более|менее|больше|меньше|хотя бы|как минимум|как максимум|по крайней мере"
    r"|أكثر من|أقل من|على الأقل|على الأكثر"
)
"""The same in other languages, whose words have spaces between them."""

BOUND_UNSPACED = "[大小多少高低][于於]|超[过過]|不[到足]|至[少多]|最[多少]|少なくとも|多くとも|최소|최대|적어도"
BOUND_BEHIND = (
    r"以上|以下|以内|以內|未満|を超|を上回|を下回|より(?:大|小|多|少)|이상|이하|미만|초과|보다 ?[크큰작많적]"
    r"|o más|o menos|ou (?:plus|moins|mais|menos)\b|oder (?:mehr|weniger)|of (?:meer|minder)\b|o più|o meno\b"
    r"|или (?:больше|меньше|более|менее)|lub (?:więcej|mniej)|veya daha|أو (?:أكثر|أقل)"
)
"""What stands behind a number and makes a bound of it."""

NOT_ELSEWHERE = (
    r"no (?:es|son|puede ser)|non (?:è|sono|può essere)|n[ãa]o (?:é|são|pode ser)|niet|nie|není|inte|ikke"
    r"|не|ليست?|لا يساوي"
)
NOT_UNSPACED = "不(?:会|會|可能|应该?|應該?)?(?:是|为|為|等[于於])|[并並绝絕]非"
WRONG_BEHIND = (
    r"değil|yanlış|では(?:ない|ありません|無い)|じゃない"
    r"|(?:は|が)?(?:間違|誤り|不正解)|[이가은는]? ?(?:아니|아닙|틀[렸린])"
    r"|(?:这|這)?(?:也|都)?是?(?:不[对對]|不正[确確]|不成立|[错錯](?:的|了|误|誤))"
    r"|(?:ist|sind|war) (?:falsch|nicht (?:richtig|korrekt)|unrichtig)|est (?:fausse?|incorrecte?|erronée?)\b"
    r"|(?:es|está) (?:incorrect|fals|erróne|equivocad)[oa]\b|(?:é|está) (?:incorret|fals|errad)[oa]\b"
    r"|è (?:sbagliat|errat|fals)[oa]\b|is (?:onjuist|fout|verkeerd)\b|jest (?:błędn|nieprawidłow|fałszyw|zł)"
    r"|(?:— ?|- ?)?(?:это )?(?:неверн|неправильн|ошибочн)|خطأ|غير صحيح"
)
"""Said behind a value in other languages: that it is none."""

MAYBE_ELSEWHERE = (
    r"quiz[áa]s?|tal vez|peut-être|vielleicht|möglicherweise|forse|talvez|misschien|może|belki"
    r"|возможно|может быть|наверное|ربما"
)
MAYBE_UNSPACED = "也许|也許|或许|或許|可能|大概|说不定|たぶん|おそらく|아마도?"
MAYBE_BEHIND = "かもしれ|일지도|일 수도"

SUPPOSED_ELSEWHERE = (
    r"supong(?:amos|o)(?: que)?|supposons(?: que?)?|sea(?= [a-z]\b)|soit|angenommen|sei|wenn|falls|пусть"
    r"|предположим|допустим|если"
    r"|supponiamo(?: che)?|suponha(?:mos)?(?: que)?|seja|załóżmy|niech|stel|varsayalım"
)
SUPPOSED_UNSPACED = "假设|假設|假如|假定|如果|设|設|若|令"

TIMES = r"half|twice|thrice|double|triple"
SIGN = r"minus|negative"

DIRECTION = (
    r"ago|hence|below|behind|ahead|earlier|later|early|late|before|after|backwards?|back|downwards?|down|off|in debt"
)
"""Behind a quantity: to which side of something it is."""

FUNCTION = r"power|root|square|cube|logarithm|reciprocal|inverse|opposite|multiple|half|twice|double"
"""`the square of 5` is another number."""

SCALES = frozenset(
    """hundred thousand million billion trillion quadrillion dozen gross score lakh crore squared cubed factorial halves
    thirds quarters fifths sixths sevenths eighths ninths tenths twelfths hundredths thousandths millionths billionths
    tens doubled tripled quadrupled halved billionen billones trillionen trillones bn tn mrd mio mln mil kilo mega giga
    micro milli nano ppm permil mille bp bps basis base mod modulo millionen tausend""".split()
)
SCALE = "|".join(sorted(SCALES, key=len, reverse=True)) + "|per mille"
"""Stands behind a number and makes another of it."""

SCALES_OF_HAN = "万億亿兆百千十억만조천백半倍割‰"
"""Characters of Chinese, Japanese and Korean that do the same."""

SECOND_THOUGHT = r"wait|hold on|sorry|oops|hmm|actually|correction|on reflection|scratch that|make that|just kidding"
"""Begins what takes back an answer."""

RETRACTION = (
    r"edit(?:ed)?|updated?|erratum|whoops|apologies|nope|no(?=[,:;.!])|(?:on|upon) (?:second thoughts?|review|checking)"
    rf"|my (?:mistake|bad)|{SECOND_THOUGHT}"
)
"""Begins a sentence that puts another answer in place of the one before."""

WAIT_ABROAD = (
    r"moment(?: mal)?|halt|stopp?|warte(?:n sie)?|attend(?:s|ez)|espera|espere|aspetta|подожди(?:те)?|стоп|nein|non|нет"
    r"|等等|等一下|稍等|哦|待って(?:ください)?|いや|잠깐(?:만)?|아니"
)
"""Begins second thoughts in other languages: German, French, Spanish, Portuguese, Italian, Russian, Chinese, ..."""

MISTAKEN_ABROAD = (
    r"das (?:stimmt|passt) (?:so |aber |doch |leider )?nicht|das (?:ist|war) (?:leider |aber )?(?:falsch|ein fehler)"
    r"|ich habe mich (?:verrechnet|geirrt|vertan)|ich habe [^.!?\n]{0,40}(?:vergessen"
    r"|übersehen|verwechselt)|korrektur|berichtigung"
    r"|je me suis trompée?|c'est faux|ce n'est pas (?:juste"
    r"|correct|exact)|j'ai (?:oublié|fait une erreur)|rectification"
    r"|me equivoqu[ée]|me he equivocado|(?:eso )?est[áa] mal"
    r"|(?:eso )?no es correcto|olvidé|he olvidado|cometí un error|corrección"
    r"|(?:eu )?errei|me enganei|(?:isso )?está errado|esqueci|correção"
    r"|mi sono sbagliat[oa]|ho sbagliato|(?:questo )?è sbagliato|ho dimenticato|correzione"
    r"|я ошиб(?:ся|лась)|(?:это )?(?:неверно|неправильно)|я забыла?|исправление"
    r"|不对|(?:我)?(?:算|弄|搞|写)?错了|(?:上面|这)?(?:的)?(?:答案|结果)?有误|我?(?:忘了|忘记)|更正|(?:这)?不正确"
    r"|(?:計算)?間違え|間違いです|訂正|틀렸|정정|실수|잘못"
)
"""Says so of one's own answer."""

GIVES_UP = (
    r"I (?:do not|don't|can't|cannot|could not|couldn't) (?:know|determine|solve|find|say|tell|finish)"
    r"|(?:am )?(?:unable|not able) to (?:determine|solve|find|say|tell|finish)|have no answer"
    r"|give up|no idea|there is no (?:valid )?(?:solution|answer)|so no (?:solution|answer) exists|contradiction"
)
"""Says that there is no answer, or that none is known."""

CURRENCIES = (
    r"yen|yuan|rmb|rupees?|pesos?|rubles?|roubles?|won|francs?"
    r"|marks?|kron(?:or|er|a)|zloty|lira|rand|reais|pounds sterling"
    r"|jpy|cny|inr|gbp|chf|eur|euros?"
)
"""Other money than dollars."""

REVISION = r"but|however|actually|correction|sorry|wait|re-?checking|checking again|on reflection"
"""Begins what gives another answer."""


def roots(*alternations: str) -> tuple[str, ...]:
    """Strings of which one stands in whatever these alternations match, to be looked for before them."""
    words = {re.split(r"[(\[\\?]", word)[0].strip() for word in "|".join(alternations).split("|")}
    return tuple(sorted(word for word in words if not any(map(word.__contains__, words - {word}))))
