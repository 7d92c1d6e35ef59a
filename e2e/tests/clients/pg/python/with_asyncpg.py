"""asyncpg: binary throughout, statements prepared and kept, types looked up in the catalogue."""

import asyncio
import ssl
import threading

import asyncpg

from vocabulary import authority, rows, serve, settings

LOOP = asyncio.new_event_loop()
# it goes on between commands, as a program's does: a cancellation is a task of its own
threading.Thread(target=LOOP.run_forever, daemon=True).start()


def run(work):
    return asyncio.run_coroutine_threadsafe(work, LOOP).result()


class Client:
    connection = transaction = None

    def connect(self):
        if self.connection:
            LOOP.call_soon_threadsafe(self.connection.terminate)
        self.connection = run(opened())

    def query(self, sql, arguments=()):
        return run(self.asked(sql, arguments))

    async def asked(self, sql, arguments=(), timeout=None):
        statement = await self.connection.prepare(sql)
        found = await statement.fetch(*arguments, timeout=timeout)
        tag = statement.get_statusmsg().split()
        return {"count": int(tag[-1]) if tag and tag[-1].isdigit() else -1, "rows": rows(found)}

    def begin(self):
        self.transaction = self.connection.transaction()
        run(self.transaction.start())

    def rollback(self):
        run(self.transaction.rollback())

    def commit(self):
        run(self.transaction.commit())

    def timed(self, sql, milliseconds):
        return run(self.asked(sql, timeout=milliseconds / 1000))

    def batch(self, sql, arguments):
        run(self.connection.executemany(sql, arguments))
        return {}

    def copy_in(self, table, values):
        run(self.connection.copy_records_to_table(table, records=values, columns=["id", "note"]))

    def own(self):
        return {"rows": [[step.__name__, repr(run(step(self.connection)))] for step in OWN]}


async def opened():
    at = settings()
    return await asyncpg.connect(**at, ssl=ssl.create_default_context(cafile=authority()),
                                 server_settings={"application_name": "asyncpg", "search_path": "public"})


async def cursors(connection):
    async with connection.transaction():
        cursor = await connection.cursor("SELECT n FROM generate_series(1, $1::int) AS n", 25)
        first, _ = await cursor.fetch(4), await cursor.forward(3)
        rest = [row["n"] async for row in connection.cursor("SELECT n FROM generate_series(1, 120) AS n")]
        return [row["n"] for row in first], await cursor.fetchrow(), len(rest)


async def types(connection):
    """Each type that it does not know is looked up with its own query."""
    found = await connection.fetchrow("SELECT * FROM feelings WHERE mood = $1", "happy")
    about = await connection.prepare("SELECT mood, id FROM feelings")
    return dict(found), [column.type.name for column in about.get_attributes()]


async def coded(connection):
    await connection.set_type_codec("jsonb", encoder=repr, decoder=str, schema="pg_catalog")
    found = await connection.fetchval("SELECT '{\"a\": 1}'::jsonb")
    await connection.reset_type_codec("jsonb", schema="pg_catalog")
    return found


async def copied_out(connection):
    kept = []

    async def keep(part):
        kept.append(part)

    await connection.copy_from_query("SELECT id, name FROM items WHERE id > $1 ORDER BY id", 1, output=keep, format="csv")
    await connection.copy_from_table("items", output=keep, format="text")
    return b"".join(kept)


async def savepoints(connection):
    async with connection.transaction(isolation="serializable", readonly=True):
        try:
            async with connection.transaction():
                await connection.execute("SELECT 1 / 0")
        except asyncpg.DivisionByZeroError:
            return await connection.fetchval("SELECT 'still here'")


async def scripted(connection):
    return await connection.execute("SELECT 1; SELECT 2"), connection.get_server_version()[0], connection.get_settings().TimeZone


async def heard(connection):
    def hear(*_):
        pass

    await connection.add_listener("news", hear)
    await connection.remove_listener("news", hear)
    return connection.is_closed()


async def pooled(_):
    at = settings()
    context = ssl.create_default_context(cafile=authority())
    async with asyncpg.create_pool(**at, ssl=context, min_size=1, max_size=2) as pool:
        async with pool.acquire() as connection:
            first = await connection.fetchval("SELECT 1")
        async with pool.acquire() as connection:
            return first, await connection.fetchval("SELECT $1::text", "again")


OWN = [cursors, types, coded, copied_out, savepoints, scripted, heard, pooled]


def failure(raised):
    return getattr(raised, "sqlstate", None), str(raised) or type(raised).__name__


serve(Client(), (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, asyncio.TimeoutError), failure)
