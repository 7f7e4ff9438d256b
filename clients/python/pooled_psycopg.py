"""psycopg 3 through PgBouncer in transaction mode: it must not prepare statements there, unless PgBouncer is 1.21
or newer and has max_prepared_statements set. Users by their ids: python pooled_psycopg.py USER USER"""

import asyncio
import sys

import psycopg

from carrel import as_user_async

users = sys.argv[1:]


async def take_turns(client):
    async with await psycopg.AsyncConnection.connect(
        user="authenticated", autocommit=True, prepare_threshold=None
    ) as connection:
        for turn in range(40):
            user = users[(client + turn) % len(users)]
            async with as_user_async(connection, user):
                rows = await connection.execute("select distinct user_id::text from carrel.documents")
                assert await rows.fetchall() == [(user,)]
        nobodys = await connection.execute("select count(*) from carrel.documents")
        assert await nobodys.fetchone() == (0,)
        return turn + 1


async def main():
    print(sum(await asyncio.gather(*map(take_turns, range(10)))), "transactions")


asyncio.run(main())
