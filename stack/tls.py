"""A certificate authority for this machine's loopback only, so that clients can speak TLS to the local warehouse."""

import datetime
import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from stack.files import write_atomically

VALID = datetime.timedelta(days=397)
RENEW_BEFORE = datetime.timedelta(days=30)


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """PEM files for a TLS server on the loopback, and the bundle a client needs to trust it."""

    key: Path
    chain: Path
    authority: Path
    bundle: Path


def server_certificate(folder: Path, *, name: str = "localhost") -> ServerCertificate:
    """The certificate for `name` and 127.0.0.1 in `folder`, made or renewed when none is valid for another 30 days.

    The authority's key is thrown away after it has signed the one server certificate, and the authority is limited to
    that name and the loopback, so trusting it cannot be abused for any other host.
    """
    files = ServerCertificate(
        key=folder / "server.key",
        chain=folder / "server.pem",
        authority=folder / "authority.pem",
        bundle=folder / "bundle.pem",
    )
    if not _is_current(files, name):
        folder.mkdir(parents=True, exist_ok=True)
        _issue(files, name)
    _write_bundle(files)
    return files


def _is_current(files: ServerCertificate, name: str) -> bool:
    if not (files.key.exists() and files.chain.exists() and files.authority.exists()):
        return False
    certificate = x509.load_pem_x509_certificate(files.chain.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    if name not in names.get_values_for_type(x509.DNSName):
        return False
    return certificate.not_valid_after_utc - RENEW_BEFORE > datetime.datetime.now(datetime.UTC)


def _issue(files: ServerCertificate, name: str) -> None:
    loopback = ipaddress.ip_network("127.0.0.0/8")
    permitted = [x509.DNSName(name), x509.IPAddress(loopback)]
    named = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    authority_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority_name = _name("CRM integration patterns, local stack")
    authority = (
        _builder(authority_name, issuer=authority_name, key=authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=None), critical=True)
        .add_extension(_usage(sign_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    server = (
        _builder(_name(name), issuer=authority_name, key=server_key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(named), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(_usage(sign_certificates=False), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = server_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_atomically(files.key, private.decode(), mode=0o600)
    write_atomically(files.authority, authority.public_bytes(pem).decode())
    write_atomically(files.chain, server.public_bytes(pem).decode())


def _builder(subject: x509.Name, *, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + VALID)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_certificates,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _write_bundle(files: ServerCertificate) -> None:
    """Public authorities, whatever the caller already trusts (a company's proxy, say), and ours."""
    trusted = [Path(certifi.where())]
    for variable in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"):
        named = os.environ.get(variable)
        if named and Path(named).is_file() and Path(named).resolve() not in {files.bundle, *trusted}:
            trusted.append(Path(named).resolve())
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in (*trusted, files.authority)]
    if len(trusted) == 1 and files.bundle.exists() and texts[-1].strip() in files.bundle.read_text(encoding="utf-8"):
        return  # an already exported bundle of ours may hold more than is known now
    write_atomically(files.bundle, "\n".join(text.strip() for text in texts) + "\n")
