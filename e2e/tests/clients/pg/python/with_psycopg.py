"""psycopg 3, as it is installed: binary libpq, extended protocol, prepared after five."""

import psycopg
from psycopg import sql as composed
from psycopg.types import TypeInfo
from psycopg.types.composite import CompositeInfo, register_composite
from psycopg.types.enum import EnumInfo
from psycopg.types.range import RangeInfo

from vocabulary import Cancelled, as_format, authority, rows, serve, settings, shown


class Client:
    connection = None

    def connect(self):
        if self.connection:
            self.connection.close()
        at = settings()
        at["dbname"] = at.pop("database")
        self.connection = psycopg.connect(
            **at, sslmode="verify-full", sslrootcert=authority(), application_name="psycopg", autocommit=True
        )

    def query(self, sql, arguments=(), binary=False):
        with self.connection.cursor(binary=binary) as cursor:
            cursor.execute(as_format(sql) if arguments else sql, arguments or None)
            return {"count": cursor.rowcount, "rows": rows(cursor) if cursor.description else []}

    def begin(self):
        self.connection.autocommit = False
        return self.query("SELECT 1")

    def rollback(self):
        self.connection.rollback()
        self.connection.autocommit = True

    def commit(self):
        self.connection.commit()
        self.connection.autocommit = True

    def timed(self, sql, milliseconds):
        with Cancelled(milliseconds, self.connection.cancel_safe):
            return self.query(sql)

    def batch(self, sql, arguments):
        with self.connection.cursor() as cursor:
            cursor.executemany(as_format(sql), arguments)
            return {"count": cursor.rowcount}

    def copy_in(self, table, values):
        with self.connection.cursor() as cursor, cursor.copy(f"COPY {table} (id, note) FROM STDIN") as copy:
            for value in values:
                copy.write_row(value)

    def own(self):
        done = [[step.__name__, shown(repr(step(self.connection)))] for step in OWN]
        return {"rows": done}


def server_cursor(connection):
    with connection.transaction(), connection.cursor("some") as cursor:
        cursor.itersize = 7
        cursor.execute("SELECT n, n * %s FROM generate_series(1, 30) AS n", (3,))
        first = cursor.fetchmany(4)
        cursor.scroll(2)
        return first, list(cursor)


def scrolled(connection):
    with connection.transaction(), connection.cursor("there", scrollable=True, withhold=True) as cursor:
        cursor.execute("SELECT id, name FROM items ORDER BY id")
        return cursor.fetchall(), cursor.scroll(-2), cursor.fetchone()


def pipelined(connection):
    with connection.pipeline() as pipeline:
        cursors = [connection.execute("SELECT %s::int * 2", (n,)) for n in range(20)]
        pipeline.sync()
        return [cursor.fetchone() for cursor in cursors]


def broken_pipeline(connection):
    try:
        with connection.pipeline():
            connection.execute("SELECT 1")
            connection.execute("SELECT 1 / 0")
            connection.execute("SELECT 2")
    except psycopg.errors.DivisionByZero as error:
        return error.sqlstate, connection.execute("SELECT 3").fetchone()


def prepared(connection):
    found = [connection.execute("SELECT name FROM items WHERE id = %s", (n,)).fetchall() for n in range(8)]
    return found, connection.execute("SELECT 1", prepare=True).fetchone()


def binary(connection):
    with connection.cursor(binary=True) as cursor:
        cursor.execute(
            "SELECT 1::int2, 2::int8, 3.25::numeric, 1.5::float4, 'x'::bytea, '2024-02-29'::date, now() > '-infinity',"
            " '{1,2}'::int[], '{\"a\": [1]}'::jsonb, '10.0.0.0/8'::cidr, interval '1 day 2 hours', '[1,5)'::int4range,"
            " '5b3f0c9e-6d2a-4c1b-9f7e-0a1b2c3d4e5f'::uuid"
        )
        return cursor.fetchall()


def copied_out(connection):
    with connection.cursor() as cursor:
        with cursor.copy("COPY (SELECT id, name FROM items ORDER BY id) TO STDOUT") as copy:
            text = list(copy.rows())
        with cursor.copy("COPY items TO STDOUT (FORMAT binary)") as copy:
            size = sum(len(part) for part in copy)
        with cursor.copy("COPY (SELECT id, name FROM items ORDER BY id) TO STDOUT (FORMAT csv, HEADER)") as copy:
            return text, size, b"".join(bytes(part) for part in copy)


def savepoints(connection):
    with connection.transaction():
        try:
            with connection.transaction():
                connection.execute("SELECT 1 / 0")
        except psycopg.errors.DivisionByZero:
            pass
        with connection.transaction():
            return connection.execute("SELECT 'still here'").fetchone()


def types(connection):
    mood = EnumInfo.fetch(connection, "mood")
    pair = CompositeInfo.fetch(connection, "pair")
    register_composite(pair, connection)
    found = connection.execute("SELECT mood, pair, moods, percent FROM feelings").fetchone()
    return [mood.labels, pair.field_names, RangeInfo.fetch(connection, "int4range").name, tuple(found[1]),
            TypeInfo.fetch(connection, "hstore"), TypeInfo.fetch(connection, "jsonb").oid]


def streamed(connection):
    with connection.cursor() as cursor:
        return list(cursor.stream("SELECT n FROM generate_series(1, 50) AS n"))


def quoted(connection):
    query = composed.SQL("SELECT {} FROM {} WHERE id = {}").format(
        composed.Identifier("name"), composed.Identifier("public", "items"), composed.Literal(2)
    )
    return query.as_string(connection), connection.execute(query).fetchone()


def told(connection):
    connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
    connection.read_only = True
    with connection.transaction():
        level = connection.execute("SHOW transaction_isolation").fetchone()
    connection.isolation_level = connection.read_only = None
    return level, connection.info.server_version, connection.info.encoding, connection.info.parameter_status("TimeZone")


def several(connection):
    cursor = connection.execute("SELECT 1; SELECT 'two'")
    first = cursor.fetchall()
    return first, cursor.nextset(), cursor.fetchall()


def two_phase(connection):
    return connection.execute("SELECT gid FROM pg_prepared_xacts").fetchall()


OWN = [server_cursor, scrolled, pipelined, broken_pipeline, prepared, binary, copied_out, savepoints, types, streamed,
       quoted, told, several, two_phase]


serve(Client(), psycopg.Error, lambda raised: (raised.sqlstate, str(raised)))
