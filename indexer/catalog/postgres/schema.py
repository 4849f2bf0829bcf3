"""The catalog's tables in PostgreSQL, and how they come to be.

`head` has one row. Whoever changes photos or segments locks it first, takes ids out of it, and lets
it go by committing. So ids are given in the order of commits, which readers rely on that take all
above the highest they know for new, and no id is ever given twice.

PostgreSQL keeps checksums of its pages, and its own types and constraints: rows carry no seals.
What goes with a photo goes by triggers of whole statements: foreign keys would be looked up for
every segment that is written: nearly a third of what a photo cost the server.
"""

from __future__ import annotations

from collections.abc import Callable

import psycopg

from indexer.catalog.postgres import failures
from indexer.catalog.postgres.database import Connection, Database, fetched
from indexer.location import Location
from model.errors import IndexReadOnly, StorageError, shown

VERSION = 1
"""Version of the tables; a later one is refused by `open`."""

_TABLES = """
CREATE TABLE manifest (key text PRIMARY KEY, value text NOT NULL);
CREATE TABLE head (
    one boolean PRIMARY KEY CHECK (one),
    generation bigint NOT NULL,
    revision bytea NOT NULL,
    last_photo bigint NOT NULL,
    last_segment bigint NOT NULL
);
CREATE TABLE revisions (generation bigint PRIMARY KEY, revision bytea NOT NULL);
CREATE TABLE roots (path bytea PRIMARY KEY);
CREATE TABLE photos (
    id bigint PRIMARY KEY,
    content_hash bytea NOT NULL UNIQUE CHECK (length(content_hash) = 32),
    format text NOT NULL,
    height bigint NOT NULL CHECK (height BETWEEN 1 AND 1048576),
    width bigint NOT NULL CHECK (width BETWEEN 1 AND 1048576),
    orientation bigint NOT NULL CHECK (orientation BETWEEN 1 AND 8),
    taken_at timestamp,
    taken_offset bigint CHECK (taken_offset BETWEEN -1440 AND 1440),
    taken_source text,
    camera text,
    latitude double precision,
    longitude double precision,
    perceptual_hash bigint NOT NULL,
    frame_height bigint NOT NULL CHECK (frame_height BETWEEN 1 AND 1048576),
    frame_width bigint NOT NULL CHECK (frame_width BETWEEN 1 AND 1048576),
    first_segment bigint NOT NULL CHECK (first_segment > 0),
    segment_count bigint NOT NULL CHECK (segment_count BETWEEN 0 AND 1048576),
    seconds double precision NOT NULL,
    pixel_digest bytea,
    CHECK (frame_height * frame_width < 4294967296)
);
CREATE INDEX photos_by_pixels ON photos (pixel_digest);
CREATE INDEX photos_by_time ON photos (taken_at);
CREATE INDEX photos_by_camera ON photos (camera);
CREATE TABLE segments (
    id bigint PRIMARY KEY,
    photo_id bigint NOT NULL,
    parent bigint,
    area bigint NOT NULL,
    share double precision NOT NULL,
    centre_x real NOT NULL,
    centre_y real NOT NULL,
    ninth smallint NOT NULL CHECK (ninth BETWEEN 0 AND 8),
    quality double precision NOT NULL,
    box bytea NOT NULL,
    counts bytea NOT NULL
);
CREATE INDEX segments_by_photo ON segments (photo_id);
CREATE INDEX segments_by_share ON segments (share);
CREATE TABLE origins (
    segment_id bigint PRIMARY KEY REFERENCES segments ON DELETE CASCADE,
    prompt text NOT NULL,
    proposer text NOT NULL
);
CREATE TABLE files (
    path bytea PRIMARY KEY,
    shown text COLLATE "C" NOT NULL,
    size bigint NOT NULL,
    mtime_ns bigint NOT NULL,
    photo_id bigint REFERENCES photos ON DELETE CASCADE,
    kind text,
    reason text
);
CREATE INDEX files_by_photo ON files (photo_id);
CREATE INDEX files_by_size ON files (size);
CREATE TABLE jobs (
    path bytea PRIMARY KEY,
    size bigint NOT NULL,
    mtime_ns bigint NOT NULL,
    attempts bigint NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    sharer uuid,
    leased_until timestamptz
);
CREATE INDEX jobs_untried ON jobs (path) WHERE attempts = 0;
CREATE INDEX jobs_tried ON jobs (leased_until) WHERE attempts > 0;
CREATE TABLE sharers (
    id uuid PRIMARY KEY,
    host text NOT NULL,
    pid bigint NOT NULL,
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen timestamptz NOT NULL DEFAULT clock_timestamp(),
    done bigint NOT NULL DEFAULT 0
);
CREATE TABLE photo_vectors (
    photo_id bigint PRIMARY KEY REFERENCES photos ON DELETE CASCADE,
    vector halfvec({dimension}) NOT NULL
);
ALTER TABLE photo_vectors ALTER COLUMN vector SET STORAGE PLAIN;
CREATE FUNCTION forget_segments() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT
AS $$ BEGIN
    DELETE FROM segments USING gone WHERE segments.photo_id = gone.id;
    RETURN NULL;
END $$;
CREATE TRIGGER photos_gone AFTER DELETE ON photos REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION forget_segments();
CREATE FUNCTION forget_vectors() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT
AS $$ BEGIN
    DELETE FROM vectors USING gone WHERE vectors.segment_id = gone.id;
    RETURN NULL;
END $$;
CREATE TRIGGER segments_gone AFTER DELETE ON segments REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION forget_vectors();
INSERT INTO head VALUES (true, 0, uuid_send(gen_random_uuid()), 0, 0);
INSERT INTO revisions SELECT generation, revision FROM head;
"""
_VECTORS = """
CREATE TABLE vectors (
    segment_id bigint PRIMARY KEY,
    vector halfvec({dimension}) NOT NULL
);
ALTER TABLE vectors ALTER COLUMN vector SET STORAGE {storage};
"""
_PLAIN = 3800  # components of a vector that fits into a page beside its id


