"""Personal data in a text to typed placeholders. Pure; keeps nothing, and knows no names of people.

Placeholders: ‹email› ‹phone› ‹card› ‹passport› ‹tax› ‹ip› ‹token› ‹number› ‹name› (in a messenger)
‹date› (of birth) ‹address›. Kept: versions, standards, error codes, other dates, times, prices, and
order numbers of up to eight digits. Where a pattern could be either, the person comes first: nine
digits that nothing else explains are never kept.
"""

import re
from collections.abc import Callable
from ipaddress import AddressValueError, IPv6Address
from itertools import pairwise
from re import Match

KINDS = (
    "email", "phone", "card", "passport", "tax", "ip", "token", "number", "name", "date", "address",
)  # fmt: skip
PLACEHOLDER = re.compile(f"‹(?:{'|'.join(KINDS)}|forgotten)›")

_ROUNDS = 8
_CONTEXT = 28  # characters before a find that may say what it is

_INVISIBLE = re.compile("[\0\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")


def redact(text: str) -> str:
    """The text without personal data; redacting twice changes nothing, and any text will do."""
    text = _INVISIBLE.sub("", text)
    for _ in range(_ROUNDS):  # a placeholder may bare what stood beside it; two rounds are usual
        before = text
        for pattern, replacement in _STEPS:
            text = pattern.sub(replacement, text)
        if text == before:
            break
    return text


def _pattern(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join(parts), re.IGNORECASE)


def _context(found: Match[str]) -> str:
    return found.string[max(0, found.start() - _CONTEXT) : found.start()]


# --- e-mail addresses ---------------------------------------------------------------------------

# Bounded repeats everywhere: what does not match must fail fast at each place.
_LOCAL = r"[\w.+%~&*#!$-]{1,64}"
_LATIN = r"(?<![\w.+-])[a-z0-9][a-z0-9._+-]{1,64}"
_DOT = r"(?:\s{0,2}[(\[]?\s?(?:\.|dot|точка)\s?[)\]]?\s{0,2})"
_EMAIL = _pattern(
    rf"{_LOCAL}@[\w.-]{{0,255}}",  # half-typed is enough: ivan.petrov@gm
    rf"{_LOCAL}\s{{0,2}}@\s{{0,2}}[\w-]{{1,63}}\.[\w.-]{{0,190}}",  # ivan @ mail.ru
    rf"{_LOCAL}\s{{0,2}}[(\[{{<]\s?(?:at|эт|собак[аи]|собачка|@)\s?[)\]}}>]\s{{0,2}}"
    rf"[\w-]{{1,63}}(?:{_DOT}[\w-]{{1,63}}){{0,4}}",  # ivan (at) mail (dot) ru
    rf"{_LATIN}\s{{1,2}}(?:собака|собачка)\s{{1,2}}[\w-]{{1,63}}(?:{_DOT}[\w-]{{1,63}}){{0,4}}",
    rf"{_LOCAL}\s{{1,2}}(?:собака|собачка|at|эт)\s{{1,2}}[\w-]{{1,63}}"
    r"\s{1,2}(?:dot|точка)\s{1,2}[\w-]{1,63}",
)

# --- secrets ------------------------------------------------------------------------------------

