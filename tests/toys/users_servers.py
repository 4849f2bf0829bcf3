"""Servers of a user's own that tests are run against, which nobody starts or stops for them.

`SEGSEARCH_TEST_POSTGRES=URI` and `SEGSEARCH_TEST_MILVUS=http://HOST:PORT` name them. All that tests
make there has a name that begins with `segsearch_test_`, and is removed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from secrets import token_hex
from urllib.parse import parse_qsl, urlencode, urlsplit

POSTGRES = "SEGSEARCH_TEST_POSTGRES"
MILVUS = "SEGSEARCH_TEST_MILVUS"


def fresh_name() -> str:
    """A name of a schema or collection that nobody else has."""
    return f"segsearch_test_{token_hex(6)}"


@dataclass(frozen=True)
class UsersPostgres:
    """A PostgreSQL that a user named.

    Attributes:
        at: URI of any index on it.
    """

    at: str

    def uri(self, schema: str = "segsearch_test") -> str:
        """URI of an index in a schema."""
        parts = urlsplit(self.at)
        query = urlencode(dict(parse_qsl(parts.query)) | {"schema": schema}, safe="/")
        return parts._replace(query=query).geturl()


@dataclass(frozen=True)
class UsersMilvus:
    """A Milvus that a user named.

    Attributes:
        uri: its address.
    """

    uri: str


def users_postgres() -> UsersPostgres | None:
    """The server that the environment names."""
    return UsersPostgres(os.environ[POSTGRES]) if os.environ.get(POSTGRES) else None


def users_milvus() -> UsersMilvus | None:
    """The server that the environment names."""
    return UsersMilvus(os.environ[MILVUS]) if os.environ.get(MILVUS) else None
