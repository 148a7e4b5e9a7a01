"""Secrets that must be read again are kept sealed in the database, under a key that is not in it.

The key is that of `KITCHENVISION_SECRETS_KEY`, else the file `secrets.key` in the data folder, made at the first
start for its owner alone. Either holds one key of Fernet or several: the first seals, every one opens.
"""

import os
import threading
from collections.abc import Mapping
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from kitchenvision.errors import SettingsError, StorageError

FILE = "secrets.key"
VARIABLE = "KITCHENVISION_SECRETS_KEY"  # the variable's name, not a key
_PREFIX = "sealed:"


class CannotOpen(StorageError):
    """A secret was sealed under a key that is not here, or for another purpose."""


class Vault:
    """Seals and opens. A file that changed is read again, so that a running service follows a rotation.

    Args:
        data_dir: where the file is.
    """

    def __init__(self, data_dir: Path, environment: Mapping[str, str] = os.environ) -> None:
        self.path, self._environment = data_dir / FILE, environment
        self._lock = threading.Lock()
        self._read: tuple[tuple[int, int], MultiFernet] | None = None

    @property
    def of_environment(self) -> bool:
        """Whether the keys are those of the environment."""
        return bool(self._environment.get(VARIABLE, "").strip())

    @property
    def where(self) -> str:
        """The variable or file that holds them."""
        return VARIABLE if self.of_environment else str(self.path)

    def there(self) -> bool:
        """Whether there is a key."""
        return self.of_environment or self.path.exists()

    def check(self) -> None:
        """See that the keys are such.

        Raises:
            SettingsError: there is none, or something that is none.
        """
        self._fernet()

    def make(self) -> None:
        """Make a key in the file, unless another process has made one meanwhile.

        Raises:
            StorageError: it cannot be written.
        """
        try:
            _create(self.path, [Fernet.generate_key().decode()])
        except FileExistsError:
            pass
        except OSError as error:
            raise StorageError(f"{self.path} cannot be written: {error.strerror}") from error

    def rotate(self) -> None:
        """A new key before those that there are; those open until `drop_old`.

        Raises:
            SettingsError: the keys are of the environment, or cannot be read. StorageError: not writable.
        """
        if self.of_environment:
            raise SettingsError(VARIABLE, "", "holds the keys: put a new one before the old ones there")
        _write(self.path, [Fernet.generate_key().decode(), *self._keys()])

    def drop_old(self) -> None:
        """Keep the first key alone.

        Raises:
            SettingsError, StorageError: as `rotate`.
        """
        if not self.of_environment:
            _write(self.path, self._keys()[:1])

    def seal(self, purpose: str, secret: str) -> str:
        """The secret as the database keeps it.

        Args:
            purpose: what it is for and whose; it opens for nothing else.
        """
        return _PREFIX + self._fernet().encrypt(f"{purpose}\n{secret}".encode()).decode()

    def open(self, purpose: str, sealed: str) -> str:
        """What was sealed.

        Raises:
            CannotOpen: under a key that is not here, or for another purpose.
        """
        try:
            told = self._fernet().decrypt(sealed.removeprefix(_PREFIX).encode()).decode()
        except (InvalidToken, SettingsError) as error:
            raise CannotOpen(f"the secret of {purpose} cannot be opened with the key of {FILE}") from error
        kept, _, secret = told.partition("\n")
        if kept != purpose:
            raise CannotOpen(f"the secret of {purpose} is that of something else")
        return secret

    def fresh(self, purpose: str, kept: str) -> str:
        """The same secret sealed under the first key; also one that a former version kept as it is.

        Raises:
            CannotOpen: as `open`.
        """
        return self.seal(purpose, self.open(purpose, kept) if is_sealed(kept) else kept)

    def _fernet(self) -> MultiFernet:
        with self._lock:
            try:
                stat = self.path.stat()
                mark = (stat.st_mtime_ns, stat.st_ino)
            except OSError:
                mark = (0, 0)
            if self._read is None or self._read[0] != mark:
                self._read = (mark, MultiFernet([_fernet(self.where, key) for key in self._keys()]))
            return self._read[1]

    def _keys(self) -> list[str]:
        text = self._environment.get(VARIABLE, "")
        if not self.of_environment:
            try:
                text = self.path.read_text("utf-8")
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
                raise SettingsError(str(self.path), "", f"cannot be read: {reason}") from error
        keys = text.replace(",", " ").split()
        if not keys:
            raise SettingsError(self.where, "", "holds no key")
        return keys


def is_sealed(kept: str) -> bool:
    """Whether what the database keeps is sealed, whatever the key."""
    return kept.startswith(_PREFIX)


def _fernet(where: str, key: str) -> Fernet:
    try:
        return Fernet(key)
    except ValueError as error:
        raise SettingsError(where, "", "holds something that is no key: 32 bytes as url-safe base64") from error


def _write(path: Path, keys: list[str]) -> None:
    unfinished = path.with_name(path.name + ".new")
    try:
        unfinished.unlink(missing_ok=True)
        _create(unfinished, keys)
        unfinished.replace(path)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error


def _create(path: Path, keys: list[str]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("\n".join([*keys, ""]))
        file.flush()
        os.fsync(file.fileno())
