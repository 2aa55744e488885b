import pytest

from services.addresses import VENDORS
from tests.services.support import LittleSession, open_house

SCRIPT = """
lines:
  - say: where is my order
phrases: [both please]
rules:
  - after: beta
    say: Both are done.
  - after: alpha
    say: Alpha alone is done.
  - hear: both
    call: [{name: alpha, with: {x: 1}}, {name: beta, with: {y: 2}}]
  - hear: order
    say: Your order has shipped and it will arrive on Friday at noon. Is there anything else?
otherwise: No rule.
"""


@pytest.fixture(autouse=True)
def no_keys(monkeypatch):
    for vendor in VENDORS.values():
        monkeypatch.delenv(vendor.key, raising=False)
        monkeypatch.delenv(vendor.url, raising=False)
    for name in ("ON_PREM_API_KEY", "VIVACE_BAA", "VIVACE_REHEARSAL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def session():
    return LittleSession()


@pytest.fixture
async def house(tmp_path, monkeypatch):
    (tmp_path / "little.rehearsal.yaml").write_text(SCRIPT)
    async with open_house(tmp_path) as house:
        monkeypatch.setenv("VIVACE_REHEARSAL", house.address)
        yield house
