"""What the gate makes of chat templates as their models ship them: a folder of `*.jinja`, a line each.

    python benchmarks/chat_templates.py FOLDER

Each template gets a small tokenizer that knows the special tokens which the template writes. A row that is accepted is
rendered and compared with the serving prompt token for token; what is refused is printed with its reason.
"""

import argparse
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import tiny

from distill.chat_template import turn_of
from distill.errors import Refused
from students.render import IGNORED, render

ANSWER = "<think>\n3*7=21, and 12 more\n</think>\n\nIt is 33."
CHAT = [{"role": "system", "content": "Think first."}, {"role": "user", "content": "Make 33 from 3 7 12."}]
_SPECIAL = re.compile(
    r"<[|｜]?[\w▁: ]+[|｜]>|<[|｜][\w▁ ]+>|\[/?[A-Z_]+\]|</?s>|<SPECIAL_\d+>|<(?:\w+:)?[be]os>|<\w+_of_\w+>|\[e~\["
)
BOS = "<bos of the tokenizer>"
_ENDS = (
    "<|im_end|>",
    "<|eot_id|>",
    "<|end|>",
    "<end_of_turn>",
    "<｜end▁of▁sentence｜>",
    "<|END_OF_TURN_TOKEN|>",
    "</s>",
)


def verdict(template: str, name: str) -> str:
    """One line: how a row of this template ends and begins, or why it is refused."""
    special = list(dict.fromkeys([BOS, *_SPECIAL.findall(template), "</s>"]))
    tokenizer = tiny.tokenizer(template)
    tokenizer.add_special_tokens({"additional_special_tokens": special})
    tokenizer.bos_token, tokenizer.eos_token = BOS, next((end for end in _ENDS if end in special), "</s>")
    asked = CHAT
    try:
        turn = turn_of(tokenizer, name)
        try:
            row = render(tokenizer, turn, name, asked, ANSWER)
        except Refused as e:
            if "system" not in str(e):
                raise
            asked = CHAT[1:]
            row = render(tokenizer, turn, name, asked, ANSWER)
    except Refused as e:
        return f"refused: {e}"
    served = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_dict=True)["input_ids"]
    same = row.input_ids[: len(served)] == served and {*row.labels[: len(served)]} == {IGNORED}
    learned = tokenizer.decode(row.labels[len(served) :])
    whole = learned == ANSWER.removeprefix(turn.opening) + tokenizer.convert_ids_to_tokens(turn.end)
    said = [f"ends in {tokenizer.convert_ids_to_tokens(turn.end)}"]
    said += [f"begins with {turn.opening!r}"] if turn.opening else []
    said += ["takes no system message"] if len(asked) == 1 else []
    said += ["tells the day"] if turn.tells_date else []
    return f"{'right' if same and whole else 'WRONG'}: {', '.join(said)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    for file in sorted(parser.parse_args().folder.glob("*.jinja")):
        print(f"{file.stem}: {verdict(file.read_text(encoding='utf-8'), file.stem)}")


if __name__ == "__main__":
    main()
