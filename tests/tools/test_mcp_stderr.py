"""A tool server sees identifiers; what it blurts out is shown nowhere."""

import sys

import pytest
from mcp import StdioServerParameters

from tools.mcp_client import QuietMCPClient


async def test_a_servers_standard_error_is_not_passed_on(capfd):
    blurts = "import sys; sys.stderr.write('no record of rosalind okafor'); sys.exit(1)"
    client = QuietMCPClient(StdioServerParameters(command=sys.executable, args=["-c", blurts]))
    with pytest.raises(Exception):  # noqa: B017 - which one depends on how far it came
        await client.tools()
    assert "okafor" not in capfd.readouterr().err
