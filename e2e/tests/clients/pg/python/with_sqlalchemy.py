"""SQLAlchemy's core over psycopg 2: its pool, its reflection, its savepoints."""

import sqlalchemy
from sqlalchemy import exc, inspect, text

from vocabulary import Cancelled, authority, rows, serve, settings


class Client:
    engine = connection = None

    def connect(self):
        if self.connection:
            self.connection.invalidate()
            self.connection.close()
            self.engine.dispose()
        at = settings()
        url = sqlalchemy.URL.create("postgresql+psycopg2", at["user"], at["password"], at["host"], int(at["port"]), at["database"])
        given = {"sslmode": "verify-full", "sslrootcert": authority(), "application_name": "sqlalchemy"}
        self.engine = sqlalchemy.create_engine(url, connect_args=given, pool_pre_ping=True)
        self.connection = self.engine.connect()
        self.standing = False

    def query(self, sql, arguments=()):
        for number in range(len(arguments), 0, -1):
            sql = sql.replace(f"${number}::", f"${number} ::").replace(f"${number}", f":a{number}")
        named = {f"a{number}": value for number, value in enumerate(arguments, 1)}
        try:
            result = self.connection.execute(text(sql), named)
            answer = {"count": result.rowcount, "rows": rows(result) if result.returns_rows else []}
        except exc.SQLAlchemyError:
            if not self.standing:
                self.connection.rollback()
            raise
        if not self.standing:
            self.connection.commit()
        return answer

    def begin(self):
        self.standing = True

    def rollback(self):
        self.connection.rollback()
        self.standing = False

    def commit(self):
        self.connection.commit()
        self.standing = False

    def timed(self, sql, milliseconds):
        with Cancelled(milliseconds, self.connection.connection.dbapi_connection.cancel):
            return self.query(sql)

    def batch(self, sql, arguments):
        self.begin()
        for one in arguments:
            self.query(sql, one)
        self.commit()
        return {}

    def copy_in(self, table, values):
        # it has no COPY of its own: many rows are many VALUES
        copied = sqlalchemy.table(table, sqlalchemy.column("id"), sqlalchemy.column("note"))
        self.connection.execute(copied.insert(), [{"id": number, "note": note} for number, note in values])
        self.connection.commit()

    def own(self):
        found = [[step.__name__, repr(step(self.engine))] for step in OWN]
        return {"rows": found}


def reflected(engine):
    seen = inspect(engine)
    tables = [name for name in seen.get_table_names() if name in ("customers", "items", "orders")]
    found = [seen.default_schema_name, sorted(tables), sorted(seen.get_schema_names())]
    for table in sorted(tables):
        found.append([(column["name"], str(column["type"]), column["nullable"]) for column in seen.get_columns(table)])
        found.append(seen.get_pk_constraint(table))
        found.append(seen.get_foreign_keys(table))
        found.append(seen.get_indexes(table))
        found.append(seen.get_unique_constraints(table))
        found.append(seen.get_check_constraints(table))
        found.append(seen.get_table_comment(table))
    return found, seen.get_enums(), seen.get_view_names(), seen.get_sequence_names(), seen.has_table("none")


def tables(engine):
    data = sqlalchemy.MetaData()
    data.reflect(engine, only=["items", "orders"])
    items = data.tables["items"]
    with engine.connect() as connection:
        chosen = sqlalchemy.select(items.c.name).where(items.c.cents > 1000).order_by(items.c.id).limit(2)
        return [tuple(row) for row in connection.execute(chosen)], str(chosen)


def savepoints(engine):
    with engine.connect() as connection, connection.begin():
        made = sqlalchemy.Table("scratch", sqlalchemy.MetaData(), sqlalchemy.Column("id", sqlalchemy.Integer, primary_key=True),
                                sqlalchemy.Column("note", sqlalchemy.Text), prefixes=["TEMPORARY"], postgresql_on_commit="DROP")
        made.create(connection)
        connection.execute(made.insert(), [{"note": "one"}, {"note": "two"}])
        try:
            with connection.begin_nested():
                connection.execute(made.insert(), {"note": "lost"})
                connection.execute(text("SELECT 1 / 0"))
        except exc.DataError:
            pass
        with connection.begin_nested():
            returned = connection.execute(made.insert().returning(made.c.id), [{"note": "a"}, {"note": "b"}]).fetchall()
        found = [tuple(row) for row in connection.execute(sqlalchemy.select(made.c.note).order_by(made.c.id))]
    return found, len(returned)


def streamed(engine):
    with engine.connect() as connection:
        result = connection.execution_options(stream_results=True, yield_per=10).execute(
            text("SELECT n FROM generate_series(1, 35) AS n"))
        return [len(part) for part in result.partitions()]


def levels(engine):
    with engine.connect().execution_options(isolation_level="SERIALIZABLE") as connection:
        strict = connection.execute(text("SHOW transaction_isolation")).scalar()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        return strict, connection.execute(text("SELECT 1")).scalar(), connection.get_isolation_level()


OWN = [reflected, tables, savepoints, streamed, levels]


def failure(raised):
    return getattr(getattr(raised, "orig", None), "pgcode", None), str(raised)


serve(Client(), exc.SQLAlchemyError, failure)
