"""psycopg 2: everything by the simple protocol, arguments put into the text."""

import io

import psycopg2
import psycopg2.extras
from psycopg2 import extensions

from vocabulary import Cancelled, as_format, authority, rows, serve, settings


class Client:
    connection = None

    def connect(self):
        if self.connection:
            self.connection.close()
        self.connection = psycopg2.connect(
            **settings(), sslmode="verify-full", sslrootcert=authority(), application_name="psycopg2"
        )
        self.connection.autocommit = True

    def query(self, sql, arguments=()):
        with self.connection.cursor() as cursor:
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
        with Cancelled(milliseconds, self.connection.cancel):
            return self.query(sql)

    def batch(self, sql, arguments):
        with self.connection.cursor() as cursor:
            psycopg2.extras.execute_batch(cursor, as_format(sql), arguments)
        return {}

    def copy_in(self, table, values):
        text = io.StringIO("".join(f"{number},{note}\n" for number, note in values))
        with self.connection.cursor() as cursor:
            cursor.copy_expert(f"COPY {table} (id, note) FROM STDIN WITH CSV", text)

    def own(self):
        return {"rows": [[step.__name__, repr(step(self.connection))] for step in OWN]}


def server_cursor(connection):
    connection.autocommit = False
    with connection.cursor("some", scrollable=True) as cursor:
        cursor.itersize = 7
        cursor.execute("SELECT n, n * %s FROM generate_series(1, 30) AS n", (3,))
        found = cursor.fetchmany(4), list(cursor)
        cursor.scroll(3, mode="absolute")
        found += (cursor.fetchone(),)
    connection.rollback()
    connection.autocommit = True
    return found


def copied_out(connection):
    text, table = io.StringIO(), io.StringIO()
    with connection.cursor() as cursor:
        cursor.copy_expert("COPY (SELECT id, name FROM items ORDER BY id) TO STDOUT WITH CSV HEADER", text)
        cursor.copy_to(table, "items", columns=("id", "name"))
    return text.getvalue(), table.getvalue()


def values(connection):
    with connection.cursor() as cursor:
        query = "SELECT a, b FROM (VALUES %s) AS v (a, b) ORDER BY a"
        return psycopg2.extras.execute_values(cursor, query, [(1, "x"), (2, None)], fetch=True)


def types(connection):
    pair = psycopg2.extras.register_composite("pair", connection)
    psycopg2.extras.register_default_jsonb(connection)
    psycopg2.extras.register_uuid()
    with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
        cursor.execute("SELECT pair, moods, '{\"a\": 1}'::jsonb AS json, ARRAY[1, NULL] AS list FROM feelings")
        return pair.attnames, cursor.fetchall(), psycopg2.extras.HstoreAdapter.get_oids(connection)


def session(connection):
    connection.set_session(isolation_level="SERIALIZABLE", readonly=True, autocommit=False)
    connection.set_client_encoding("UTF8")
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_isolation")
        found = cursor.fetchone()
    connection.rollback()
    connection.set_session(isolation_level=extensions.ISOLATION_LEVEL_DEFAULT, readonly=False, autocommit=True)
    return found, connection.server_version, connection.encoding, connection.get_parameter_status("DateStyle")


def reset(connection):
    connection.reset()
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT 'alive'")
        return cursor.fetchone()


def several(connection):
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1; SELECT 'two'")
        return cursor.fetchall()


def adapted(connection):
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s, %s, %s", ("it's a \\ backslash", b"\x00\xff".hex(), [1, 2]))
        return cursor.fetchall(), cursor.mogrify("%s", (psycopg2.Binary(b"\x00'\\"),))


OWN = [server_cursor, copied_out, values, types, session, reset, several, adapted]


serve(Client(), psycopg2.Error, lambda raised: (raised.pgcode, str(raised)))
