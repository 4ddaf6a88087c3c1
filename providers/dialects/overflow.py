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
    r"|^1261$|^context_overflow$|^336007$",
    re.IGNORECASE,
)
_RATE = re.compile(
    r"per[ _-]?(?:min|day|hour|sec|month|week)|\b[tr]p[mdh]\b|rate[ _-]?limit|quota|too many requests|throttl"
    r"|please wait|(?:try|retry) (?:again )?(?:in|later|after)\b|billing|\bcredits?\b|\bplan\b|\bdaily\b|\bmonthly\b"
    r"|usage limit|concurren|每分钟|每天|速率|频率|限流|余额|额度|请求过于"
)
_CONTEXT = re.compile(
    r"context(?:[ _-]?(?:window|length|size|limit|overflow)|\b.{0,12}\boverflow)"
    r"|max[ _]?(?:model|seq|sequence|context)[ _]?len|session_len|\bn_ctx|sequence length"
    r"|(?:model|model's) (?:token limit|maximum)|max(?:imum)?(?: \w+)? (?:prompt|input) (?:length|size|tokens?)|上下文"
    r"|longueur du contexte|kontext(?:länge|fenster|größe)|longitud del? contexto|ventana de contexto"
    r"|(?:into|the|maximum|max|than) context\b|maximum number of (?:input )?tokens"
    r"|max message tokens|maximum model length"
    r"|max_(?:num|total|prompt|input)_(?:tokens|length|len)|コンテキスト|컨텍스트|контекст|(?:el|del) contexto"
)
_MEASURE = re.compile(
    r"tokens?|length|\btoo long\b|\bcontext\b|char(?:acter)?s\b|长|長|字符|トークン|토큰|токен|깁|길"
)
_EXCESS = re.compile(
    r"exceed|too (?:long|large|many|big)|(?:longer|greater|larger|more|bigger) than|over the|overflow|beyond|not enough"
    r"|at most|maximum|(?:should|must|can) (?:be|have|not be|only be) |cannot|does ?n[o']t fit"
    r"|(?:does|will) not fit|reduce the length|reached|resulted in|however|but the|while limit|surpass|above the"
    r"|supports? (?:only )?up to|\bfull\b|\bgot \d|\d ?> ?(?:\w+ )?\d|dépass|überschr|super(?:a|ior)|excede"
    r"|limit is \d|\bmax input|\bmax length|no more than|shorten"
    r"|超长|超过|超出|过长|过大|上限|太长|超え|長すぎ|초과|너무 (?:길|깁)|превы|слишком"
)
_OTHER_LIMIT = re.compile(
    r"\bbytes?\b|\b[kmg]i?b\b|pixels?|\bseconds?\b|\bminutes?\b|string (?:too long|above)|array too long"
    r"|\b(?:name|description|url|header|file ?size|pages?|keys?|ids?|metadata|stop|caption|title|label|audio|images?"
    r"|speech|voice|items|values?)\b"
)
_IN_CHARACTERS = re.compile(
    r"(?:prompt|inputs?|messages|conversation|request|text|total)\b[^.;]{0,60}\bchar(?:acter)?s\b"
    r"|\bchar(?:acter)?s\b[^.;]{0,24}\b(?:prompt|inputs?|messages|conversation|request)\b|字符"
)
"""Some measure a whole prompt by its letters; single fields are measured so by everybody."""
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
    is_in_characters = _TOKENS.search(text) is None and _CHARACTERS.search(text) is not None
    return Overflow() if is_in_characters else _numbers(text)  # no client counts in them


def _says_so(text: str) -> bool:
    if _RATE.search(text):
        return False
    if _CODES.search(text.partition(" ")[0]) or TOO_LONG in text:
        return True
    if _EXCESS.search(text) is None and not re.search(r"range of input length", text):
        return False
    is_of_tokens = _TOKENS.search(text) is not None or _CONTEXT.search(text) is not None
    if not is_of_tokens and (
        _OTHER_LIMIT.search(text) or (_CHARACTERS.search(text) and not _IN_CHARACTERS.search(text))
    ):
        return False
    if _CONTEXT.search(text):
        return True
    if _ANSWER_ONLY.search(text) and not _PROMPT.search(_ANSWER_ONLY.sub("", text)):
        return False
    return _is_prompt_too_long(text, is_of_tokens)