def create_schema(database: Database, dimension: int, fill: Callable[[Connection], None]) -> None:
    """Make the schema, where there is none, and tables for vectors of `dimension` components.

    Nothing is committed unless all is, and of two that begin at once the second waits.

    Args:
        database: connections to the database.
        dimension: components of a vector.
        fill: function that writes into the new tables.

    Raises:
        StorageError: there is an index already, or the server cannot hold one.
    """
    location = database.location

    def deed(connection: Connection) -> None:
        _require_fit(connection, location)
        connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (location.schema,))
        _make_extension(connection, location)
        if has_tables(connection, location):
            raise StorageError(
                f"there is an index in {shown(location)} already",
                "open it, or name another schema in the URI",
            )
        connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{location.schema}"')
        connection.execute(_TABLES.format(dimension=dimension))
        make_vector_table(connection, dimension)
        fill(connection)

    database.write(deed)


def make_vector_table(connection: Connection, dimension: int) -> None:
    """Make the table of segments' vectors.

    Args:
        connection: connection in a transaction.
        dimension: components of a vector.
    """
    storage = "PLAIN" if dimension <= _PLAIN else "EXTERNAL"
    connection.execute(_VECTORS.format(dimension=dimension, storage=storage))


def has_tables(connection: Connection, location: Location) -> bool:
    """Whether there is a catalog in the schema."""
    return bool(
        fetched(
            connection,
            "SELECT 1 FROM pg_tables WHERE schemaname = %s AND tablename = 'manifest'",
            location.schema,
        )
    )


def server_facts(connection: Connection) -> dict[str, str]:
    """Versions of server and extension, and whether the server keeps checksums of its pages."""
    ((server, checksums, extension, held),) = fetched(
        connection,
        "SELECT current_setting('server_version'), current_setting('data_checksums'),"
        " (SELECT extversion FROM pg_extension WHERE extname = 'vector'),"
        " pg_size_pretty(coalesce((SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class AS c"
        " JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE n.nspname = current_schema() AND c.relkind = 'r'), 0))",
    )
    return {"server": server, "pgvector": extension or "none", "size": held, "checksums": checksums}


def _require_fit(connection: Connection, location: Location) -> None:
    version, encoding = (
        connection.info.server_version,
        connection.info.parameter_status("server_encoding"),
    )
    if version < failures.OLDEST_SERVER * 10_000:
        raise StorageError(
            f"the database server of {shown(location)} is PostgreSQL {version // 10_000}",
            f"update it to {failures.OLDEST_SERVER} or later",
        )
    if encoding != "UTF8":
        raise StorageError(
            f"the database of {shown(location)} holds text as {encoding}",
            "make one with ENCODING 'UTF8', and name that in the URI",
        )


def _make_extension(connection: Connection, location: Location) -> None:
    found = fetched(connection, "SELECT extversion FROM pg_extension WHERE extname = 'vector'")
    if not found:
        try:
            connection.execute("CREATE EXTENSION vector SCHEMA public")
        except psycopg.errors.InsufficientPrivilege as error:
            raise IndexReadOnly(
                f"the database of {shown(location)} lacks the extension vector",
                "have its administrator run there: CREATE EXTENSION vector",
            ) from error
        except (psycopg.errors.FeatureNotSupported, psycopg.errors.UndefinedFile) as error:
            raise StorageError(
                f"the database server of {shown(location)} has no pgvector",
                "install pgvector 0.8 or later there (Debian: postgresql-18-pgvector)",
            ) from error
        connection.execute(
            "SELECT set_config('search_path', concat_ws(', ', quote_ident(%s),"
            " (SELECT quote_ident(nspname) FROM pg_extension AS e"
            " JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE extname = 'vector')), false)",
            (location.schema,),
        )
        found = fetched(connection, "SELECT extversion FROM pg_extension WHERE extname = 'vector'")
    told = tuple(int(part) for part in str(found[0][0]).split(".")[:2])
    if told < failures.OLDEST_EXTENSION:
        raise StorageError(
            f"the database of {shown(location)} has pgvector {found[0][0]}, which is too old",
            "install 0.8 or later on its server, then run there: ALTER EXTENSION vector UPDATE",
        )