_TOKEN = re.compile(
    r"(?<!\w)(?:bot)?\d{8,10}:[A-Za-z0-9_-]{30,64}(?![\w-])"  # of a Telegram bot
    r"|eyJ[\w-]{4,}(?:\.[\w-]+){0,2}"  # JSON web tokens
    r"|(?<![A-Za-z0-9])(?:gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|AKIA|ASIA|AIza|ya29\.|npm_|hf_"
    r"|pypi-|dop_v1_|SG\.|whsec_|shpat_|[spr]k[-_](?:live|test|proj|ant|or)[-_])[\w.-]{6,}"
    r"|(?<![0-9A-Za-z])[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}(?![0-9A-Za-z])"
)
_SECRET = re.compile(
    r"((?:bearer|token|токен|api[-_ ]?key|secret|пароль|password|passwd|pwd|ключ)\s{0,2}[:=]\s{0,2}"
    r"|\bbearer\s{1,2})([^\s‹›]{6,})",
    re.IGNORECASE,
)
# As people tell them: «пароль qwerty123», «смс код 4829».
_PASSWORD = re.compile(
    r"((?<![^\W\d_])(?:парол[ьяюе]м?|password|passwd|passcode|pwd)\s{1,2}(?:-\s)?(?:это\s|is\s)?)"
    r"([^\s‹›,;]{4,40})",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"((?<![^\W\d_])(?:(?:смс|sms|пин|pin|otp|cvv2?|cvc2?)[\s-]{0,2}(?:код\w{0,2}|code)?"
    r"|(?:код\w{0,2}|code)\s(?:из|от|в|from|in)\s(?:смс|sms)"
    r"|код\w{0,2}\s(?:подтверждения|безопасности|доступа|авторизации)|verification\scode)"
    r"[\s:№=-]{1,3}(?:из\sсмс\s|is\s)?)(\d{3,8})(?![\w.])",
    re.IGNORECASE,
)
# What carries a number by its name: no password.
_PRODUCTS = re.compile(
    r"(?:office|windows|win|outlook|exchange|android|ios|macos|iphone|ipad|galaxy|sha|md|base|utf"
    r"|oauth|ipv|vpn|wi-?fi|wpa|tls|ssl|sql|php|http|log|mp|usb|rdp|keepass|битрикс|bitrix|1[сc])"
    r"[-_]?\d{0,4}\Z",
    re.IGNORECASE,
)
_WORDLIKE = re.compile(r"[A-Za-z0-9+/_=-]{16,}")
_LICENCE = re.compile(r"(?:[A-Z0-9]{4,6}-){3,7}[A-Z0-9]{4,6}\Z")
_HEX = re.compile(r"[0-9A-Fa-f]{16,}\Z")


def _secret(found: Match[str]) -> str:
    return found[1] + "‹token›" if any(map(str.isdigit, found[2])) else found[0]


def _password(found: Match[str]) -> str:
    """A word with a figure in it, unless products are called so; figures alone from four on."""
    word = found[2].rstrip('.!?)»"')
    figures = sum(map(str.isdigit, word))
    is_told = 0 < figures < len(word) if len(word) > figures else figures >= 4
    if not is_told or _PRODUCTS.match(word):
        return found[0]
    return found[1] + "‹token›" + found[2][len(word) :]


def _wordlike(found: Match[str]) -> str:
    text = found[0]
    return (
        "‹token›"
        if _is_key(text, found.string[max(0, found.start() - 2) : found.start()])
        else text
    )


def _is_key(text: str, before: str) -> bool:
    """Whether nobody would type this as words: hexadecimal, base64 or a licence key."""
    digits, upper, lower = (sum(map(f, text)) for f in (str.isdigit, str.isupper, str.islower))
    if not digits or not (upper or lower):
        return False
    if _LICENCE.match(text):
        return digits >= 3
    if text[:2].lower() == "0x" and len(text) <= 18:
        return False  # an address or a status code
    bare = text.rstrip("=").removeprefix("0x")
    if _HEX.match(bare):
        return True
    changes = sum(_class(a) != _class(b) for a, b in pairwise(bare) if (a + b).isalnum())
    # Random text changes its class at every second or third sign, words with a number seldom do.
    if upper and lower:
        return len(bare) >= 20 and changes * 25 >= len(bare) * 9
    return len(bare) >= 20 and digits >= 4 and changes * 5 >= len(bare)


def _class(char: str) -> str:
    return "0" if char.isdigit() else "A" if char.isupper() else "a"


# --- people: names in messengers, birthdays, addresses --------------------------------------------

