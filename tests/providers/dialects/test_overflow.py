"""Wordings of servers and vendors, collected from their sources and documents: a call that does not fit its context."""

# ruff: noqa: E501 - a case is a line

from __future__ import annotations

import json

import pytest

from providers.dialects.openai_errors import read_failure
from providers.dialects.overflow import TOO_LONG, Overflow, overflow_of
from providers.dialects.types import FailureKind
from providers.translation.messages.writer import in_anthropics_words

PROMPTS: list[tuple[str, str, int, int | None, int | None]] = [
    # (server, words, status, tokens of the prompt, the window)
    ("vLLM, chat", "This model's maximum context length is 4096 tokens. However, your messages resulted in 5000 tokens. Please reduce the length of the messages.", 400, 5000, 4096),
    ("vLLM, both", "This model's maximum context length is 16384 tokens. However, you requested 17000 tokens (16500 in the messages, 500 in the completion). Please reduce the length of the messages or completion.", 400, 16500, 16384),
    ("vLLM, engine", "The decoder prompt (length 40960) is longer than the maximum model length of 32768. Make sure that `max_model_len` is no smaller than the number of text tokens.", 400, 40960, 32768),
    ("SGLang", "The input (9000 tokens) is longer than the model's context length (8192 tokens).", 400, 9000, 8192),
    ("SGLang, both", "Requested token count exceeds the model's maximum context length of 8192 tokens. You requested a total of 12000 tokens: 9000 tokens from the input messages and 3000 tokens for the completion.", 400, 9000, 8192),
    ("llama.cpp, old", "the request exceeds the available context size. try increasing the context size or enable context shift", 500, None, None),
    ("llama.cpp", "request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it", 400, 5000, 4096),
    ("LM Studio", "Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens, which is not enough.", 400, 5000, 4096),
    ("LM Studio, other", "The number of tokens to keep from the initial prompt is greater than the context length.", 400, None, None),
    ("Ollama", "input length exceeds the context length", 400, None, None),
    ("Ollama, runner", "prompt too long; exceeded max context length by 4 tokens", 400, None, None),
    ("Kimi", "Invalid request: Your request exceeded model token limit: 262144 (requested: 270000)", 400, 270000, 262144),
    ("Vertex", "Unable to submit request because the input token count is 40000 but model only supports up to 32768. Reduce the input token count and try again.", 400, 40000, 32768),
    ("small servers", "prompt_tokens 9000 > n_ctx 8192", 400, 9000, 8192),
    ("small servers", "Context window full: 9000/8192 tokens", 400, None, None),
    ("small servers", "max context length is 32k, got 40k tokens", 400, None, None),
    ("in French", "La longueur du contexte dépasse la limite du modèle", 400, None, None),
    ("GLM", "Prompt exceeds max length", 400, None, None),
    ("GLM, Chinese", "Prompt 超长", 400, None, None),
    ("Chinese", "输入内容超过模型最大长度", 400, None, None),
    ("Chinese, tokens", "tokens数量超过上限", 400, None, None),
    ("DashScope", "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 30720]", 400, None, None),
    ("xAI", "This model's maximum prompt length is 131072 but the request contains 537812 tokens.", 400, 537812, 131072),
    ("Gemini", "The input token count (1196265) exceeds the maximum number of tokens allowed (1048575).", 400, 1196265, 1048575),
    ("Copilot", "prompt token count of 130000 exceeds the limit of 128000", 400, 130000, 128000),
    ("Bedrock", "Input is too long for requested model.", 400, None, None),
    ("Mistral", "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length", 400, 40000, 32768),
    ("Cohere", "too many tokens: total number of tokens in the prompt cannot exceed 4081", 400, None, None),
    ("Fireworks", "The prompt is too long: 140000, model maximum context length: 131071", 400, 140000, 131071),
    ("Groq", "Please reduce the length of the messages or completion.", 400, None, None),
    ("Cerebras", "Please reduce the length of the messages or completion. Current length is 9000 while limit is 8192", 400, 9000, 8192),
    ("MiniMax", "invalid params, context window exceeds limit (2013)", 400, None, None),
    ("Azure", "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300000 tokens.", 400, 300000, 272000),
    ("OpenAI", "Your input exceeds the context window of this model. Please adjust your input and try again.", 400, None, None),
    ("Volcengine", "Total tokens of image and text exceed max message tokens", 400, None, None),
    ("a proxy", "litellm.ContextWindowExceededError: litellm.BadRequestError: too big", 400, None, None),
    ("TabbyAPI", "Prompt length 9000 is greater than max_seq_len 8192", 500, 9000, 8192),
    ("TensorRT-LLM", "Prompt length (9000) exceeds maximum input length (8192).", 500, 9000, 8192),
    ("TGI", "`inputs` must have less than 4095 tokens. Given: 5000", 422, 5000, 4095),
    ("GitHub Models", "Request body too large for gpt-4o model. Max size: 8000 tokens.", 413, None, None),
    ("Anthropic", "prompt is too long: 213462 tokens > 200000 maximum", 400, 213462, 200000),
]  # fmt: skip

