"""A transaction of one user, with psycopg 3: what every request of an application runs in."""

from contextlib import asynccontextmanager, contextmanager


@contextmanager
def as_user(connection, user_id):
    """All that is done inside is this user's, and is committed at the end unless an error comes out."""
    with connection.transaction():
        connection.execute("select carrel.act_as(%s)", [user_id])
        yield connection


@asynccontextmanager
async def as_user_async(connection, user_id):
    async with connection.transaction():
        await connection.execute("select carrel.act_as(%s)", [user_id])
        yield connection