_TOKENS = re.compile("token|トークン|토큰|токен")
_CHARACTERS = re.compile(r"\bchar(?:acter)?s?\b|字符")
_LIMITED = re.compile(
    r"(?:prompt|inputs?|`inputs`|messages?|conversation)[^.;]{0,60}?(?:exceed|too (?:long|large)"
    r"|longer than|greater than|larger than|must (?:be|have)|should be|supports? (?:only )?up to|超|过长|太长"
    r"|cannot exceed)"
    r"|(?:提示|输入|消息|对话|文本|内容|prompt)[^。;]{0,20}?(?:超长|超过|超出|过长|太长|上限)"
    r"|(?:入力|プロンプト|トークン|입력|프롬프트|токен|запрос|промпт).{0,24}?(?:超え|長すぎ|초과|너무|превы|слишком)|превы.{0,40}токен"
    r"|too long (?:a )?(?:prompt|input|messages?)|shorten (?:the |your )?(?:prompt|inputs?|messages?|conversation)"
    r"|max(?:imum)? (?:input|prompt) char|max length of (?:the )?(?:current )?(?:question|prompt|input)"
    r"|char(?:acter)?s\b[^.;]{0,40}?(?:exceed|too (?:many|large|long)|limit|maximum)"
    r"|too many char|max(?:imum) (?:of|is) \d+ char"
    r"|reduce the length of (?:the |your )?(?:messages|prompt|input)|tokens?[^.;]{0,30}?(?:超过|超出|上限)"
    r"|request (?:body )?(?:is )?too l(?:arge|ong)|exceed[^.;]{0,40}(?:prompt|input)\b"
    r"|too many (?:input )?tokens|exceed\w* (?:the )?(?:model )?(?:max(?:imum)? )?token limit"
    r"|tokens?[^.;]{0,40}(?:exceed|more than)[^.;]{0,40}(?:prompt|input|message|limit|max)"
    r"|token limit (?:\w+ ){0,2}exceeded"
)


def _is_prompt_too_long(text: str, is_of_tokens: bool) -> bool:
    if is_of_tokens and _has_more(text):
        return True
    if _LIMITED.search(text) is None or _MEASURE.search(text) is None:
        return False
    if not is_of_tokens and _IN_CHARACTERS.search(text):
        return re.search(r"\d{3}|max|limit|too (?:many|long|large)|exceed|超", text) is not None
    is_plain = re.search(
        r"(?:prompt|input|context|conversation|messages?)\b.{0,24}too (?:long|large)|too long prompt", text
    )
    is_length = re.search(r"(?:max(?:imum)?|input|prompt|reduce the) length|长|長|길|слишком", text)
    return is_of_tokens or is_plain is not None or is_length is not None


def _has_more(text: str) -> bool:
    """Return whether it tells of more tokens than fit."""
    if not re.search(r"\b(?:prompt|inputs?|messages?|request|conversation)\b", text):
        return False
    told = _numbers(text)
    return told.input is not None and told.window is not None and told.input > told.window


# --- numbers --------------------------------------------------------------------------------------------

_NUMBER = r"(\d[\d,_]*\d|\d)"
_SUM = re.compile(rf"{_NUMBER} ?\+ ?{_NUMBER} ?> ?{_NUMBER}")
_DIFFERENCE = re.compile(rf"\({_NUMBER} ?> ?{_NUMBER} ?- ?{_NUMBER}\)")
_WINDOWS = tuple(
    re.compile(pattern.replace("#", _NUMBER))
    for pattern in (
        r"n_ctx\W{0,4}#",
        r"(?:context|model|sequence|session)(?:'s)?[ _](?:\w+[ _])?(?:length|window|size|limit|len)[^\d]{0,28}#",
        r"max_(?:model_len|seq_len|(?:total|num|prompt|input)_(?:tokens|length|len))\D{0,24}#",
        r"maximum (?:allowed )?(?:prompt|input)(?: \w+)? (?:length|tokens?)(?: is| of|:)? ?\(?#",
        r"(?:maximum(?: number of tokens)?(?: allowed)?|tokens allowed|limit)(?: of| is|:|=)? ?\(?#",
        r"must be <= #",
        r"less than #",
        r"range of input length should be \[\d+, ?#",
        r"tokens? > #",
        r"model with # maximum context",
        r"cannot exceed #",
        r"(?:no more than|at most|maximum is|\bmax|input characters is|characters limit is) #",
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
        r"(?<!max_)(?:n_)?prompt_tokens\W{0,4}#",
        r"(?:number of input tokens \(|token count of )#",
        r"(?:prompt|inputs?|messages|request) (?:contains?|resulted in)(?: at least| over)? #",
        r"(?:prompt|input|messages|request)[^.;\d]{0,40}?(?:contains?|has|is|are|of|length|count|\()"
        r"(?: at least| over)?[ (:]*#",
        r"prompt is too long:? #",
        r"given: #",
        r"keep the first #",
        r"resulted in (?:over )?#",
        r"requested:? #",
        r"current length is #",
        r"too long: #",
        r"\bgot #",
        r"(?:has|have|contains?|it has) # tokens",
        r"(?:input|prompt) is # char",
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
