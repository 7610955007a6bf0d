"""A model on the loopback that speaks three dialects and knows one answer: run this command.

Anthropic's Messages, OpenAI's Chat Completions and Responses, each whole and as a stream. Where the
asker brings a tool that runs commands it is told to call it once, then to finish; else it gets an
edit in words, as aider reads them.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-real-key-0123456789"
SHELLS = ("bash", "terminal", "execute_bash", "exec_command", "shell_command", "shell")
FINISH = "finish"
MINI_DONE = "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"
USED = {"in": 1000, "out": 100}


@dataclass
class Asked:
    """One question as it came."""

    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class FakeModel:
    """What it is to have done, in shell and as an edit; and what was asked until now.

    `status`: another status than 200, for every question.
    """

    command: str
    edit: str = "nothing to edit"
    status: int = 200
    location: str = ""
    figures: bool = True
    asked: list[Asked] = field(default_factory=list)
    url: str = ""

    @contextmanager
    def serving(self) -> Iterator["FakeModel"]:
        model = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                size = int(self.headers.get("Content-Length", 0))
                raw = self.rfile.read(size)
                try:
                    body = json.loads(raw or b"{}")
                except ValueError:
                    body = raw
                model.asked.append(Asked(self.path.split("?")[0], dict(self.headers), body))
                kind, answer = model.answer(self.path.split("?")[0], body)
                self.send_response(model.status)
                if model.location:
                    self.send_header("Location", model.location)
                self.send_header("Content-Type", kind)
                self.send_header("Set-Cookie", "own=1")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST  # noqa: N815 - as the base class calls it

            def log_message(self, *args: object) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            self.url = f"http://127.0.0.1:{server.server_port}"
            thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                thread.join()

    def answer(self, path: str, body: Any) -> tuple[str, bytes]:
        """Return the content type and the answer."""
        if self.status != 200:
            return "application/json", json.dumps({"error": {"message": "no"}}).encode()
        streamed = isinstance(body, dict) and body.get("stream") is True
        match path:
            case "/v1/messages":
                told = anthropic(self._next(body), body.get("model", ""), self.figures)
                events = anthropic_events(told)
            case "/v1/chat/completions":
                told = chat(self._next(body), body.get("model", ""), self.figures)
                events = chat_events(told)
            case "/v1/responses":
                told = responses(self._next(body), body.get("model", ""), self.figures)
                events = responses_events(told)
            case "/v1/messages/count_tokens":
                return "application/json", b'{"input_tokens": 5}'
            case _:
                return "application/json", b'{"data": []}'
        if not streamed:
            return "application/json", json.dumps(told).encode()
        text = "".join(
            (f"event: {e['type']}\n" if "type" in e else "") + f"data: {json.dumps(e)}\n\n"
            for e in events
        )
        return "text/event-stream", (text + "data: [DONE]\n\n").encode()

    def _next(self, body: Any) -> "Move":
        """Decide the next move from what was done until now."""
        tools = tools_of(body)
        text = json.dumps(body)
        done = text.count('"tool_result"') + text.count('"role": "tool"')
        done += text.count('"function_call_output"')
        shell = next((t for name in SHELLS for t in tools if t.lower() == name), None)
        if shell is None:
            return Move(text=self.edit if "SEARCH" in text else "A title")
        where = re.search(r"to the file (\S+?)\.(?:\\n|\s)", text)
        told = f" && echo 'The sign was wrong.' > {where[1]}" if where else ""
        if done == 0:
            return Move(tool=shell, given=arguments(tools[shell], self.command + told))
        if FINISH in tools:
            return Move(tool=FINISH, given={"message": "done"})
        if shell == "bash":
            return Move(tool=shell, given=arguments(tools[shell], MINI_DONE))
        return Move(text="I have fixed it.")


@dataclass
class Move:
    """A tool to call, or words."""

    text: str = ""
    tool: str = ""
    given: dict[str, Any] = field(default_factory=dict)


def tools_of(body: Any) -> dict[str, Any]:
    """Return the tools that come with a question, each with its schema."""
    found = {}
    for tool in body.get("tools") or []:
        told = tool.get("function", tool)
        if "name" in told:
            found[told["name"]] = told.get("parameters") or told.get("input_schema") or {}
    return found


def arguments(schema: Any, command: str) -> dict[str, Any]:
    """Fill in a tool's arguments by its schema."""
    fields = schema.get("properties", {})
    name = "cmd" if "cmd" in fields else "command"
    is_list = fields.get(name, {}).get("type") == "array"
    given: dict[str, Any] = {name: ["bash", "-c", command] if is_list else command}
    for other in schema.get("required", []):
        if other not in given:
            choices = fields.get(other, {}).get("enum")
            given[other] = choices[0] if choices else "x"
    return given