# No names of people: what programmers and chats write with the same sign.
_SIGNED = (
    "username|user|name|mail|here|channel|everyone|media|import|property|override|param|return"
    "|deprecated|todo|component|angular|types|babel|example|admin|support|test"
)
_NAME = _pattern(
    r"(?:https?://)?(?:www\.|m\.)?(?:t\.me|telegram\.me|vk\.com|vk\.ru|wa\.me|m\.me|ok\.ru|instagram\.com"
    r"|facebook\.com|fb\.com)/[\w.+/-]{2,100}",
    rf"(?<![\w@./])@(?!(?:{_SIGNED})(?![\w]))[a-z][a-z0-9_]{{3,31}}(?![\w/.@])",
    r"(?<!\w)skype:[\w.:-]{3,60}|(?<!\w)live:[\w.-]{3,60}",
)
_MONTHS = (
    "янв|фев|мар|апр|ма[йя]|июн|июл|авг|сен|окт|ноя|дек"
    "|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
)
_DATE = (
    r"(?:\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}-\d{2}-\d{2}"
    rf"|\d{{1,2}}\s(?:{_MONTHS})[а-яa-z]{{0,6}}\s\d{{4}})"
)
_BORN = _pattern(
    rf"(?P<born>(?<![^\W\d_])(?:родил\w{{1,3}}|рожд\w{{0,6}}|birth\w{{0,4}}|born|dob|д\.\s?р\.?|г\.\s?р\.?)"
    rf"(?:\s(?:on|is|в|ребенка|ребёнка|date))?[\s:,-]{{1,3}}){_DATE}(?![\d.])",
    rf"(?<![\d.]){_DATE}(?=\s{{0,2}}(?:г\.?\s{{0,2}}р(?:ожд\w{{0,6}}|\.)|года?\sрожд))",
)
_HOUSE = r"\d{1,4}(?:\s?[а-яa-z](?![а-яa-z]))?(?:[/-]\d{1,4})?"
_ROOM = (
    r"(?:[\s,]{1,3}(?:к|корп\w{0,4}|стр\w{0,6}|кв\w{0,7}|офис|оф|подъезд|этаж|apt|unit|flat)"
    r"\.?\s{0,2}\d{1,5}){0,4}"
)
_ADDRESS = _pattern(
    r"(?<![^\W\d_])(?:ул|улиц[аеыу]|пр-?к?т|просп|проспект\w?|пер|переул\w{2,3}|бульвар\w?|б-р|наб|набережн\w{2}"
    r"|шоссе|проезд\w?|пл|площад[ьи])(?:\.\s{0,2}|\s)(?:[а-яё-]{2,25}\s){0,2}[а-яё-]{2,25}[\s,]{1,3}"
    rf"(?:д\.?\s{{0,2}}|дом\s|№\s?)?{_HOUSE}{_ROOM}",
    rf"(?<![\w.])\d{{1,5}}[a-z]?\s(?:[a-z]{{2,20}}\s){{1,3}}(?:street|avenue|road|lane|boulevard|blvd)(?!\w){_ROOM}",
)


def _born(found: Match[str]) -> str:
    return (found["born"] or "") + "‹date›"


# --- addresses of machines ----------------------------------------------------------------------

_QUAD = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?!\.?\d)")
_COLONS = re.compile(r"(?<![\w:])[0-9A-Fa-f:]{4,45}(?:%\w{1,16})?(?![\w:])")
_HARDWARE = re.compile(r"(?<![\w:-])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![\w:-])")
_VERSIONED = re.compile(
    r"(?<![^\W\d_])(?:v|ver|version|верси|сборк|build|release|релиз|обновлени|update|firmware|прошивк"
    r"|платформ|platform|driver|драйвер|patch|патч|rev|конфигураци|1[сc]|windows|macos|ios|android"
    r"|chrome|firefox|edge|node|python|java|php|office|agent|client|клиент|агент)",
    re.IGNORECASE,
)
_MACHINE = re.compile(
    r"(?<![^\W\d_])(?:ip|айпи|адрес|ип-?адрес|host|хост|ping|пинг|dns|шлюз|gateway|subnet|подсет|сервер"
    r"|server|vpn|proxy|прокси)",
    re.IGNORECASE,
)


def _quad(found: Match[str]) -> str:
    parts = [int(part) for part in found[0].split(".")]
    before = _context(found)
    if max(parts) > 255:
        return found[0]
    machine, versioned = _last(_MACHINE, before), _last(_VERSIONED, before)
    if machine < 0 and versioned < 0:
        return "‹ip›" if parts[0] >= 10 or max(parts) >= 64 else found[0]
    return "‹ip›" if machine > versioned else found[0]


def _last(pattern: re.Pattern[str], text: str) -> int:
    """Where the last match begins, or -1."""
    return max((match.start() for match in pattern.finditer(text)), default=-1)


def _colons(found: Match[str]) -> str:
    text = found[0].partition("%")[0]
    if text.count(":") < 2 or not ("::" in text or text.count(":") == 7):
        return found[0]
    try:
        IPv6Address(text)
    except (AddressValueError, ValueError):
        return found[0]
    return "‹ip›" if len(text) > 5 else found[0]


