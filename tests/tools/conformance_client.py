"""Our MCP client under the public MCP conformance suite; needs Node 22 and npm.

    npx -y -p node@22 -p @modelcontextprotocol/conformance@0.1.16 conformance client \\
        --command "python -m tests.tools.conformance_client" --suite core

And the servers: start ``python -m tools.servers catalog --port 8931 --open`` (or ``python -m
serving.mcp BOT --port 8931 --open``), then

    npx -y -p node@22 -p @modelcontextprotocol/conformance@0.1.16 conformance server \\
        --url http://127.0.0.1:8931/mcp

The suite gives the address last, and calls every tool that the scenario's server offers.
"""

import asyncio
import sys

from tests.support.tool_call import call_tool
from tools.mcp_client import served_at

SAMPLES = {"number": 5, "integer": 5, "string": "text", "boolean": True}


async def main(url: str) -> None:
    """List the tools and call each of them once."""
    tools = await served_at(url, name="conformance")

    for tool in tools:
        arguments = {
            key: SAMPLES.get(schema.get("type", ""), {}) for key, schema in tool.properties.items()
        }
        print(await call_tool(tool, **arguments))
    if tools:
        await tools[0].handler._vivace_mcp.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[-1]))
