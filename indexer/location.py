"""Location of an index: a folder of this machine, which may name a database that holds the rest.

`index.toml` in an index folder says where the catalog is, in place of `catalog.sqlite`. Secrets are
never written there: a password comes from the environment (`PGPASSWORD`, `PGPASSFILE`), or out of
the URI that a person types, and is then known to this process and to those that it starts.
"""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from model.atomic_files import replaced
from model.errors import QueryError, StorageError, shown
from model.weights.user_folders import user_folder

FILE_NAME = "index.toml"
DATA = "SEGSEARCH_DATA"
"""Variable that names the folder in which folders of indexes by URI are made."""
STORES = {"postgresql+pgvector": "pgvector", "postgresql+milvus": "milvus"}
"""Schemes of URIs, and the store of vectors that each means."""
SCHEMA = "segsearch"
"""Schema of the database, unless the URI names another."""

_URI = re.compile(r"[a-z][a-z0-9+.-]*:/")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_SECRET = frozenset({"password", "sslpassword"})
_OF_STORES: dict[str, dict[str, str]] = {
    "postgresql+milvus": {"milvus": "http://127.0.0.1:19530", "milvus_index": "HNSW"}
}
"""Parameters of a scheme's store of vectors, and what each is unless it is given."""
_SERVER = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+/?")
_PARAMETERS = frozenset(
    {
        "host", "hostaddr", "port", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl",
        "sslnegotiation", "channel_binding", "require_auth", "connect_timeout", "keepalives",
        "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
        "target_session_attrs", "load_balance_hosts", "gssencmode", "krbsrvname", "passfile",
        "service",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Location:
    """Location of an index in a database.

    Attributes:
        uri: text that a person types, without secrets and in one spelling.
    """

    uri: str

    @property
    def store(self) -> str:
        """Store of the vectors: a value of `STORES`."""
        return STORES[self.uri.partition(":")[0]]

    @property
    def schema(self) -> str:
        """Schema of the database that holds the tables."""
        return dict(parse_qsl(urlsplit(self.uri).query))["schema"]

    def of_store(self, name: str) -> str:
        """Parameter of the store of vectors."""
        told = dict(parse_qsl(urlsplit(self.uri).query))
        return told.get(name) or _OF_STORES[self.uri.partition(":")[0]][name]

    @cached_property
    def parameters(self) -> dict[str, str]:
        """Parameters of the connection, as libpq names them; the password among them."""
        parts = urlsplit(self.uri)
        told = dict(parse_qsl(parts.query))
        found = {name: value for name, value in told.items() if name in _PARAMETERS}
        for name, value in (
            ("host", parts.hostname),
            ("port", None if parts.port is None else str(parts.port)),
            ("user", parts.username),
            ("dbname", parts.path[1:]),
        ):
            if value:
                found[name] = unquote(value)
        if password := os.environ.get(self.variable):
            found["password"] = password
        return found

    @property
    def digest(self) -> str:
        """Name of this location: 16 hex digits."""
        return sha256(self.uri.encode()).hexdigest()[:16]

    @property
    def variable(self) -> str:
        """Variable of the environment that hands a password on to processes that are started."""
        return f"SEGSEARCH_PASSWORD_{self.digest.upper()}"

    def __str__(self) -> str:
        return self.uri


def index_folder(text: Path | str) -> Path:
    """Index folder that a text means: the folder itself, or the one that is kept for a URI.

    A URI's folder is made where it is not there yet, among the user's data, since it also holds
    what the user keeps beside the index.

    Raises:
        QueryError: the text is a URI that no index can have.
        StorageError: the folder cannot be made.
    """
    if isinstance(text, Path) or not _URI.match(text):
        if _URI.match(str(text)):
            raise QueryError(f"a path cannot hold the URI {shown(text)}", "give it as a text")
        return Path(text)
    location, password = parsed(text)
    if password:
        os.environ[location.variable] = password
    folder = user_folder("data", DATA) / "indexes" / location.digest
    if location_of(folder) is None:
        write_location(folder, location)
    return folder


def parsed(uri: str) -> tuple[Location, str]:
    """The location that a URI means, and the password in it; "" where there is none.

    Raises:
        QueryError: no index can have that URI; the error does not quote secrets.
    """
    example = "postgresql+pgvector://user@host/database?schema=museum"
    try:
        parts = urlsplit(uri)
        given = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        port = parts.port
    except ValueError:
        raise QueryError("the URI of the index is none", f"give one as {example}") from None
    if parts.scheme not in STORES:
        known = ", ".join(sorted(STORES))
        raise QueryError(f"an index has no URI of {shown(parts.scheme)}", f"give one of {known}")
    told = dict(given)
    password = unquote(parts.password or "") or told.get("password", "")
    told = {name: value for name, value in told.items() if name not in _SECRET}
    told.setdefault("schema", SCHEMA)
    of_store = _OF_STORES.get(parts.scheme, {})
    if not _SERVER.fullmatch(told.get("milvus", "http://host")):
        raise QueryError(
            "the address of the Milvus server is none, or holds a password",
            "give one as milvus=http://host:19530, and a token by SEGSEARCH_MILVUS_TOKEN",
        )
    if unknown := sorted(set(told) - _PARAMETERS - {"schema"} - of_store.keys()):
        raise QueryError(
            f"the URI of an index has no parameter {shown(unknown[0])}", f"give one as {example}"
        )
    if len(told) + len(_SECRET & dict(given).keys()) < len(given) or parts.fragment:
        raise QueryError("the URI of the index says a thing twice", f"give one as {example}")
    if not _NAME.fullmatch(told["schema"]) or told["schema"].lower().startswith("pg_"):
        raise QueryError(
            f"{shown(told['schema'])} is no name of a schema", "give letters, digits and _"
        )
    if not parts.path[1:] or "/" in parts.path[1:] or "\0" in unquote(uri):
        raise QueryError("the URI of the index names no database", f"give one as {example}")
    user = "" if parts.username is None else quote(unquote(parts.username), safe="") + "@"
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    place = host + ("" if port in (None, 5432) else f":{port}")
    query = urlencode(sorted(told.items()), quote_via=quote, safe="/")
    database = quote(unquote(parts.path[1:]), safe="")
    return Location(f"{parts.scheme}://{user}{place}/{database}?{query}"), password


def location_of(folder: Path) -> Location | None:
    """The location that an index folder names; None where it holds the catalog itself.

    Raises:
        QueryError, StorageError: its `index.toml` is not understood, or cannot be read.
    """
    file = folder / FILE_NAME
    try:
        text = file.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeError) as error:
        raise StorageError(
            f"{shown(file)} cannot be read ({getattr(error, 'strerror', 'no text')})",
            "mend or remove it, then name the index by its URI again",
        ) from error
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise StorageError(
            f"{shown(file)} is not understood ({shown(error)})",
            "mend or remove it, then name the index by its URI again",
        ) from None
    uri = table.get("catalog")
    if set(table) != {"catalog"} or not isinstance(uri, str):
        raise StorageError(
            f"{shown(file)} does not name a catalog", 'write one line: catalog = "URI"'
        )
    location, password = parsed(uri)
    if password:
        raise StorageError(
            f"{shown(file)} holds a password", "take it out, and set PGPASSWORD or PGPASSFILE"
        )
    return location


def write_location(folder: Path, location: Location) -> None:
    """Name a location in an index folder, which is made where it is not there.

    Raises:
        StorageError: the file cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with replaced(folder / FILE_NAME) as part:
            part.write_text(f'catalog = "{location.uri}"\n', "utf-8")
    except OSError as error:
        raise StorageError(
            f"{shown(folder)} cannot be written to ({error.strerror})",
            f"make it writable, or set {DATA} to another folder",
        ) from error
