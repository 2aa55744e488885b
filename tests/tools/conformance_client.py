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
from types import SimpleNamespace

from pipecat.services.llm_service import FunctionCallParams

from tools.mcp_client import served_at

SAMPLES = {"number": 5, "integer": 5, "string": "text", "boolean": True}


async def main(url: str) -> None:
    """List the tools and call each of them once."""
    tools = await served_at(url, name="conformance")

    async def take(result, *, properties=None):
        print(result)

    for tool in tools:
        arguments = {
            key: SAMPLES.get(schema.get("type", ""), {}) for key, schema in tool.properties.items()
        }
        nothing = SimpleNamespace()
        params = FunctionCallParams(
            function_name=tool.name,
            tool_call_id="1",
            arguments=arguments,
            llm=nothing,
            pipeline_worker=nothing,
            context=nothing,
            result_callback=take,
            app_resources=None,
        )
        await tool.handler(params)
    if tools:
        await tools[0].handler._vivace_mcp.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[-1]))