# --- numbers ------------------------------------------------------------------------------------

_SERIES = _pattern(
    r"(?:серия\s{0,2}:?\s{0,2})?\d{2}\s?\d{2}\s{0,2},?\s{0,2}(?:номер|№|n[o°]?\.?)\s{0,2}:?\s{0,2}\d{6}(?!\d)",
    r"(?<=passport)\W{1,4}(?:(?:no|number|n)\W{0,3})?[A-Z]{1,2}\s?\d{6,8}(?!\d)",
    r"(?<=паспорт)\W{1,4}(?:номер\W{0,3})?[A-ZА-Я]{1,2}\s?\d{6,8}(?!\d)",
)
_GAP = r"[\s().\-–—‑−_/]{1,3}"
_DAY, _MONTH = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])"
_MONEY = r"(?<![^\W\d_])(?:₽|руб|р\.|р\b|коп|\$|€|£|usd|eur|rub|тенге|₸|грн|тыс|млн)"
_NUMBERS = _pattern(
    # What may stay, tried first at each place …
    r"(?<![^\W\d_])(?:гост|ост|ту|снип|санпин|сп|iso|iec|din|ieee|rfc|гос[тт]р)(?:[\s/]{1,2}(?:р|исо|мэк|iso|iec|en)){0,3}"
    r"\s{0,2}\d{1,6}(?:[.:–-]\d{1,5}){0,4}(?!\d)",
    r"\d\dh\d(?!\d)",  # a version of Windows, and one of its builds
    r"(?<![\d.+])[1-9]\d{4}\.\d{1,5}(?![\d.])",
    r"0x[0-9a-f]{1,16}(?![0-9a-f])",
    r"(?<!\d)\d{4}-\d{2}-\d{2}(?:[t\s]\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?)?(?![\d-])",
    rf"(?<![\d.+]){_DAY}([./]){_MONTH}\1(?:19|20)\d\d(?![\d./]|-\d{{3}})",
    rf"(?<![\d.+]){_MONTH}/{_DAY}/(?:19|20)\d\d(?![\d./-])",
    r"(?<![\d:])\d{1,2}:\d{2}(?::\d{2})?(?![\d:])",
    rf"(?<![\d+])[1-9]\d{{0,2}}(?:[\s.,]\d{{3}}){{1,4}}(?:[.,]\d{{1,2}})?\s{{0,2}}{_MONEY}",
    rf"(?<![\d+]){_MONEY}\s{{0,2}}[1-9]\d{{0,2}}(?:[\s,]\d{{3}}){{1,4}}(?:[.,]\d{{1,2}})?(?!\d)",
    r"(?<![\d+)])(?<!\d-)(?:19|20)\d\d[-/]\d{1,6}(?![\d/-])",
    r"(?<![\d])-2147\d{6}(?!\d)",  # a Windows status code as a signed number
    # … then any digits with what people put between them.
    rf"(?P<digits>\+?\(?\d+(?:{_GAP}\d+)*)",
)
_PASSPORT_WORD = re.compile(r"паспорт|passport|серия", re.IGNORECASE)
_TAX_WORD = re.compile(
    r"(?<![^\W\d_])(?:инн|inn|снилс|snils|ssn|tin|огрн|огрнип|social security|tax id|налогоплат)",
    re.IGNORECASE,
)
_CARD_WORD = re.compile(
    r"(?<![^\W\d_])(?:карт|card|visa|виза|master|мастеркард|мир)", re.IGNORECASE
)
_PHONE_WORD = re.compile(
    r"(?<![^\W\d_])(?:тел|телефон|сотов|моб|phone|tel|call|звон|позвон|перезвон|whats|ватсап|вацап"
    r"|вотсап|viber|вайбер|telegram|телеграм|sms|смс|mobile|cell|fax|факс|контакт)",
    re.IGNORECASE,
)
_VERSION_DOTS = re.compile(r"\d{1,5}(?:\.\d{1,6}){2,6}\Z")
_DOTTED_PHONES = ("3 3 4", "3 3 2 2", "1 3 3 4", "1 3 3 2 2")
_LONGEST = 40  # groups of one find that are looked at for a card
_ABROAD = ("375", "380", "994", "995", "996", "992", "993", "998", "374", "373", "972", "971")


