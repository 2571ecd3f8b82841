"""Load on one URL: by `wrk` if it is on PATH, else by a slower client in Python."""

import asyncio
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

WRK = shutil.which("wrk")
SCRIPT = """
local body = {body}
local polling = {polling}
local worker, sent = 0, 0
local workers = 0
function setup(thread) workers = workers + 1 thread:set("worker", workers) end
wrk.method = "{method}"
{headers}
if body then
  request = function()
    sent = sent + 1
    return wrk.format(nil, nil, nil, (body:gsub("UNIQUE", worker .. "-" .. sent .. "-{salt}")))
  end
end
if polling then
  response = function(status, headers)
    local tag = headers["ETag"] or headers["etag"]
    if tag then wrk.headers["If-None-Match"] = tag end
  end
  request = function() return wrk.format() end
end
done = function(summary, latency)
  local bad = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
  io.write(string.format("RESULT %f %f %f %d\\n", summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, bad))
end
"""


@dataclass(frozen=True)
class Call:
    """A request that is repeated; `UNIQUE` in the body is replaced by a new value each time."""

    path: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    polling: bool = False
    """Send the ETag of the last response, like a polling client."""


@dataclass(frozen=True)
class Figures:
    """Requests per second, latencies in ms, and number of `bad` responses."""

    rate: float
    p50: float
    p99: float
    bad: int


def load(port: int, call: Call, connections: int, seconds: float) -> Figures:
    """Generate load on a local server for some seconds."""
    if WRK and seconds >= 1:  # wrk counts whole seconds
        return with_wrk(port, call, connections, seconds)
    return asyncio.run(with_asyncio(port, call, connections, seconds))


def with_wrk(port: int, call: Call, connections: int, seconds: float) -> Figures:
    """Generate load by wrk in one thread, which needs less CPU than the servers."""
    headers = "\n".join(f'wrk.headers["{k}"] = "{v}"' for k, v in call.headers.items())
    script = SCRIPT.format(
        body=f"[==[{call.body}]==]" if call.body else "nil",
        polling=str(call.polling).lower(),
        method=call.method,
        headers=headers,
        salt=time.time_ns(),
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "call.lua"
        path.write_text(script)
        command = [str(WRK), "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s"]
        command += ["--timeout", "30s", "-s", str(path), f"http://127.0.0.1:{port}{call.path}"]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    line = next(line for line in output.splitlines() if line.startswith("RESULT"))
    rate, p50, p99, bad = map(float, line.split()[1:])
    return Figures(rate, p50, p99, int(bad))


async def with_asyncio(port: int, call: Call, connections: int, seconds: float) -> Figures:
    """Generate load by one task per connection."""
    latencies: list[float] = []
    bad = [0]
    await asyncio.gather(
        *(_client(port, call, seconds, latencies, bad, n) for n in range(connections))
    )
    latencies.sort()
    at = [latencies[int(len(latencies) * share)] * 1000 for share in (0.5, 0.99)]
    return Figures(len(latencies) / seconds, at[0], at[1], bad[0])


async def _client(
    port: int, call: Call, seconds: float, latencies: list[float], bad: list[int], number: int
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    headers = dict(call.headers)
    deadline = time.monotonic() + seconds
    while (started := time.monotonic()) < deadline:
        body = call.body.replace("UNIQUE", f"{number}-{time.time_ns()}").encode()
        lines = [f"{call.method} {call.path} HTTP/1.1", "Host: 127.0.0.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = (line.partition(":") for line in head[1:])
        received = {name.lower(): value.strip() for name, _colon, value in fields}
        await reader.readexactly(int(received.get("content-length", 0)))
        latencies.append(time.monotonic() - started)
        bad[0] += not head[0].split()[1].startswith(("2", "3"))
        if call.polling and "etag" in received:
            headers["If-None-Match"] = received["etag"]
    writer.close()
