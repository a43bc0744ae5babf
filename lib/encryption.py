"""Encryption of secrets that are stored: under a key ring, so that a key can be changed while secrets are in use.

The first key of the ring encrypts, and every key decrypts (docs/operations.md says how to change them). The ring is
`settings.ENCRYPTION_KEYS`.
"""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class UnknownEncryptionKey(Exception):
    """The secret was encrypted under a key that is not in the ring any more, or what is stored is damaged."""

    def __init__(self) -> None:
        super().__init__("It was encrypted under a key that LORAPIPE_ENCRYPTION_KEYS does not list any more.")


def encrypt(secret: bytes) -> str:
    """The secret under the first key, as text that can be stored."""
    return _get_keys().encrypt(secret).decode()


def decrypt(stored: str) -> bytes:
    """The secret again. Raises UnknownEncryptionKey."""
    try:
        return _get_keys().decrypt(stored)
    except InvalidToken as wrong:
        raise UnknownEncryptionKey from wrong


def encrypt_anew(stored: str) -> str:
    """The same secret under the first key. Raises UnknownEncryptionKey."""
    try:
        return _get_keys().rotate(stored).decode()
    except InvalidToken as wrong:
        raise UnknownEncryptionKey from wrong


def _get_keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.ENCRYPTION_KEYS])
