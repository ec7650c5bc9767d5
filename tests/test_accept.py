"""Which correct answers count: form, length, language; what is rejected is counted, asked again and not taught."""

import json
import re
import time
from pathlib import Path
from typing import Any, get_args

import pytest
from stub_server import DONE, StubServer, opening, piece

from distill.console import summary
from distill.curate.stage import curate
from distill.dry_run import plan
from distill.errors import DistillError
from distill.problems import make_problems
from distill.recipe import Accept, Recipe
from distill.recipe_harvest import Language
from distill.records import Sampling, Trace
from distill.verify.form import flaw
from distill.verify.language import foreign
from teachers.harvest import harvest

ENGLISH = (
    "First we compute how many eggs are sold each day. The ducks lay sixteen eggs per day; she eats three for "
    "breakfast and bakes muffins with four others. So nine eggs are left, which she sells for two dollars each. "
)
GERMAN = (
    "Zuerst berechnen wir, wie viele Eier jeden Tag verkauft werden. Die Enten legen sechzehn Eier; sie isst drei zum "
    "Frühstück und backt mit vier weiteren Muffins. Also bleiben neun Eier, die sie für zwei Dollar verkauft. "
)
CHINESE = "首先，我们需要计算每天卖出的鸡蛋数量。她的鸭子每天下十六个鸡蛋，早餐吃掉三个，用四个烤松饼，所以剩下九个。"
FORMULAS = r"$\sum_{i=1}^{n} \alpha_i x_i$ \[\int_0^1 f(\xi)\,d\xi\] \frac{1}{2} 3 + 4 = 7 ```print('größer als')```"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (ENGLISH, "en"),
        (ENGLISH * 50, "en"),
        (ENGLISH + FORMULAS * 20, "en"),
        (ENGLISH + "The limit is τ, and α + β = γ. ", "en"),
        (GERMAN * 10, "de"),
        (CHINESE * 10, "zh"),
        (CHINESE * 5 + FORMULAS, "zh"),
        ("42", "en"),
        (FORMULAS, "zh"),
        ("", "en"),
        ("Total km", "en"),
    ],
)
def test_a_text_in_its_language(text: str, language: str) -> None:
    assert foreign(text, language) is None


@pytest.mark.parametrize(
    ("text", "language", "why"),
    [
        (CHINESE, "en", "mixes scripts"),
        (ENGLISH * 5 + CHINESE, "en", "mixes scripts"),
        (GERMAN * 10, "en", "not in 'en'"),
        (ENGLISH * 30 + GERMAN * 30, "en", "not in 'en'"),
        (ENGLISH * 10, "de", "not in 'de'"),
        (ENGLISH * 10, "zh", "mixes scripts"),
        (CHINESE * 10, "ja", "not in 'ja'"),
    ],
)
def test_a_text_in_another_language(text: str, language: str, why: str) -> None:
    assert foreign(text, language) == why


SYMBOLS = [
    ("en", "The total resistance of the circuit is 5 kΩ. It is 50 μm (or 50 µm) long, and Δx = 12 m."),
    ("en", "As sin²θ+cos²θ = 1, sinθ = 3/5, cosθ = 4/5, tanθ = 3/4 and sin2θ = 2sinθcosθ = 24/25."),
    ("en", "Here φ(n) and 2ⁿ and πr² and 2πr and AᵀA and 𝑥 + 𝑦 matter. Let n ∈ ℕ and x ∈ ℝⁿ."),
    ("en", "Answer: 東京"),
    ("en", "Her friends are Zoë, Łukasz and José."),
    ("en", "They went to Tokyo (東京), Osaka (大阪), Kyoto (京都) and Moscow （Москва）."),
    ("ja", "スーパーマーケットでコーヒーを三つ買いました。人々は時々間違える。"),
    ("ja", "答えは ｘ円、ﾃﾞｰﾀ です。"),
    ("zh", "最终答案：Alice"),
    ("zh", "因此 sin(x) + cos(x) 的最大值为 sqrt(2)"),
    ("zh", "３０ｋｍ／ｈ"),
    ("ko", "정답: Alice"),
    ("ko", "넓이(面積)"),
    ("ru", "Угол sinα = 1/2"),
    ("ru", "AB = BC и AM = MC"),
    ("el", "50 µm"),
    ("hi", "F = ma = 5 kg"),
    ("de", "3 kΩ"),
    ("fr", "La résistance vaut 3 kΩ."),
    ("tr", "Δt"),
    ("he", "Alice Smith"),
    ("ar", "Alice"),
]


