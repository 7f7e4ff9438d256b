"""SQLAlchemy through PgBouncer in transaction mode: psycopg prepares nothing, and PgBouncer does the pooling. Users by
their ids: python pooled_sqlalchemy.py USER USER"""

import sys
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from sqlalchemy import NullPool, create_engine, func, select, text

engine = create_engine(
    "postgresql+psycopg://authenticated@", poolclass=NullPool, connect_args={"prepare_threshold": None}
)
users = [UUID(user) for user in sys.argv[1:]]


def take_turns(client):
    for turn in range(40):
        user = users[(client + turn) % len(users)]
        with engine.begin() as connection:
            connection.execute(select(func.carrel.act_as(user)))
            rows = connection.execute(text("select distinct user_id from carrel.documents"))
            assert rows.scalars().all() == [user]
        with engine.begin() as connection:
            assert connection.scalar(text("select count(*) from carrel.documents")) == 0
    return turn + 1


with ThreadPoolExecutor(10) as threads:
    print(sum(threads.map(take_turns, range(10))), "transactions")