ANSWERS: list[tuple[str, str, int | None, int, int]] = [
    # (server, words, tokens of the prompt, max_tokens, the window)
    ("vLLM, old", "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (1000 in the messages, 4000 in the completion). Please reduce the length of the messages or completion.", 1000, 4000, 4096),
    ("vLLM", "'max_tokens' or 'max_completion_tokens' is too large: 32000. This model's maximum context length is 16384 tokens and your request has 1200 input tokens (32000 > 16384 - 1200).", 1200, 32000, 16384),
    ("vLLM, alone", "max_tokens=32000 cannot be greater than max_model_len=max_total_tokens=16384. Please request fewer output tokens.", None, 32000, 16384),
    ("vLLM, new", "This model's maximum context length is 16384 tokens. However, you requested 32000 output tokens and your prompt contains at least 1201 input tokens, for a total of at least 33201 tokens. Please reduce the length of the input prompt or the number of requested output tokens.", 1201, 32000, 16384),
    ("vLLM, passed", "You passed 1201 input tokens and requested 32000 output tokens. However, the model's context length is only 16384 tokens, resulting in a maximum input length of 0 tokens. Please reduce the length of the input prompt.", 1201, 32000, 16384),
    ("OpenRouter", "This endpoint's maximum context length is 131072 tokens. However, you requested about 140000 tokens (9000 of text input, 3000 of tool input, 128000 in the output). Please reduce the length of either one.", 12000, 128000, 131072),
    ("SGLang", "Requested token count exceeds the model's maximum context length of 8192 tokens. You requested a total of 9000 tokens: 1000 tokens from the input messages and 8000 tokens for the completion.", 1000, 8000, 8192),
    ("TGI", "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 3000 `inputs` tokens and 2000 `max_new_tokens`", 3000, 2000, 4096),
    ("Anthropic", "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease input length or `max_tokens` and try again", 188240, 21333, 200000),
]  # fmt: skip

MORE = [
    "The input is too long: max input characters is 4000 but got 5213",
    "Input exceeds the maximum of 400000 characters",
    "input text exceeds max input characters 131072",
    "max input characters exceeded",
    "Range of input length should be [1, 98304]",
    "The total number of characters in the messages is too large: 1200000 > 1000000",
    "输入字符数超过限制",
    "input characters limit is 20000",
    "the max input characters is 516096, but your input is 600000 characters",
    "Prompt has too many characters: 812000 (maximum 800000)",
    "messages: total characters 900000 exceed the limit of 800000 characters",
    "Your prompt is 1048577 characters long, which exceeds the limit of 1048576 characters",
    "the messages exceed max input characters",
    "prompt tokens too long",
    "the max length of current question is 2000",
    "Max input tokens exceeded: 40000 > 32768",
    "input tokens (40000) + max tokens (4096) exceeds context window (32768)",
    "request too long: 210000 tokens (limit 200000)",
    "This model supports at most 65536 tokens but the request has 70000 tokens",
    "total message token length exceed model limit",
    "Conversation too long",
    "too long prompt",
    "The prompt contains 9000 tokens, but the maximum is 8192",
    "Please shorten your prompt: it has 9000 tokens, max 8192.",
    "入力トークン数が上限を超えています",
    "El contexto supera la longitud máxima",
    "入力が長すぎます",
    "프롬프트가 너무 깁니다. 최대 토큰 수를 초과했습니다",
    "Превышен максимальный размер контекста: 40000 токенов > 32768",
    "Number of input tokens (40000) has exceeded max_prompt_tokens (32768) limit.",
    "number of input tokens must be no more than 8192, got 9000",
    "The sum of prompt length (9000.0), query length (0) should not exceed max_num_tokens (8192)",
    "KV cache is full: prompt is larger than context",
    "Prompt has 256468 tokens, but the configured context size is 256000 tokens",
    "Input length 131393 exceeds the maximum allowed input length of 131040 tokens.",
    "token count of 290000 exceeds the maximum allowed input length of 262112 tokens",
    "tokens in request more than max tokens allowed",
    "max input token count exceeded",
    "n_ctx_slot exceeded",
    "model_context_window_exceeded",
    "too many tokens",
    "token limit exceeded",
]  # fmt: skip
"""Seen in the wild, or in the patterns by which other clients find them; the numbers in them are not always a window's."""

