"""One trust store for the HTTP clients of all vendors."""

import ssl

import httpx
import httpx2
import pytest

from services.trust_store import share_trust_store


def context_of(client):
    return client._transport._pool._ssl_context


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_clients_share_a_trust_store_unless_they_ask_for_their_own(library, monkeypatch):
    share_trust_store()
    one, other = library.AsyncClient(), library.AsyncClient()
    assert context_of(one) is context_of(other)
    assert context_of(one).verify_mode is ssl.CERT_REQUIRED and context_of(one).check_hostname

    loose, own = library.AsyncClient(verify=False), ssl.create_default_context()
    assert context_of(loose) is not context_of(one)
    assert context_of(loose).verify_mode is ssl.CERT_NONE
    assert context_of(one).verify_mode is ssl.CERT_REQUIRED
    assert context_of(library.AsyncClient(verify=own)) is own
    assert context_of(library.AsyncClient(trust_env=False)) is not context_of(one)

    import certifi

    monkeypatch.setenv("SSL_CERT_FILE", certifi.where())
    assert context_of(library.AsyncClient()) is not context_of(one)