@pytest.mark.parametrize(("language", "text"), SYMBOLS)
def test_symbols_units_and_names_are_in_every_language(language: str, text: str) -> None:
    assert foreign(text, language) is None


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", ENGLISH * 500 + "这种情况下我们不能继续" + ENGLISH),
        ("en", "So the answer is 5. 让我再检查一遍。 Yes, it is 5."),
        ("en", "Let me think. Посмотрим ещё раз на уравнение. So x = 5."),
        ("en", "Το αποτέλεσμα είναι πέντε. So yes"),
        ("en", ENGLISH + "That would be traffic证据 for us."),
        ("en", ENGLISH + "The sealed조건neurs are closed."),
        ("zh", "所以答案是五。" + ENGLISH * 2),
        ("ru", "Ответ пять. " + ENGLISH * 2),
    ],
)
def test_a_word_or_a_sentence_in_mid_thought_is_mixing(language: str, text: str) -> None:
    assert foreign(text, language) == "mixes scripts"


SENTENCES = {
    "ar": "أولا نحسب عدد البيض الذي يباع كل يوم، ثم نطرح ما أكلته في الفطور، وبذلك يبقى تسع بيضات للبيع في السوق.",
    "cs": "Nejprve spočítáme, kolik vajec se každý den prodá, a potom odečteme ta, která snědla ke snídani.",
    "de": GERMAN,
    "el": "Πρώτα υπολογίζουμε πόσα αυγά πωλούνται κάθε μέρα και μετά αφαιρούμε όσα έφαγε το πρωί.",
    "en": ENGLISH,
    "es": "Primero calculamos cuántos huevos se venden cada día y después restamos los que comió en el desayuno.",
    "fa": "ابتدا حساب می‌کنیم که هر روز چند تخم مرغ فروخته می‌شود و سپس آنهایی را که در صبحانه خورده است کم می‌کنیم.",
    "fr": "D'abord nous calculons combien d'œufs sont vendus chaque jour, puis nous ôtons ceux qu'elle a mangés.",
    "he": "תחילה נחשב כמה ביצים נמכרות בכל יום, ואחר כך נחסיר את הביצים שהיא אכלה בארוחת הבוקר.",
    "hi": "पहले हम गणना करते हैं कि हर दिन कितने अंडे बेचे जाते हैं और फिर नाश्ते में खाए गए अंडे घटाते हैं।",
    "id": "Pertama kita menghitung berapa banyak telur yang dijual setiap hari, lalu kita mengurangi yang dimakannya.",
    "it": "Prima calcoliamo quante uova vengono vendute ogni giorno, poi togliamo quelle che ha mangiato a colazione.",
    "ja": "まず、毎日いくつの卵が売られるかを計算します。そして、朝食に食べた分を引きます。",
    "ko": "먼저 매일 몇 개의 달걀이 팔리는지 계산한 다음, 아침 식사로 먹은 것을 뺍니다.",
    "nl": "Eerst berekenen we hoeveel eieren er elke dag worden verkocht en daarna trekken we af wat zij at.",
    "pl": "Najpierw obliczamy, ile jajek sprzedaje się każdego dnia, a potem odejmujemy te, które zjadła na śniadanie.",
    "pt": "Primeiro calculamos quantos ovos são vendidos por dia e depois subtraímos os que ela comeu de manhã.",
    "ro": "Mai întâi calculăm câte ouă se vând în fiecare zi, apoi scădem ouăle pe care le-a mâncat dimineața.",
    "ru": "Сначала мы вычислим, сколько яиц продаётся каждый день, а потом вычтем те, которые она съела утром.",
    "sv": "Först räknar vi ut hur många ägg som säljs varje dag, och sedan drar vi bort dem som hon åt till frukost.",
    "th": "ก่อนอื่นเราคำนวณว่ามีไข่กี่ฟองที่ขายได้ในแต่ละวัน แล้วจึงลบจำนวนที่เธอกินเป็นอาหารเช้า",
    "tr": "Önce her gün kaç yumurta satıldığını hesaplıyoruz, sonra kahvaltıda yediği yumurtaları çıkarıyoruz.",
    "uk": "Спочатку ми обчислимо, скільки яєць продається щодня, а потім віднімемо ті, які вона з'їла вранці.",
    "vi": "Trước tiên chúng ta tính xem mỗi ngày bán được bao nhiêu quả trứng, rồi trừ đi số trứng cô ấy đã ăn.",
    "zh": CHINESE,
}