def anthropic(move: Move, model: str, figures: bool) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "text", "text": move.text}
    if move.tool:
        block = {"type": "tool_use", "id": "toolu_1", "name": move.tool, "input": move.given}
    usage = {"input_tokens": USED["in"], "output_tokens": USED["out"]}
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [block],
        "stop_reason": "tool_use" if move.tool else "end_turn",
        "stop_sequence": None,
        **({"usage": usage} if figures else {}),
    }


def anthropic_events(told: dict[str, Any]) -> list[dict[str, Any]]:
    block = told["content"][0]
    usage = told.get("usage", {})
    first = {"message": {**told, "content": [], "stop_reason": None}}
    if usage:
        first["message"]["usage"] = {**usage, "output_tokens": 1}
    empty = {**block, "input": {}} if block["type"] == "tool_use" else {**block, "text": ""}
    delta = {"type": "text_delta", "text": block.get("text", "")}
    if block["type"] == "tool_use":
        delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
    last = {"delta": {"stop_reason": told["stop_reason"], "stop_sequence": None}}
    return [
        {"type": "message_start", **first},
        {"type": "content_block_start", "index": 0, "content_block": empty},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            **last,
            "usage": {"output_tokens": usage.get("output_tokens", 1)},
        },
        {"type": "message_stop"},
    ]


def chat(move: Move, model: str, figures: bool) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": move.text or None}
    if move.tool:
        call = {"name": move.tool, "arguments": json.dumps(move.given)}
        message["tool_calls"] = [{"id": "call_1", "type": "function", "function": call}]
    whole = USED["in"] + USED["out"]
    usage = {"prompt_tokens": USED["in"], "completion_tokens": USED["out"], "total_tokens": whole}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": message,
                "finish_reason": "tool_calls" if move.tool else "stop",
            }
        ],
        **({"usage": usage} if figures else {}),
    }


def chat_events(told: dict[str, Any]) -> list[dict[str, Any]]:
    choice = told["choices"][0]
    delta = dict(choice["message"])
    if "tool_calls" in delta:
        delta["tool_calls"] = [{"index": 0, **call} for call in delta["tool_calls"]]
    base = {**{k: told[k] for k in ("id", "created", "model")}, "object": "chat.completion.chunk"}
    end = {"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}
    usage = [{**base, "choices": [], "usage": told["usage"]}] if "usage" in told else []
    return [
        {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
        {**base, "choices": [end]},
        *usage,
    ]


def responses(move: Move, model: str, figures: bool) -> dict[str, Any]:
    content = [{"type": "output_text", "text": move.text, "annotations": []}]
    item: dict[str, Any] = {"type": "message", "role": "assistant", "content": content}
    if move.tool:
        item = {"type": "function_call", "call_id": "call_1", "name": move.tool}
        item["arguments"] = json.dumps(move.given)
    item |= {"id": "item_1", "status": "completed"}
    usage = {
        "input_tokens": USED["in"],
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": USED["out"],
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": USED["in"] + USED["out"],
    }
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": model,
        "output": [item],
        **({"usage": usage} if figures else {}),
    }


def responses_events(told: dict[str, Any]) -> list[dict[str, Any]]:
    item = told["output"][0]
    return [
        {"type": "response.created", "response": {**told, "status": "in_progress", "output": []}},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": told},
    ]
