"""Tell from an upstream's words that a call does not fit its model's context, and by which numbers.

Pure. Every server words it differently, so it is judged by what such a text must say: what is too long (prompt, input,
messages), what it is measured by (the context, tokens, a length), and that there is too much of it. Words of rates and
quotas exclude it, and so do limits on bytes, pictures and single fields.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_CHARACTERS = 4000
"""Of a message that are looked at."""
TOO_LONG = "context_length_exceeded"

_CODES = re.compile(
    r"context[_-]?(?:length|window|size)[_-]?(?:exceed|overflow|too)|exceed\w*[_-]context|contextwindowexceeded"
    r"|(?:prompt|input)[_-]?(?:is[_-])?too[_-]?long|max[_-]?prompt[_-]?tokens[_-]?exceeded|tokens[_-]limit[_-]reached"
    r"|^1261$|^context_overflow$",
    re.IGNORECASE,
)
_RATE = re.compile(
    r"per[ _-]?(?:min|day|hour|sec|month|week)|\b[tr]p[mdh]\b|rate[ _-]?limit|quota|too many requests|throttl"
    r"|please wait|(?:try|retry) (?:again )?(?:in|later|after)\b|billing|\bcredits?\b|\bplan\b|\bdaily\b|\bmonthly\b"
    r"|usage limit|concurren|每分钟|每天|速率|频率|限流|余额|额度|请求过于"
)
_CONTEXT = re.compile(
    r"context(?:[ _-]?(?:window|length|size|limit|overflow)|\b.{0,12}\boverflow)"
    r"|max[ _]?(?:model|seq|sequence|context)[ _]?len|session_len|\bn_ctx\b|sequence length"
    r"|(?:model|model's) (?:token limit|maximum)|max(?:imum)?(?: \w+)? (?:prompt|input) (?:length|size|tokens?)|上下文"
    r"|longueur du contexte|kontext(?:länge|fenster|größe)|longitud del? contexto|ventana de contexto"
    r"|(?:into|the|maximum|max) context\b|maximum number of (?:input )?tokens|max message tokens|maximum model length"
)
_MEASURE = re.compile(r"\btokens?\b|length|\btoo long\b|\bcontext\b|长|tokens?")
_EXCESS = re.compile(
    r"exceed|too (?:long|large|many|big)|(?:longer|greater|larger|more|bigger) than|over the|overflow|beyond|not enough"
    r"|at most|maximum|(?:should|must|can) (?:be|have|not be|only be) |cannot|does ?n[o']t fit"
    r"|(?:does|will) not fit|reduce the length|reached|resulted in|however|but the|while limit|surpass|above the"
    r"|supports? (?:only )?up to|\bfull\b|\bgot \d|\d ?> ?(?:\w+ )?\d|dépass|überschr|super(?:a|ior)|excede"
    r"|超长|超过|超出|过长|过大|上限|太长"
)
_OTHER_LIMIT = re.compile(
    r"\bbytes?\b|\b[kmg]i?b\b|pixels?|characters?|string (?:too long|above)"
    r"|\b(?:name|description|url|header|file ?size|pages?)\b"
)
_ANSWER_ONLY = re.compile(r"max_?(?:completion_|new_|output_)?tokens|output tokens|completion tokens")
_PROMPT = re.compile(r"\bprompt\b|\binputs?\b|\bmessages?\b|context|提示|输入|上下文")

_STATUSES = frozenset((None, 200, 400, 413, 422, 500))
"""Statuses under which servers say it."""


@dataclass(frozen=True, slots=True)
class Overflow:
    """A call that does not fit. Tokens; None = not told."""

    input: int | None = None
    output: int | None = None
    window: int | None = None

    @property
    def is_output(self) -> bool:
        """Return whether the prompt alone would fit: with a smaller `max_tokens` the call can be made."""
        if self.output is None or self.window is None:
            return False
        if self.input is None:
            return self.output >= self.window
        return self.input < self.window < self.input + self.output


def overflow_of(message: str, status: int | None = None, *words: object) -> Overflow | None:
    """Return what does not fit; None when the failure is another. `words`: its code and type."""
    is_coded = any(isinstance(word, str | int) and _CODES.search(str(word)) for word in words)
    text = " ".join(message[:MAX_CHARACTERS].lower().split())
    if not is_coded and (status not in _STATUSES or not _says_so(text)):
        return None
    return _numbers(text)


def _says_so(text: str) -> bool:
    if _RATE.search(text):
        return False
    if _CODES.search(text.partition(" ")[0]) or TOO_LONG in text:
        return True
    if _EXCESS.search(text) is None and not re.search(r"range of input length", text):
        return False
    is_of_tokens = "token" in text or _CONTEXT.search(text) is not None
    if _OTHER_LIMIT.search(text) and not is_of_tokens:
        return False
    if _CONTEXT.search(text):
        return True
    if _ANSWER_ONLY.search(text) and not _PROMPT.search(_ANSWER_ONLY.sub("", text)):
        return False
    return _is_prompt_too_long(text, is_of_tokens)


_LIMITED = re.compile(
    r"(?:prompt|inputs?|`inputs`|messages?|conversation)[^.;]{0,60}?(?:exceed|too (?:long|large)"
    r"|longer than|greater than|larger than|must (?:be|have)|should be|supports? (?:only )?up to|超|过长|太长"
    r"|cannot exceed)"
    r"|(?:提示|输入|消息|对话|文本|内容|prompt)[^。;]{0,20}?(?:超长|超过|超出|过长|太长|上限)"
    r"|reduce the length of (?:the |your )?(?:messages|prompt|input)|tokens?[^.;]{0,30}?(?:超过|超出|上限)"
    r"|request (?:body )?(?:is )?too large|exceed[^.;]{0,40}(?:prompt|input)\b"
    r"|too many (?:input )?tokens|exceed\w* (?:the )?(?:model )?(?:max(?:imum)? )?token limit"
    r"|tokens?[^.;]{0,40}exceed[^.;]{0,40}(?:prompt|input|message|limit|max)"
)


def _is_prompt_too_long(text: str, is_of_tokens: bool) -> bool:
    if _LIMITED.search(text) is None or _MEASURE.search(text) is None:
        return False
    is_plain = re.search(r"(?:prompt|input|context|conversation|messages?)\b.{0,24}too (?:long|large)", text)
    is_length = re.search(r"(?:max(?:imum)?|input|prompt|reduce the) length|长", text)
    return is_of_tokens or is_plain is not None or is_length is not None


# --- numbers --------------------------------------------------------------------------------------------

_NUMBER = r"(\d[\d,_]*\d|\d)"
_SUM = re.compile(rf"{_NUMBER} ?\+ ?{_NUMBER} ?> ?{_NUMBER}")
_DIFFERENCE = re.compile(rf"\({_NUMBER} ?> ?{_NUMBER} ?- ?{_NUMBER}\)")
_WINDOWS = tuple(
    re.compile(pattern.replace("#", _NUMBER))
    for pattern in (
        r"n_ctx\W{0,4}#",
        r"(?:context|model|sequence|session)(?:'s)?[ _](?:\w+[ _])?(?:length|window|size|limit|len)[^\d]{0,28}#",
        r"max_(?:model_len|seq_len|total_tokens)\D{0,24}#",
        r"maximum (?:prompt|input)(?: \w+)? (?:length|tokens?)(?: is| of|:)? ?\(?#",
        r"(?:maximum(?: number of tokens)?(?: allowed)?|tokens allowed|limit)(?: of| is|:|=)? ?\(?#",
        r"must be <= #",
        r"less than #",
        r"range of input length should be \[\d+, ?#",
        r"tokens? > #",
        r"model with # maximum context",
        r"cannot exceed #",
        r"supports? (?:only )?up to #",
        r"exceed(?:s|ed)? (?:the )?(?:limit|maximum|max)\w*(?: \w+){0,3} #",
    )
)
_INPUTS = re.compile(
    rf"{_NUMBER} ?(?:tokens? )?(?:in (?:the |your )?(?:messages|prompt|functions|tools|input)"
    r"|of (?:text|tool|image|audio|file) input|from the (?:input|prompt)|`inputs` tokens|(?:input|prompt) tokens)"
)
_INPUT = tuple(
    re.compile(pattern.replace("#", _NUMBER))
    for pattern in (
        r"(?:n_)?prompt_tokens\W{0,4}#",
        r"(?:prompt|inputs?|messages|request) (?:contains?|resulted in)(?: at least| over)? #",
        r"(?:prompt|input|messages|request)[^.;\d]{0,40}?(?:contains?|has|is|are|of|length|count|\()"
        r"(?: at least| over)?[ (:]*#",
        r"prompt is too long:? #",
        r"given: #",
        r"keep the first #",
        r"resulted in (?:over )?#",
        r"requested:? #",
        r"current length is #",
    )
)
_OUTPUT = tuple(
    re.compile(pattern.replace("#", _NUMBER))
    for pattern in (
        r"# ?(?:tokens? )?(?:in the (?:completion|output)|for the completion"
        r"|output tokens|completion tokens|`max_new_tokens`)",
        r"max_(?:completion_|new_|output_)?tokens['`\"]?[^.;\d]{0,60}?#",
    )
)


def _numbers(text: str) -> Overflow:
    if found := _SUM.search(text):
        return Overflow(*map(_int, found.groups()))
    if found := _DIFFERENCE.search(text):
        output, window, told = map(_int, found.groups())
        return Overflow(told, output, window)
    parts = [_int(number) for number in _INPUTS.findall(text)]
    given: int | None = sum(parts) if parts else _first(_INPUT, text)
    asked, limit = _first(_OUTPUT, text), _first(_WINDOWS, text)
    if given is not None and limit is not None and given <= limit and asked is None:
        given = None  # another number was read as the prompt's
    return Overflow(given, asked, limit)


def _first(patterns: tuple[re.Pattern[str], ...], text: str) -> int | None:
    found = (pattern.search(text) for pattern in patterns)
    return next((_int(each[1]) for each in found if each is not None), None)


def _int(number: str) -> int:
    return int(number.replace(",", "").replace("_", ""))
