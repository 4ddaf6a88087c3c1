"""What a program built on the Anthropic SDK does in a day. Run with another SDK version on PYTHONPATH.

    python session.py bearer|x-api-key BASE_URL TOKEN [BASE_URL TOKEN]...

Prints one JSON object for each address: what the SDK made of each answer.
"""

import json
import sys

import anthropic

MODEL = "claude-sonnet-5-5"
TOOLS = [{"name": "Bash", "description": "Runs", "input_schema": {"type": "object", "properties": {}}}]


def user(words):
    return {"role": "user", "content": words}


def whole(client):
    answer = client.messages.create(model=MODEL, max_tokens=64, messages=[user("hi é")])
    return {"text": answer.content[0].text, "usage": answer.usage.output_tokens, "stop": answer.stop_reason}


def streamed(client):
    with client.messages.stream(model=MODEL, max_tokens=64, messages=[user("hi é 😀")]) as stream:
        pieces = list(stream.text_stream)
        final = stream.get_final_message()
    return {"pieces": len(pieces), "text": "".join(pieces), "usage": final.usage.cache_read_input_tokens}


def thinking(client):
    with client.messages.stream(model=MODEL, max_tokens=64, messages=[user("THINK aloud")]) as stream:
        final = stream.get_final_message()
    return {"types": [block.type for block in final.content], "signature": final.content[0].signature}


def tool_round(client):
    messages = [user("RUN echo 42")]
    first = client.messages.create(model=MODEL, max_tokens=64, messages=messages, tools=TOOLS)
    call = next(block for block in first.content if block.type == "tool_use")
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "42\n"}
    messages += [{"role": "assistant", "content": first.content}, user([result])]
    with client.messages.stream(model=MODEL, max_tokens=64, messages=messages, tools=TOOLS) as stream:
        final = stream.get_final_message()
    return {"command": call.input["command"], "stop": first.stop_reason, "text": final.content[0].text}


def counted(client):
    return client.messages.count_tokens(model=MODEL, messages=[user("hi")]).input_tokens


def models(client):
    return [model.id for model in client.models.list(limit=1000)]


def one_model(client):
    return client.models.retrieve(MODEL).display_name


def refusal(client):
    try:
        client.messages.create(model=MODEL, max_tokens=64, messages=[user("ERROR 400")])
    except anthropic.BadRequestError as error:
        return {"type": error.body["error"]["type"], "request_id": error.request_id}


def overloaded(client):
    try:
        with client.messages.stream(model=MODEL, max_tokens=64, messages=[user("OVERLOADED")]) as stream:
            stream.get_final_message()
    except anthropic.APIStatusError as error:
        return str(error)


def bad_token(client):
    try:
        anthropic.Anthropic(base_url=client.base_url, auth_token="la_sk_no", max_retries=0).models.list()
    except anthropic.AuthenticationError as error:
        return error.body["error"]["message"]


steps = (whole, streamed, thinking, tool_round, counted, models, one_model, refusal, overloaded, bad_token)
header, *places = sys.argv[1:]
for base_url, token in zip(places[::2], places[1::2], strict=True):
    credential = {"auth_token": token} if header == "bearer" else {"api_key": token}
    client = anthropic.Anthropic(base_url=base_url, max_retries=0, **credential)
    print(json.dumps({"version": anthropic.__version__, **{step.__name__: step(client) for step in steps}}))
