"""A shop's catalog with full-text search, over MCP. Run: ``python -m tools.servers.catalog``."""

import json
import re
import sqlite3
from functools import cache
from pathlib import Path

from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations

from tools.servers._house import HouseServer

ARTICLES = Path(__file__).with_name("catalog.json")
MOST_FOUND = 5
READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)

server = HouseServer("catalog")


@cache
def index() -> sqlite3.Connection:
    """The articles, searchable: stems of words, the article's name counting most."""
    db = sqlite3.connect(":memory:", check_same_thread=False)
    db.row_factory = sqlite3.Row
    db.execute(
        "create virtual table article using fts5"
        "(sku, name, text, price_eur unindexed, stock unindexed, tokenize='porter unicode61')"
    )
    db.executemany(
        "insert into article (sku, name, text, price_eur, stock)"
        " values (:sku, :name, :text, :price_eur, :stock)",
        json.loads(ARTICLES.read_text())["articles"],
    )
    return db


@server.tool(annotations=READS)
def search_catalog(words: str) -> dict:
    """Find articles by what they are called or what is written about them; the best first.

    Args:
        words: A few words. Articles with more of them come first.
    """
    terms = [f'"{word}"' for word in re.findall(r"\w+", words)]
    if not terms:
        raise ToolError("There is nothing to search for. Give a few words.")
    rows = index().execute(
        "select sku, name, price_eur, stock, snippet(article, 2, '', '', ' ...', 24) as text"
        " from article where article match ? order by bm25(article, 4, 4, 1) limit ?",
        (" OR ".join(terms), MOST_FOUND),
    )
    return {"articles": [dict(row) for row in rows]}


@server.tool(annotations=READS)
def find_article(sku: str) -> dict:
    """One article with its price in euros, the pieces in stock and its whole description."""
    row = (
        index()
        .execute("select * from article where article.sku = ?", (sku.strip().upper(),))
        .fetchone()
    )
    if row is None:
        raise ToolError("There is no such article. Search the catalog first.")
    return dict(row)


if __name__ == "__main__":
    server.run()