OTHERS: list[tuple[str, int]] = [
    ("Rate limit reached for gpt-4 on tokens per min (TPM): Limit 10000, Used 9000, Requested 5000", 429),
    ("You have exceeded your token limit", 429),
    ("Token limit exceeded, retry after 60s", 400),
    ("Request too large for model `x` on tokens per minute (TPM): Limit 6000, Requested 8000", 413),
    ("Too many tokens, please wait before trying again.", 429),
    ("Daily token limit exceeded", 400),
    ("Your account has exceeded its monthly token quota", 403),
    ("每分钟 tokens 超过上限", 400),
    ("max_tokens is too large: 100000. This model supports at most 16384 completion tokens", 400),
    ("Invalid max_tokens value, the valid range of max_tokens is [1, 8192]", 400),
    ("Range of max_tokens should be [1, 8192]", 400),
    ("max_tokens: 100000 > 64000, which is the maximum allowed number of output tokens for claude-x", 400),
    ("`thinking.budget_tokens` must be less than `max_tokens`", 400),
    ("Request payload size exceeds the limit: 20971520 bytes.", 400),
    (
        "messages.0.content.1.image.source.base64: image exceeds 5 MB maximum: 6000000 bytes > 5242880 bytes",
        400,
    ),
    ("Invalid 'messages[0].content': string too long. Expected a string with maximum length 1048576", 400),
    ("Invalid 'tools[0].function.name': string too long. Expected a string with maximum length 64", 400),
    ("Too many images in request: maximum is 20", 400),
    ("Unknown field: context_management", 400),
    ("stop_sequences: must have at most 4 entries", 400),
    ("Input should be a valid string", 422),
    ("Invalid API key", 401),
    ("messages: roles must alternate", 400),
    ("Image has too many characters in caption", 400),
    ("string too long. Expected a string with maximum length 512 characters", 400),
    ("description must be at most 1024 characters", 400),
    ("stop sequence exceeds maximum of 100 characters", 400),
    ("tool name exceeds 64 characters", 400),
    ("system prompt cache key must be at most 64 characters", 400),
    ("input audio is too long: maximum is 1500 seconds", 400),
    ("input must have less than 2048 characters for text-to-speech", 400),
    ("metadata value exceeds 512 characters", 400),
    (
        "Invalid 'input': string too long. Expected a string with maximum length 10485760, but got a string with length 20971520 instead.",
        400,
    ),
    ("user id exceeds 256 characters", 400),
    ("Input exceeds the maximum of 20 images", 400),
    ("prompt_cache_key too long (max 64 characters)", 400),
    ("messages exceed maximum of 2048 items", 400),
    ("array too long: expected at most 2048 messages", 400),
    ("max_tokens must be at most 8192, got 9000", 400),
    ("max_tokens is too large: 100000. This model supports at most 16384 completion tokens", 400),
    ("temperature must be at most 2, got 3", 400),
    ("n must be no more than 1, got 2", 400),
    ("messages must not be empty", 400),
    ("too many tools: at most 128, got 200", 400),
    ("invalid characters in tool name; must be at most 64 characters", 400),
    ("input contains invalid characters", 400),
    ("You requested 9000 tokens of thinking budget, maximum is 8192", 400),
    ("prompt contains invalid characters: must be UTF-8", 400),
    ("logprobs must be at most 20 for input messages", 400),
    ("input_audio exceeds the maximum of 25 MB", 400),
    ("Your request exceeded the maximum number of characters per minute", 400),
    ("messages.0.content: text content blocks must contain non-whitespace text", 400),
    ("The response was filtered due to the prompt triggering content management policy", 400),
]


