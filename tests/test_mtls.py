"""nginx as deploy/nginx-mtls.conf sets it up lets nobody in without a certificate of the clients' authority."""

import ssl
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPSConnection
from pathlib import Path

import pytest
import trustme

from tests.data.bad_inputs import FINE, JSON
from tests.proxy import in_front_of, needs_nginx

pytestmark = needs_nginx
SERVERS, CLIENTS, STRANGERS = trustme.CA(), trustme.CA(), trustme.CA()


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory, start_server) -> Iterator[int]:
    """The port of an nginx that speaks TLS, in front of a service."""
    folder: Path = tmp_path_factory.mktemp("mtls")
    own = SERVERS.issue_cert("127.0.0.1")
    own.private_key_pem.write_to_path(folder / "server.key")
    for number, pem in enumerate(own.cert_chain_pems):
        pem.write_to_path(folder / "server.pem", append=number > 0)
    CLIENTS.cert_pem.write_to_path(folder / "clients.pem")
    with in_front_of([start_server().port], folder, mtls=True) as port:
        yield port


def asked(port: int, authority: trustme.CA | None, most: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> tuple[int, str]:
    """The status and text of a report asked for with a certificate of this authority, or with none."""
    context = ssl.create_default_context()
    SERVERS.configure_trust(context)
    context.maximum_version = most
    if authority:
        authority.issue_cert("caller@example.org").configure_cert(context)
    with closing(HTTPSConnection("127.0.0.1", port, timeout=10, context=context)) as connection:
        connection.request("POST", "/v1/binary/report", FINE, JSON)
        with connection.getresponse() as response:
            return response.status, response.read().decode()


@pytest.mark.parametrize("most", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_certificate_of_the_authority_gets_a_report(front: int, most: ssl.TLSVersion) -> None:
    status, text = asked(front, CLIENTS, most)
    assert status == 200
    assert '"metrics"' in text


@pytest.mark.parametrize("authority", [None, STRANGERS, SERVERS], ids=["none", "stranger", "the server's"])
def test_no_other_certificate_does(front: int, authority: trustme.CA | None) -> None:
    status, text = asked(front, authority)
    assert status == 400
    assert '"type":"urn:assay:problem:bad-request"' in text
    assert '"status":400' in text
