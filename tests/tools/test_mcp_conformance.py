"""The public MCP conformance suite, against our client and our servers; needs npm.

    npx -y -p node@22 -p @modelcontextprotocol/conformance@0.1.16 conformance client \\
        --command "python -m tests.tools.conformance_client" --suite core

and for servers, ``conformance server --url http://127.0.0.1:8931/mcp`` beside ``python -m
tests.tools.conformance_server --port 8931 --open`` (or any of ours).
"""

import asyncio
import os
import re
import shutil
import signal
import sys

import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import LoggingMessageNotification, ResourceUpdatedNotification

from tests.support.peer import served
from tests.tools.conformance_server import server
from tools.servers._http import Access, http_app

SUITE = ["npx", "-y", "-p", "node@22", "-p", "@modelcontextprotocol/conformance@0.1.16"]
SECS = 120.0
CLIENT = {
    "core": 17,  # of 18: nobody is there to answer elicitation-sep1034-client-defaults
    "extensions": 2,  # of 3: cross-app-access wants an enterprise's identity provider
    "draft": 3,  # of 3
    "backcompat": 1,  # of 2: the SDK refuses metadata of another issuer than was asked
}
FAIL = {
    "elicitation-sep1034-client-defaults",
    "auth/cross-app-access-complete-flow",
    "auth/2025-03-26-oauth-metadata-backcompat",
}


async def suite(*args: str, folder) -> dict[str, bool]:
    """Run scenarios; returns by name whether each passed."""
    command = [*SUITE, "conformance", *args, "-o", str(folder)]
    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(SECS):
            out, _ = await process.communicate()
    except TimeoutError:
        pytest.fail(f"the suite was not through after {SECS:.0f} s")
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)  # npx has started the suite
    said = out.decode()
    if process.returncode and re.search(r"npm (ERR!|error)", said) and "SUMMARY" not in said:
        pytest.skip("npm cannot fetch the suite here")
    assert "SUMMARY" in said, said[-2000:]
    summary = said.partition("SUMMARY")[2]
    return {name: mark == "✓" for mark, name in re.findall(r"([✓✗]) (\S+):", summary)}


@pytest.fixture(autouse=True)
def npm(request):
    if request.node.get_closest_marker("slow") and not shutil.which("npx"):
        pytest.skip("needs npm")


@pytest.mark.slow
@pytest.mark.parametrize("name", CLIENT)
async def test_our_client_passes_the_suites_scenarios(name, tmp_path):
    command = f"{sys.executable} -m tests.tools.conformance_client"
    passed = await suite("client", "--command", command, "--suite", name, folder=tmp_path)
    assert {scenario for scenario, well in passed.items() if not well} <= FAIL
    assert sum(passed.values()) >= CLIENT[name]


@pytest.mark.slow
async def test_a_server_on_our_base_passes_all_active_scenarios(tmp_path):
    async with served(lambda _: http_app(server, access=Access())) as url:
        passed = await suite("server", "--url", f"{url}/mcp", folder=tmp_path)
    assert [scenario for scenario, well in passed.items() if not well] == []
    assert len(passed) == 30


async def test_a_client_gets_log_messages_from_its_level_up_and_news_of_what_it_follows(
    caplog,
):
    heard = []

    async def hear(message):
        heard.append(message)

    def count(kind) -> int:
        return sum(isinstance(message, kind) for message in heard)

    async with served(lambda _: http_app(server, access=Access())) as url:
        async with streamable_http_client(f"{url}/mcp") as (read, write):
            async with ClientSession(read, write, message_handler=hear) as session:
                await session.initialize()
                await session.set_logging_level("warning")
                await session.call_tool("test_tool_with_logging", {})
                assert count(LoggingMessageNotification) == 0
                await session.set_logging_level("debug")
                await session.call_tool("test_tool_with_logging", {})
                assert count(LoggingMessageNotification) == 3
                await session.call_tool("test_error_handling", {})
                await session.call_tool("change_watched_resource", {})
                assert count(ResourceUpdatedNotification) == 0
                await session.subscribe_resource("test://watched-resource")
                await session.call_tool("change_watched_resource", {})
                async with asyncio.timeout(10):
                    while not count(ResourceUpdatedNotification):
                        await asyncio.sleep(0.01)
    assert "intentionally" not in caplog.text