@pytest.mark.parametrize(("words", "status", "given", "window"), [case[1:] for case in PROMPTS], ids=[case[0] for case in PROMPTS])  # fmt: skip
def test_a_prompt_that_is_too_long(words: str, status: int, given: int | None, window: int | None) -> None:
    found = overflow_of(words, status)
    assert found is not None and not found.is_output
    if given is not None:
        assert (found.input, found.window) == (given, window)


@pytest.mark.parametrize("words", MORE)
def test_more_words_for_a_prompt_that_is_too_long(words: str) -> None:
    assert overflow_of(words, 400) is not None and overflow_of(words, 429) is None


@pytest.mark.parametrize(
    ("words", "given", "window"),
    [
        ("Prompt has 256468 tokens, but the configured context size is 256000 tokens", 256468, 256000),
        ("Input length 131393 exceeds the maximum allowed input length of 131040 tokens.", 131393, 131040),
        ("token count of 290000 exceeds the maximum allowed input length of 262112 tokens", 290000, 262112),
        ("Number of input tokens (40000) has exceeded max_prompt_tokens (32768) limit.", 40000, 32768),
        ("The prompt contains 9000 tokens, but the maximum is 8192", 9000, 8192),
        ("Your prompt is 1048577 characters long, which exceeds the limit of 1048576 characters", None, None),
        ("the max input characters is 516096, but your input is 600000 characters", None, None),
    ],
)
def test_numbers_are_those_of_tokens(words: str, given: int | None, window: int | None) -> None:
    assert overflow_of(words, 400) == Overflow(given, None, window)


@pytest.mark.parametrize(("words", "given", "asked", "window"), [case[1:] for case in ANSWERS], ids=[case[0] for case in ANSWERS])  # fmt: skip
def test_an_answer_that_is_too_long(words: str, given: int | None, asked: int, window: int) -> None:
    found = overflow_of(words, 400)
    assert found == Overflow(given, asked, window) and found.is_output


@pytest.mark.parametrize(("words", "status"), OTHERS)
def test_other_limits_are_none(words: str, status: int) -> None:
    assert overflow_of(words, status) is None


@pytest.mark.parametrize(
    ("code", "type_word"),
    [
        ("context_length_exceeded", None), (None, "exceed_context_size_error"), ("1261", None), (1261, None),
        ("model_max_prompt_tokens_exceeded", None), ("tokens_limit_reached", None), (None, "prompt_too_long"),
    ],
)  # fmt: skip
def test_codes_say_it_without_words(code: object, type_word: object) -> None:
    body = json.dumps({"error": {"message": "no", "code": code, "type": type_word}}).encode()
    failure = read_failure(400, (), body)
    assert (failure.kind, failure.code) == (FailureKind.INVALID_REQUEST, TOO_LONG)


def test_a_code_of_the_server_s_own_does_not_hide_it() -> None:
    error = {"object": "error", "message": PROMPTS[21][1], "type": "invalid_request_prompt", "code": "3051"}
    assert read_failure(400, (), json.dumps(error).encode()).code == TOO_LONG


def test_numbers_beside_the_words_are_told() -> None:
    error = {"message": "the request exceeds the available context size", "type": "exceed_context_size_error"}
    body = json.dumps({"error": {**error, "n_prompt_tokens": 5000, "n_ctx": 4096}}).encode()
    told = in_anthropics_words(read_failure(400, (), body))
    assert told.message.startswith("prompt is too long: 5000 tokens > 4096 maximum (")


def test_anthropic_s_words_for_both() -> None:
    for _, words, given, asked, window in ANSWERS:
        failure = read_failure(400, (), json.dumps({"error": {"message": words}}).encode())
        told = in_anthropics_words(failure, lambda: 777).message
        assert told == (
            f"input length and `max_tokens` exceed context limit: {given or 777} + {asked} > {window}, "
            "decrease input length or `max_tokens` and try again"
        )
    for _, words, status, _, _ in PROMPTS:
        failure = read_failure(status, (), json.dumps({"detail": words}).encode())
        told = in_anthropics_words(failure).message
        assert "prompt is too long" in told and words in told
