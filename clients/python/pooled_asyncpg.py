"""asyncpg through PgBouncer in transaction mode: no cache of statements, and everything inside of transactions, for it
sends a statement in two steps. Users by their ids: python pooled_asyncpg.py USER USER"""

import asyncio
import sys
from uuid import UUID

import asyncpg

users = [UUID(user) for user in sys.argv[1:]]


async def take_turns(pool, client):
    for turn in range(40):
        user = users[(client + turn) % len(users)]
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("select carrel.act_as($1)", user)
            rows = await connection.fetch("select distinct user_id from carrel.documents")
            assert [row["user_id"] for row in rows] == [user]
        async with pool.acquire() as connection, connection.transaction():
            assert await connection.fetchval("select count(*) from carrel.documents") == 0
    return turn + 1


async def main():
    async with asyncpg.create_pool(user="authenticated", statement_cache_size=0, max_size=10) as pool:
        print(sum(await asyncio.gather(*(take_turns(pool, client) for client in range(10)))), "transactions")


asyncio.run(main())
