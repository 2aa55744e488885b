"""MCP servers the kit ships, each run as a process of its own."""
