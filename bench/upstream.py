"""Serve as a vendor that costs next to nothing: canned answers from a bare protocol on uvloop.

`python -m bench.upstream` prints its URL. A small request with `"stream":true` gets EVENTS server-sent
events, one every PAUSE_SECONDS, or as many frames where Bedrock streams them; every other one an answer of about
1 KB: a Message, or a completion under `/chat/completions`.
"""

import asyncio
import base64
import json
import os
import struct
import zlib

import uvloop

EVENTS = 100
PAUSE_SECONDS = float(os.environ.get("BENCH_PAUSE_SECONDS", "0.01"))

USAGE = {
    "input_tokens": 12,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 2048,
    "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
    "output_tokens": 210,
    "service_tier": "standard",
}
MESSAGE = {
    "id": "msg_01Bench",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-5-5",
    "content": [{"type": "text", "text": "lorem ipsum dolor sit amet " * 24}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": USAGE,
}


def event(name, **data):
    return f"event: {name}\ndata: {json.dumps({'type': name, **data}, separators=(',', ':'))}\n\n".encode()


def events():
    """Return a whole answer of EVENTS events, shaped as the vendor's."""
    begin = [
        event("message_start", message={**MESSAGE, "content": [], "stop_reason": None}),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
    ]
    end = [
        event("content_block_stop", index=0),
        event(
            "message_delta",
            delta={"stop_reason": "end_turn", "stop_sequence": None},
            usage={"output_tokens": 210},
        ),
        event("message_stop"),
    ]
    delta = event("content_block_delta", index=0, delta={"type": "text_delta", "text": " lorem ipsum dolor"})
    return [*begin, *[delta] * (EVENTS - len(begin) - len(end)), *end]


CHAT_MODEL = "gpt-bench"
CHAT_USAGE = {"prompt_tokens": 2060, "completion_tokens": 210, "total_tokens": 2270}
STOP = {"index": 0, "finish_reason": "stop"}


def chat(**fields):
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": CHAT_MODEL, **fields}


def chat_events():
    """Return as many events as the Anthropic stream has."""
    piece = {"index": 0, "delta": {"content": " lorem ipsum dolor"}, "finish_reason": None}
    chunks = [chat(choices=[piece])] * (EVENTS - 3)
    chunks += [chat(choices=[{**STOP, "delta": {}}]), chat(choices=[], usage=CHAT_USAGE)]
    return [*(b"data: %b\n\n" % json.dumps(chunk).encode() for chunk in chunks), b"data: [DONE]\n\n"]


CHAT_BODY = json.dumps(
    chat(
        choices=[{**STOP, "message": {"role": "assistant", "content": MESSAGE["content"][0]["text"]}}],
        usage=CHAT_USAGE,
    )
).encode()


def frame(data):
    """Return one event in a frame, as Bedrock's InvokeModel streams it."""
    payload = json.dumps({"bytes": base64.b64encode(data).decode(), "p": "abcdefghijklmnop"}).encode()
    packed = b""
    for name, value in (
        (":event-type", "chunk"),
        (":content-type", "application/json"),
        (":message-type", "event"),
    ):
        packed += (
            bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        )
    prelude = struct.pack(">II", 16 + len(packed) + len(payload), len(packed))
    body = prelude + struct.pack(">I", zlib.crc32(prelude)) + packed + payload
    return body + struct.pack(">I", zlib.crc32(body))


FRAMES = "application/vnd.amazon.eventstream"
SSE = events()
FRAMED = [frame(one.partition(b"data: ")[2].strip()) for one in SSE]


def chunk(data):
    return b"%x\r\n%b\r\n" % (len(data), data)


BODY = json.dumps(MESSAGE).encode()


def whole(body):
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nrequest-id: req_bench\r\ncontent-length: %d\r\n\r\n"
    return head % len(body) + body


def stream_head(kind):
    head = (
        "HTTP/1.1 200 OK\r\ncontent-type: %s\r\ncache-control: no-cache\r\n"
        "request-id: req_bench\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    return (head % kind).encode()


MESSAGES_FORM, CHAT_FORM, FRAMES_FORM = "messages", "chat", "frames"
WHOLE = {MESSAGES_FORM: whole(BODY), CHAT_FORM: whole(CHAT_BODY)}
CHUNKS = {
    MESSAGES_FORM: [chunk(record) for record in SSE],
    CHAT_FORM: [chunk(record) for record in chat_events()],
    FRAMES_FORM: [chunk(record) for record in FRAMED],
}
SMALL_BYTES = 5_000


def form(path):
    """Return the form of what a path answers with."""
    if b"/chat/completions" in path:
        return CHAT_FORM
    return FRAMES_FORM if b"/invoke-with-response-stream" in path else MESSAGES_FORM


class Vendor(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        self.head = b""
        self.left = 0
        self.is_stream = False
        self.form = MESSAGES_FORM

    def data_received(self, data):
        if self.left == 0:
            self.head += data
            head, found, rest = self.head.partition(b"\r\n\r\n")
            if not found:
                return
            at = head.lower().find(b"content-length:")
            self.left = int(head[at + 15 :].partition(b"\r\n")[0]) if at >= 0 else 0
            self.form = form(head[:200])
            self.head, self.is_stream, data = b"", None, rest
        if self.is_stream is None and data:
            self.is_stream = self.left < SMALL_BYTES and (
                self.form == FRAMES_FORM or b'"stream":true' in data
            )
        self.left -= len(data)
        if self.left <= 0:
            self.left = 0
            self.answer()

    def answer(self):
        if self.is_stream:
            asyncio.get_running_loop().create_task(self.stream())
        else:
            self.transport.write(WHOLE[self.form])

    async def stream(self):
        is_framed = self.form == FRAMES_FORM
        self.transport.write(stream_head(FRAMES if is_framed else "text/event-stream; charset=utf-8"))
        for piece in CHUNKS[self.form]:
            await asyncio.sleep(PAUSE_SECONDS)
            if self.transport.is_closing():
                return
            self.transport.write(piece)
        self.transport.write(b"0\r\n\r\n")


async def main():
    server = await asyncio.get_running_loop().create_server(Vendor, "127.0.0.1", 0, backlog=1024)
    print(f"listening on http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
