"""Many users at once, each in a transaction of their own, over asynchronous connections."""

import asyncio

import psycopg

from carrel import as_user_async


async def names_after_adding(user_id, name):
    async with await psycopg.AsyncConnection.connect(user="authenticated", autocommit=True) as connection:
        async with as_user_async(connection, user_id):
            await connection.execute(
                "select carrel.add_document('garden.md', %s)", [f"The herons of {name} nest by the water."]
            )
        async with as_user_async(connection, user_id):
            found = await connection.execute(
                "select content from carrel.search_chunks('herons', max_results => 50)"
            )
            return [content async for (content,) in found]


async def main():
    names = [f"user{number}" for number in range(8)]
    async with await psycopg.AsyncConnection.connect(user="service_role", autocommit=True) as service:
        users = []
        for name in names:
            created = await service.execute("select carrel.create_user(name => %s)", [name])
            users.append((await created.fetchone())[0])
    found = await asyncio.gather(*map(names_after_adding, users, names))
    for name, contents in zip(names, found):
        assert contents == [f"The herons of {name} nest by the water."], (name, contents)
    print("each found their own:", len(found))


asyncio.run(main())
