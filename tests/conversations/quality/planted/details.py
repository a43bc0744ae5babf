"""Personal data that is nobody's: the check digits are right, the values are drawn."""

import random

MAIL_USERS = ("marta.k", "devon_1984", "p.nowak", "info", "the.baker", "j-m.dupont", "rashid+bank", "ingrid")
MAIL_HOSTS = (
    "gmail.com",
    "posteo.de",
    "btinternet.com",
    "mail.ru",
    "firma-huber.at",
    "uni-leeds.ac.uk",
    "proton.me",
)
PHONES = (
    "+44 20 7946 {4}",
    "+49 30 9018{4}",
    "+1 415-682-{4}",
    "(415) 682-{4}",
    "+33 1 42 68 5{1} 3{1}",
    "+31 20 624 {4}",
    "0044 131 225 {4}",
    "212-736-{4}",
    "+39 06 6982 {4}",
    "+81 3-3580-{4}",
)
# Country, the digits of its account numbers.
IBANS = {"DE": 18, "AT": 16, "ES": 20, "BE": 12, "PL": 24, "DK": 14}
CARDS = ("4{14}", "51{13}", "37{12}", "6011{11}")


def make_mail(chance: random.Random) -> str:
    return f"{chance.choice(MAIL_USERS)}@{chance.choice(MAIL_HOSTS)}"


def make_phone(chance: random.Random) -> str:
    form = chance.choice(PHONES)
    return form.replace("{4}", str(chance.randint(2000, 9899))).replace("{1}", str(chance.randint(2, 9)))


def make_iban(chance: random.Random) -> str:
    country = chance.choice(sorted(IBANS))
    account = _digits(IBANS[country], chance)
    if country == "BE":
        account = account[:10] + f"{int(account[:10]) % 97 or 97:02}"
    if country == "ES":
        account = account[:8] + "00" + account[10:]
        account = _with_spanish_digits(account)
    number = f"{country}{_check(country, account)}{account}"
    grouped = " ".join(number[at : at + 4] for at in range(0, len(number), 4))
    return chance.choice((number, grouped))


def _check(country: str, account: str) -> str:
    letters = "".join(str(ord(letter) - 55) for letter in country)
    return f"{98 - int(account + letters + '00') % 97:02}"


def _with_spanish_digits(account: str) -> str:
    weights = (1, 2, 4, 8, 5, 10, 9, 7, 3, 6)

    def control(digits: str) -> str:
        rest = 11 - sum(weight * int(digit) for weight, digit in zip(weights, digits, strict=True)) % 11
        return {11: "0", 10: "1"}.get(rest, str(rest))

    return account[:8] + control("00" + account[:8]) + control(account[10:]) + account[10:]


def make_card(chance: random.Random) -> str:
    form = chance.choice(CARDS)
    start, _, rest = form.partition("{")
    number = start + _digits(int(rest.rstrip("}")), chance)
    for last in "0123456789":
        if _luhn(number + last):
            number += last
            break
    if len(number) == 15:
        return chance.choice((number, f"{number[:4]} {number[4:10]} {number[10:]}"))
    mark = chance.choice(("", " ", "-"))
    return mark.join(number[at : at + 4] for at in range(0, 16, 4))


def _luhn(number: str) -> bool:
    doubled = (int(digit) * 2 for digit in number[-2::-2])
    return (
        sum(int(digit) for digit in number[-1::-2]) + sum(value // 10 + value % 10 for value in doubled)
    ) % 10 == 0


def _digits(count: int, chance: random.Random) -> str:
    return str(chance.randint(1, 9)) + "".join(str(chance.randint(0, 9)) for _ in range(count - 1))
