"""Words that make another value of what stands beside them, or none: alternations for regular expressions, by effect.

Whatever reads prose (beside a box, where a line ends, around "the answer is", among options) builds its patterns from
these, so that a word that denies, doubts, bounds or scales does so everywhere.
"""

import re

NOT = r"not|never|neither|nor|cannot|can't|couldn't|isn't|aren't|wasn't|hardly|nicht|kein|keine|pas"
"""Denies what follows."""

NOT_ABROAD = r"\bno es|\bnão é|\bnon è|\bне|不是|并非|不等于|不为|ではなく|ではない"
"""The same in other languages, of which Chinese and Japanese have no space between words."""

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
    r"mehr als|weniger als|höchstens|mindestens|plus (?:de|que)|moins de|más de|menos de|более|менее|больше|меньше"
)

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
    thirds quarters fifths tenths hundredths thousandths millionths billionths bn tn mrd mio mln mil kilo mega giga
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
    return tuple(sorted(word for word in words if not any(other in word for other in words - {word})))
