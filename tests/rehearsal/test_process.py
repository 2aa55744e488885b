import asyncio
import json
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import aiohttp
import pytest
from anthropic import AsyncAnthropic

from services.rehearsal import process

HELLO = {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture(scope="module")
def running():
    rehearsal = process.start(profile="instant", faults=[{"vendor": "anthropic", "do": "slow:0"}])
    yield rehearsal
    rehearsal.stop()


async def ask(rehearsal, session):
    client = AsyncAnthropic(
        api_key=f"rehearsal.consultation.{session}",
        base_url=f"http://{rehearsal.address}",
        max_retries=0,
    )
    return await client.messages.create(**HELLO)


async def test_a_process_answers_and_keeps_a_journal(running):
    assert (await ask(running, "one")).model == "rehearsal"
    entries = await asyncio.to_thread(running.journal, "one")
    assert [entry["what"] for entry in entries] == ["request", "fault", "answer"]
    assert entries[0]["body"]["messages"] == HELLO["messages"]
    assert await asyncio.to_thread(running.journal, "another") == []


async def test_control_injects_faults_and_refuses_nonsense(running):
    faults = [{"vendor": "anthropic", "do": "status:529"}]
    await asyncio.to_thread(running.control, session="two", faults=faults, profile="instant")
    with pytest.raises(Exception, match="529|fault"):
        await ask(running, "two")
    assert await ask(running, "two")
    with pytest.raises(ValueError, match="sunny"):
        await asyncio.to_thread(running.control, profile="sunny")


async def test_it_says_that_it_is_scripted(running):
    async with aiohttp.ClientSession() as http:
        async with http.get(f"http://{running.address}/_rehearsal/health") as response:
            assert response.headers["x-rehearsal"] == "scripted"
            assert (await response.json())["mind"] == "scripted"


@pytest.mark.parametrize("how", ["its pipe closes", "SIGTERM", "SIGINT"])
def test_it_ends_without_a_word_while_a_client_it_streams_to_hangs_up(how):
    command = [sys.executable, "services/rehearsal", "--profile", "bad-day", "--no-engines"]
    pipe = subprocess.PIPE
    child = subprocess.Popen(command, cwd=process.ROOT, stdin=pipe, stdout=pipe, stderr=pipe)
    address = json.loads(child.stdout.readline())["address"]
    host, port = address.split(":")
    body = json.dumps({**HELLO, "stream": True}).encode()
    head = "POST /v1/messages HTTP/1.1\r\nHost: x\r\nanthropic-version: 1\r\n"
    head += f"x-api-key: rehearsal.consultation.s\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection((host, int(port))) as client:
        client.sendall(head.encode() + body)
        urllib.request.urlopen(f"http://{address}/_rehearsal/health").close()  # it has read that
    if how == "its pipe closes":
        child.stdin.close()
    else:
        child.send_signal(getattr(signal, how))
    assert child.wait(10) == 0
    assert child.stderr.read() == b""


def test_the_named_process_is_used_where_the_environment_names_one(monkeypatch):
    monkeypatch.setenv("VIVACE_REHEARSAL", "127.0.0.1:9")
    assert process.rehearsal().address == "127.0.0.1:9"


def test_it_ends_when_its_stdin_closes():
    child = process.start(engines=False)
    child.stop()
    assert child._child and child._child.returncode == 0


@pytest.mark.slow
def test_a_bad_fault_on_the_command_line_is_explained():
    command = [sys.executable, str(Path(process.__file__).parent), "--faults", '[{"vendor": "x"}]']
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 2 and "vendor" in done.stderr
