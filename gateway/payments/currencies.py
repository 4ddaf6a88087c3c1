"""Amounts of money in base units: the decimals that each currency has. Pure.

Source: ISO 4217, list one (active codes); `sat` is the base unit of bitcoin.
"""

from __future__ import annotations

import re
from decimal import Decimal

MOST_DIGITS = 18
SATOSHI = "sat"

_DECIMALS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF "
        "CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ "
        "GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD "
        "MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON "
        "RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS "
        "UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
DECIMALS: dict[str, int] = {
    SATOSHI: 0,
    **{code.lower(): decimals for decimals, codes in _DECIMALS.items() for code in codes.split()},
}
"""Decimals of a currency by its lower-case code."""

_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")


class BadAmount(Exception):
    """An amount that can't be asked for; the text completes "MPP_AMOUNT …"."""


def base_units(amount: str, currency: str) -> str:
    """Return the amount as a whole number of the currency's smallest unit: 0.05 usd are "5".

    Raises BadAmount; KeyError for a currency that is not in the list.
    """
    decimals = DECIMALS[currency]
    if not _NUMBER.fullmatch(amount):
        raise BadAmount("must be a decimal number such as 0.05")
    units = Decimal(amount).scaleb(decimals)
    if units != units.to_integral_value():
        raise BadAmount(f"must have at most {decimals} decimals in {currency.upper()}")
    if units <= 0:
        raise BadAmount("must be more than 0")
    text = f"{units:.0f}"
    if len(text) > MOST_DIGITS:
        raise BadAmount(f"must have at most {MOST_DIGITS} digits")
    return text
