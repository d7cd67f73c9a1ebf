"""The emulator's own certificate, for clients that want TLS.

LocalStack's is made with functions that pyOpenSSL has dropped, and its key stays in a file.
"""

from __future__ import annotations

import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NAMES = ("localhost", "*.localhost")
ADDRESSES = ("127.0.0.1", "::1")
VALID = timedelta(days=365)
BEFORE = timedelta(minutes=5)  # clocks of others may be late


def server_context() -> ssl.SSLContext:
    """The TLS context of a server, with a certificate that is made now; nothing of it stays in a file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:  # which only this user may read
        file.write(self_signed(datetime.now(UTC)))
        file.flush()
        context.load_cert_chain(file.name)
    return context


def self_signed(now: datetime) -> bytes:
    """A new key and its certificate for the names of this machine, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAMES[0])])
    names = [*map(x509.DNSName, NAMES), *(x509.IPAddress(ip_address(address)) for address in ADDRESSES)]
    certificate = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BEFORE)
        .not_valid_after(now + VALID)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, SHA256())
    )
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate.public_bytes(Encoding.PEM)