def _number(found: Match[str]) -> str:
    text = found["digits"]
    if text is None:
        return found[0]
    lead = ""
    if "(" in text and ")" not in text and text.startswith("("):
        lead, text = "(", text[1:]
    name = _digits(text, _context(found))
    return f"{lead}‹{name}›" if name else found[0]


def _digits(text: str, before: str) -> str:
    """What digits are, by their number, shape and the words before them; "" if they may stay."""
    digits = "".join(filter(str.isdigit, text))
    n = len(digits)
    if n < 5:
        return ""
    groups = re.findall(r"\d+", text)
    shape = " ".join(str(len(group)) for group in groups)
    plus = text.startswith("+")
    if n >= 6 and _PASSPORT_WORD.search(before):
        return "passport"
    if n >= 9 and _TAX_WORD.search(before):
        return "tax"
    if _PHONE_WORD.search(before) and n <= 15 and not _VERSION_DOTS.match(text):
        return "phone"
    if _VERSION_DOTS.match(text) and shape not in _DOTTED_PHONES:
        return ""
    if not plus and (_has_card(groups) or (13 <= n <= 19 and _CARD_WORD.search(before))):
        return "card"
    if shape == "3 3 3 2" or (shape == "3 2 4" and "-" in text):
        return "tax"
    if _is_phone(digits, shape, plus):
        return "phone"
    if shape in ("4 6", "2 2 6"):
        return "passport"
    if len(groups) == 1 and _is_taxpayer(digits):
        return "tax"
    return "number" if n >= 9 else ""


def _is_phone(digits: str, shape: str, plus: bool) -> bool:
    n = len(digits)
    if plus:
        return 7 <= n <= 15
    if n == 11 and digits[0] in "78" and digits[1] in "34589":
        return True
    if n == 10 and digits[0] == "9" and not shape.startswith("4 6"):
        return True
    if n == 12 and digits.startswith(_ABROAD):
        return True
    if n >= 11 and digits.startswith("00") and digits[2] != "0" and n <= 17:
        return True
    if shape == "3 2 2":
        return True
    if n in (10, 11) and digits[0] == "0" and " " in shape:
        return True
    return n in (10, 11) and shape in (*_DOTTED_PHONES, "4 2 2 2")


def _has_card(groups: list[str]) -> bool:
    """Some groups in a row make a card number, perhaps with its date and code behind it."""
    for start in range(min(len(groups), _LONGEST)):
        digits = ""
        for group in groups[start : start + 6]:
            digits += group
            if 13 <= len(digits) <= 19 and _luhn(digits):
                return True
    return False


def _luhn(digits: str) -> bool:
    total = 0
    for i, char in enumerate(reversed(digits)):
        value = int(char) * (1 + i % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0 and len(set(digits)) > 1


_INN10 = (2, 4, 10, 3, 5, 9, 4, 6, 8)
_INN11 = (7, *_INN10)
_INN12 = (3, *_INN11)


def _is_taxpayer(digits: str) -> bool:
    """ИНН of a firm or a person, or a СНИЛС, by their check digits."""
    d = [int(char) for char in digits]

    def check(weights: tuple[int, ...]) -> int:
        return sum(w * x for w, x in zip(weights, d, strict=False)) % 11 % 10

    if len(d) == 10:
        return check(_INN10) == d[9]
    if len(d) == 12:
        return check(_INN11) == d[10] and check(_INN12) == d[11]
    if len(d) == 11:
        return sum((9 - i) * x for i, x in enumerate(d[:9])) % 101 % 100 == d[9] * 10 + d[10]
    return False


_STEPS: tuple[tuple[re.Pattern[str], str | Callable[[Match[str]], str]], ...] = (
    (_TOKEN, "‹token›"),
    (_NAME, "‹name›"),
    (_EMAIL, "‹email›"),
    (_SECRET, _secret),
    (_PASSWORD, _password),
    (_CODE, r"\1‹token›"),
    (_BORN, _born),
    (_ADDRESS, "‹address›"),
    (_HARDWARE, "‹ip›"),
    (_WORDLIKE, _wordlike),
    (_COLONS, _colons),
    (_QUAD, _quad),
    (_SERIES, " ‹passport›"),
    (_NUMBERS, _number),
)
