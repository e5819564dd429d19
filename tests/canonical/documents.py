"""Documents that are hard to write, and what Python's own json.dumps makes of them.

documents.py SEED COUNT prints a line for each: a JSON object with the `body` in hex and, for each form, what
json.dumps of the parsed body gives, in hex too: null where the body does not parse or cannot be encoded.
"""

import json
import random
import sys

FORMS = [
    (f"{order},{separators},{charset}", order == "sorted", (",", ":") if separators == "compact" else (", ", ": "), charset == "ascii")
    for order in ("kept", "sorted")
    for separators in ("compact", "spaced")
    for charset in ("ascii", "utf8")
]
BLANKS = ["", "", "", "", " ", "\n", "\t", "\r\n", "   "]
CHARACTERS = ["a", "b", "Z", "0", " ", "/", "\x7f", "\x80", "é", "ß", "文", "\u2028", "\ufeff", "\ufb33", "\uffff", "😀", "\U0010ffff"]
ESCAPES = [r"\"", r"\\", r"\/", r"\b", r"\f", r"\n", r"\r", r"\t", r"\u0000", r"\u001F", r"\u007f", r"\u00E9", r"\uFFFF", r"\uD83D\uDE00"]
SURROGATES = [r"\ud800", r"\uDFFF", r"\ud83d", r"\ude00", r"\uDBFF\uDBFF"]
NUMBERS = ["0", "-0", "-0.0", "0e0", "1e5", "1E+5", "1e15", "1e16", "1e17", "9999999999999998.0", "0.0001", "0.00001", "8.0",
           "1e400", "-1e400", "1e-400", "5e-324", "2.2250738585072014e-308", "1.7976931348623157e308", "1.7976931348623159e308",
           "9007199254740993.0", "0.1", "0.30000000000000004", "123456789.123456789123456789", "1e22", "1e23", "NaN", "Infinity"]


def string(dice, surrogates):
    parts = []
    for _ in range(dice.randrange(6)):
        kinds = [CHARACTERS, ESCAPES, CHARACTERS] + ([SURROGATES] if surrogates else [])
        parts.append(dice.choice(dice.choice(kinds)))
    if dice.random() < 0.1:
        parts.append(chr(dice.choice([dice.randrange(0x20, 0xD800), dice.randrange(0xE000, 0x110000)])).replace('"', "").replace("\\", ""))
    return '"' + "".join(parts) + '"'


def number(dice):
    kind = dice.randrange(8)
    sign = dice.choice(["", "", "-"])
    if kind == 0:
        return dice.choice(NUMBERS)
    if kind == 1:
        return sign + str(dice.randrange(10 ** dice.randrange(1, 40)))
    if kind == 2:
        return sign + str(dice.randrange(1, 10)) + "".join(dice.choices("0123456789", k=dice.randrange(400)))
    if kind == 3:
        return repr(dice.uniform(-1, 1) * 10.0 ** dice.randrange(-20, 20))
    if kind == 4:
        return f"{sign}{dice.randrange(1000)}.{dice.randrange(10**6):06d}{dice.choice(['', 'e', 'E'])}".rstrip("eE") + dice.choice(["", "e3", "E-07", "e+12"])
    if kind == 5:
        return f"{sign}{dice.randrange(1, 10**17)}e{dice.randrange(-345, 330)}"
    if kind == 6:
        # exact halves and quarters: often two shortest spellings are equally near
        return sign + repr(dice.randrange(2**53)) + dice.choice([".5", ".25", ".125", ".75"])
    return f"{sign}0.{'0' * dice.randrange(20)}{dice.randrange(1, 10**18)}"


def blank(dice):
    return dice.choice(BLANKS)


def value(dice, depth, surrogates):
    kind = dice.randrange(10) if depth else dice.randrange(6)
    if kind < 2:
        return string(dice, surrogates)
    if kind < 5:
        return number(dice)
    if kind < 6:
        return dice.choice(["true", "false", "null"])
    if kind < 8:
        items = (blank(dice) + value(dice, depth - 1, surrogates) + blank(dice) for _ in range(dice.randrange(5)))
        return "[" + (",".join(items) or blank(dice)) + "]"
    return document(dice, depth, surrogates)


def document(dice, depth, surrogates):
    members = []
    for _ in range(dice.randrange(6)):
        # few keys, so that some are twice there, in other spellings too
        key = dice.choice(['"a"', r'"\u0061"', '"b"', '""', '"id"', string(dice, surrogates), string(dice, surrogates)])
        inner = value(dice, depth - 1, surrogates)
        members.append(blank(dice) + key + blank(dice) + ":" + blank(dice) + inner + blank(dice))
    return "{" + (",".join(members) or blank(dice)) + "}"


def spoilt(dice, text):
    at = dice.randrange(len(text))
    return text[:at] + dice.choice(["", "", ",", "}", '"', "\\", "0", "\x01", "e"]) + text[at + 1 :]


def written(text, sort_keys, separators, ensure_ascii):
    try:
        dumped = json.dumps(json.loads(text), sort_keys=sort_keys, separators=separators, ensure_ascii=ensure_ascii)
        return dumped.encode("utf-8").hex()
    except (ValueError, RecursionError):
        return None


def main():
    seed, count = int(sys.argv[1]), int(sys.argv[2])
    dice = random.Random(seed)
    for _ in range(count):
        text = blank(dice) + document(dice, dice.randrange(1, 5), dice.random() < 0.2) + blank(dice)
        if dice.random() < 0.1:
            text = spoilt(dice, text)
        forms = {name: written(text, *form) for name, *form in FORMS}
        print(json.dumps({"body": text.encode("utf-8").hex(), "forms": forms}))


main()