@pytest.mark.parametrize("language", get_args(Language))
def test_every_language_is_told_from_every_other(language: str) -> None:
    assert foreign(SENTENCES[language] * 10, language) is None
    assert [other for other in SENTENCES if foreign(SENTENCES[other] * 10, language) is None] == [language]


OPENINGS = [
    r"\[", r"\(", r"\[ a ", r"\( a ", r"\\[", r"\[ \( ", r"\]", "$", "$a", "$ a\n", "$$", "$$ a ", "```", "``` a ", "`",
    "\\", r"\a", "(", "(a", "_", "1", "a", "é", "東", "α", "aα", "'", "\u0301\u0316", "अ",
]  # fmt: skip


@pytest.mark.parametrize("opening", OPENINGS)
def test_what_is_never_closed_takes_no_longer_than_a_text(opening: str) -> None:
    """A megabyte each; what is quadratic takes hundreds of times as long as a text."""

    def seconds(text: str) -> float:
        begin = time.process_time()
        foreign(text, "en")
        return time.process_time() - begin

    foreign(ENGLISH, "en")
    assert seconds(opening * (10**6 // len(opening))) < 20 * seconds(ENGLISH * (10**6 // len(ENGLISH)))


def test_a_formula_with_spaced_lines_is_one() -> None:
    formula = r"\[ \text{所以答案是五} \\[2pt] x \]"
    assert foreign(ENGLISH + formula + ENGLISH, "en") is None


def test_real_texts_are_in_english(data: Path) -> None:
    """All that holds other letters was judged by eye.

    500 R1 traces: 30 slip into other scripts (`traffic证据`, whole sentences in Chinese), six hold symbols (`sinθ`).
    7,473 GSM8K solutions: one is taken for another language, which is of month names only.
    """
    lines = (data / "r1_distill_traces_500.jsonl").read_text().splitlines()
    found = {number: why for number, line in enumerate(lines) if (why := foreign(json.loads(line)["response"], "en"))}
    assert set(found.values()) == {"mixes scripts"}
    assert sorted(found) == [
        3, 4, 5, 6, 7, 21, 27, 29, 31, 32, 36, 37, 39, 40, 42, 43, 45, 48, 55, 61, 69, 73, 75, 80, 82, 85, 121, 161,
        185, 237,
    ]  # fmt: skip
    lines = (data / "gsm8k_train.jsonl").read_text().splitlines()
    assert sum(foreign(json.loads(line)["answer"], "en") is not None for line in lines) == 1


def made(reasoning: str = "", response: str = "It is 9.", tokens: int = 100) -> Trace:
    return Trace(
        id="p/0", problem_id="p", request="r", reasoning=reasoning, response=response, finish_reason="stop",
        prompt_tokens=1, completion_tokens=tokens, model="m", sampling=Sampling(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("trace", "accept", "why"),
    [
        (made(), {}, None),
        (made("Hm.</think>\n<think>Again."), {}, "more than one block of thinking"),
        (made(response="So <think> it is 9."), {}, "more than one block of thinking"),
        (made(), {"reasoning": True}, "no thinking"),
        (made("Hm."), {"reasoning": True}, None),
        (made(tokens=101), {"max_tokens": 100}, "too long"),
        (made(tokens=100), {"max_tokens": 100, "min_tokens": 100}, None),
        (made(tokens=99), {"min_tokens": 100}, "too short"),
        (made(CHINESE), {"language": "en"}, "mixes scripts"),
        (made(ENGLISH, CHINESE), {"language": "en"}, "mixes scripts"),
        (made(ENGLISH), {"language": "en"}, None),
    ],
)
def test_what_speaks_against_a_correct_answer(trace: Trace, accept: dict[str, Any], why: str | None) -> None:
    assert flaw(trace, Accept.model_validate(accept)) == why


def sums(tmp_path: Path, url: str, **sections: Any) -> Recipe:
    rows = [{"question": f"What is {i} plus {i + 1}?", "answer": str(2 * i + 1)} for i in range(60)]
    (tmp_path / "sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    tree = {
        "name": "sums",
        "problems": {"source": "file", "path": str(tmp_path / "sums.jsonl"), "held_out": 10},
        "teacher": {"kind": "endpoint", "model": "r1", "base_urls": [url]},
        "student": {"model": "any/model"},
        **sections,
    }
    return Recipe.model_validate(tree)


def thinking(body: dict[str, Any], _: int) -> list[Any]:
    """Always right; one in three thinks in Chinese, one in three is long."""
    a, b = re.findall(r"\d+", body["messages"][0]["content"])
    kind = body["seed"] % 3
    text = f"<think>\n{CHINESE if kind == 1 else ENGLISH}\n</think>\n\n\\boxed{{{int(a) + int(b)}}}"
    usage = f'data: {{"choices":[],"usage":{{"prompt_tokens":10,"completion_tokens":{900 if kind == 2 else 100}}}}}\n\n'
    return [opening(), piece("stop", content=text), usage.encode(), DONE]


def test_a_harvest_asks_again_for_what_it_does_not_accept(tmp_path: Path) -> None:
    with StubServer(thinking) as server:
        accept = {"language": "en", "max_tokens": 800, "reasoning": True}
        recipe = sums(
            tmp_path,
            server.url,
            harvest={"samples_per_problem": 12, "accepted_per_problem": 1, "accept": accept},
        )
        problems = make_problems(recipe.problems, recipe.seed)
        counts = harvest(recipe, problems, tmp_path / "traces", lambda *_: None)
        again = harvest(recipe, problems, tmp_path / "traces", lambda *_: None)
    assert counts["correct"] == counts["samples"] == len(server.bodies)
    assert counts["accepted"] == counts["problems_solved"] >= 49
    reasons = counts["reasons"]
    assert reasons["not accepted: mixes scripts"] + reasons["not accepted: too long"] + counts["accepted"] == len(
        server.bodies
    )
    assert again == counts
    chosen = curate(recipe, problems, tmp_path / "traces", tmp_path / "curated")
    assert chosen["rows"] == counts["accepted"]
    assert [step["name"] for step in chosen["funnel"]][3] == "accepted by harvest.accept"


@pytest.mark.parametrize("covered", [1, 20, 50])
def test_it_stops_once_enough_problems_are_covered(tmp_path: Path, covered: int) -> None:
    with StubServer(thinking) as server:
        spec = {"samples_per_problem": 8, "accepted_per_problem": 1, "covered_problems": covered}
        recipe = sums(tmp_path, server.url, harvest=spec)
        recipe = recipe.model_copy(update={"teacher": recipe.teacher.model_copy(update={"concurrency": 4})})
        counts = harvest(recipe, make_problems(recipe.problems, 0), tmp_path / "traces", lambda *_: None)
    assert covered <= counts["problems_solved"] <= covered + 3
    assert len(server.bodies) <= covered + 6, "every answer is accepted here"


@pytest.mark.parametrize("concurrency", [1, 64])
def test_money_is_never_overspent(tmp_path: Path, concurrency: int) -> None:
    price = {"prompt": 1.0, "completion": 10.0}
    with StubServer(thinking) as server:
        recipe = sums(
            tmp_path,
            server.url,
            teacher={"kind": "endpoint", "model": "r1", "base_urls": [server.url], "price": price}
            | {"concurrency": concurrency},
            harvest={"samples_per_problem": 20, "max_tokens": 1000, "max_cost": 0.5},
        )  # fmt: skip
        counts = harvest(recipe, make_problems(recipe.problems, 0), tmp_path / "traces", lambda *_: None)
    spent = (counts["prompt_tokens"] * 1.0 + counts["completion_tokens"] * 10.0) / 1e6
    assert counts["cost"] == pytest.approx(spent)
    assert 0.47 < spent <= 0.5


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"harvest": {"max_cost": 5}}, "max_cost needs teacher.price"),
        ({"harvest": {"covered_problems": 5}}, "covered_problems needs accepted_per_problem"),
        ({"harvest": {"accept": {"min_tokens": 5, "max_tokens": 4}}}, "min_tokens=5 is more than max_tokens=4"),
        ({"harvest": {"accept": {"language": "klingon"}}}, "Input should be 'ar'"),
        (
            {
                "harvest": {"max_cost": 0.01, "max_tokens": 10000},
                "teacher": {
                    "kind": "endpoint", "model": "m", "base_urls": ["http://h/v1"],
                    "price": {"prompt": 0, "completion": 2},
                },
            },
            "max_cost=0.01 does not pay for one answer of harvest.max_tokens=10000, which can cost 0.02",
        ),
        (
            {
                "teacher": {
                    "kind": "endpoint", "model": "m", "base_urls": ["http://h/v1"],
                    "price": {"prompt": 0, "completion": 0},
                },
            },
            "both 0",
        ),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(tmp_path: Path, sections: dict[str, Any], said: str) -> None:
    with pytest.raises((ValueError, DistillError), match=re.escape(said)):
        sums(tmp_path, "http://h/v1", **sections)


def test_the_plan_tells_the_most_that_it_can_cost(tmp_path: Path, tiny_model: Path) -> None:
    """50 questions of about 20 characters with room for 100 tokens of template, 4 answers of 100 tokens each."""
    fitting = {"student": {"model": str(tiny_model)}, "train": {"max_length": 256}, "evaluate": {"max_tokens": 64}}
    url = "http://127.0.0.1:9/v1"
    teacher = {"kind": "endpoint", "model": "r1", "base_urls": [url], "price": {"prompt": 1, "completion": 100}}
    harvest = {"samples_per_problem": 4, "max_tokens": 100}
    said = plan(sums(tmp_path, url, harvest=harvest, teacher=teacher, **fitting))
    assert "harvest    200 samples from endpoint, at most 20,000 tokens, price at most 2.02" in said
    said = plan(sums(tmp_path, url, harvest=harvest | {"max_cost": 1.5}, teacher=teacher, **fitting))
    assert "at most 200 samples from endpoint, at most 20,000 tokens, price at most 1.50" in said


def test_a_difficulty_band_is_told(tmp_path: Path) -> None:
    """Every answer is right here, so that four of eight settle that a problem lies above the band."""
    with StubServer(thinking) as server:
        spec = {"samples_per_problem": 8, "band": {"low": 1, "high": 3, "of": 8, "confidence": 1}}
        recipe = sums(tmp_path, server.url, harvest=spec)
        counts = harvest(recipe, make_problems(recipe.problems, 0), tmp_path / "traces", lambda *_: None)
    assert counts["samples"] == 4 * 50
    told = "difficulty band: 0 below, 0 inside, 50 above, 0 undecided (0.0 of them expected to be told wrongly)"
    assert told in summary("harvest", counts)
