"""Our MCP client as the public MCP conformance suite runs it: see :mod:`tests.tools.conformance`.

The suite gives the address last, and the scenario and what it takes in the environment. This sets
up what a team would have set up, lists the tools and calls each of them.
"""

import asyncio
import json
import os
import sys
import tempfile

import httpx

from tests.support.tool_call import call_tool
from tools.mcp_client import served_at
from tools.mcp_login import signed_in

SAMPLES = {"number": 5, "integer": 5, "string": "text", "boolean": True}
CLIENT_PAGE = "https://conformance-test.local/client-metadata.json"
CREDENTIALS = {
    "client_id": "CLIENT_ID",
    "client_secret": "CLIENT_SECRET",
    "private_key_pem": "PRIVATE_KEY",
}


async def at_browser(page: str) -> None:
    """A person who agrees to everything."""
    async with httpx.AsyncClient(follow_redirects=True) as browser:
        await browser.get(page)


async def issuer_of(url: str) -> str:
    """The authorization server that whoever runs the server has named to us."""
    async with httpx.AsyncClient() as http:
        page = httpx.URL(url).join("/.well-known/oauth-protected-resource/mcp")
        return (await http.get(page)).json()["authorization_servers"][0]


async def use(tools) -> None:
    """Call each of them once."""
    for tool in tools:
        arguments = {
            key: SAMPLES.get(schema.get("type", ""), {}) for key, schema in tool.properties.items()
        }
        print(await call_tool(tool, **arguments))


async def main(scenario: str, url: str) -> None:
    """Do as a team would that has this server."""
    context = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT", "{}"))
    for key, setting in CREDENTIALS.items():
        if key in context:
            os.environ[f"VIVACE_MCP_SUITE_{setting}"] = context[key]
    if context:
        os.environ["VIVACE_MCP_SUITE_ISSUER"] = await issuer_of(url)
    if not scenario.startswith("auth/") or scenario.startswith("auth/client-credentials"):
        tools = await served_at(url, name="suite", oauth=scenario.startswith("auth/"))
        await use(tools)
        if tools:
            await tools[0].handler._vivace_mcp.close()
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ["VIVACE_MCP_SUITE_TOKENS"] = f"{folder}/tokens.json"
        page = CLIENT_PAGE if scenario == "auth/basic-cimd" else None
        async with signed_in("suite", url, show=at_browser, port=0, metadata_url=page) as client:
            await use(client.schemas)


if __name__ == "__main__":
    asyncio.run(main(os.environ.get("MCP_CONFORMANCE_SCENARIO", ""), sys.argv[-1]))
