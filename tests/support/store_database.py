"""A shop's PostgreSQL database for tests, with people who work in it."""

import asyncio
import subprocess
from contextlib import contextmanager

import asyncpg

from support.acting import Acting
from support.postgresql_server import PROGRAMS


class Store:
    """The database `store` of a server; `acting` works on it as the role `keeper`."""

    def __init__(self, server, folder):
        self.server = server
        self.folder = folder / "run"
        self.folder.mkdir()
        self.cluster = self.sql("SELECT system_identifier::text FROM pg_control_system()")[0][0]

    def sql(self, *statements, database="postgres", user="grace"):
        """Run statements, each by itself; answer the rows of the last."""

        async def run():
            connection = await asyncpg.connect(self.server.url(database, user))
            try:
                for statement in statements:
                    rows = await connection.fetch(statement)
                return [tuple(row) for row in rows]
            finally:
                await connection.close()

        return asyncio.run(run())

    def make(self, rows=4000):
        self.sql(
            "CREATE ROLE keeper LOGIN CREATEDB",
            "GRANT pg_monitor TO keeper",
            "CREATE ROLE clerk LOGIN",
            "GRANT clerk TO keeper",
            "CREATE DATABASE store OWNER keeper",
            "ALTER DATABASE store SET work_mem = '5MB'",
            "COMMENT ON DATABASE store IS 'the shop''s'",
            "GRANT CONNECT ON DATABASE store TO clerk",
            "REVOKE TEMPORARY ON DATABASE store FROM PUBLIC",
        )
        self.sql(
            "CREATE TABLE shops (id int PRIMARY KEY, name text)",
            "CREATE TABLE orders (id serial PRIMARY KEY, shop int REFERENCES shops, note text,"
            " size int GENERATED ALWAYS AS (length(note)) STORED)",
            "CREATE INDEX by_note ON orders (note)",
            "INSERT INTO shops SELECT n, 'shop ' || n FROM generate_series(1, 10) n",
            "INSERT INTO orders (shop, note)"
            f" SELECT 1 + n % 10, repeat(n::text || ' ', 10) FROM generate_series(1, {rows}) n",
            "GRANT SELECT, UPDATE, INSERT ON orders, shops TO clerk",
            database="store",
            user="keeper",
        )

    def drop(self):
        found = self.sql("SELECT datname FROM pg_database WHERE datname LIKE 'store%'")
        for (name,) in found:
            self.sql(f'DROP DATABASE "{name}" WITH (FORCE)')
        self.sql("DROP ROLE keeper", "DROP ROLE clerk")

    def databases(self):
        found = self.sql("SELECT datname FROM pg_database WHERE datname LIKE 'store%' ORDER BY 1")
        return [name for (name,) in found]

    def count(self, table="orders", database="store"):
        return self.sql(f"SELECT count(*) FROM {table}", database=database)[0][0]

    def acting(self, user="keeper", **settings):
        target = {
            "url": self.server.url("store", user),
            "database": "store",
            "system_identifier": self.cluster,
            "may_end_roles": "clerk",
        }
        return Acting({k: v for k, v in (target | settings).items() if v is not None}, self.folder)

    @contextmanager
    def session(self, *statements, waits="", user="clerk", application="till"):
        """Have somebody at work in a process of his own; the statement `waits` may take long."""
        with subprocess.Popen(
            [PROGRAMS / "psql", "-X", "-q", "-t", "-d", self.server.url("store", user)],
            env={"PGAPPNAME": application},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                script = [*(f"{each};" for each in statements), "\\echo there"]
                script += [f"{waits};", "\\echo done"] if waits else []
                process.stdin.write("\n".join(script) + "\n")
                process.stdin.flush()
                while process.stdout.readline() != "there\n":
                    assert process.poll() is None
                yield process
            finally:
                process.kill()

    def damage(self, table="orders", pages=(3,), database="store"):
        """Spoil pages of a table on the disk while the server is down."""
        path, _ = self.sql(
            "CHECKPOINT",
            f"SELECT pg_relation_filepath('{table}'), 1",
            database=database,
        )[0]
        self.server.stop()
        with (self.server.data / path).open("r+b") as file:
            for page in pages:
                file.seek(page * 8192 + 4000)
                file.write(b"\xa5" * 600)
        self.server.start()
