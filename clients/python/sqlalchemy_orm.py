"""SQLAlchemy's ORM over the tables as they are: nothing of the schema is written a second time."""

from sqlalchemy import MetaData, create_engine, event, func, select, text
from sqlalchemy.orm import DeclarativeBase, Session, relationship

engine = create_engine("postgresql+psycopg://authenticated@")  # PGHOST and PGDATABASE say where
metadata = MetaData(schema="carrel")


@event.listens_for(metadata, "column_reflect")
def rename(inspector, table, column):
    """`metadata` is taken, in classes of SQLAlchemy's: there it is `metadata_`."""
    if column["name"] == "metadata":
        column["key"] = "metadata_"


metadata.reflect(engine)


class Base(DeclarativeBase):
    metadata = metadata


class Document(Base):
    __table__ = metadata.tables["carrel.documents"]
    # The database makes a document's chunks; it also deletes them.
    chunks = relationship("Chunk", order_by="Chunk.chunk_index", viewonly=True)


class Chunk(Base):
    __table__ = metadata.tables["carrel.document_chunks"]


class AgentSession(Base):
    __table__ = metadata.tables["carrel.agent_sessions"]
    requests = relationship("AgentRequest", order_by="AgentRequest.id", viewonly=True)


class AgentRequest(Base):
    __table__ = metadata.tables["carrel.agent_requests"]


@event.listens_for(Session, "after_begin")
def act_as(session, transaction, connection):
    """Each transaction of a session is its user's."""
    connection.execute(select(func.carrel.act_as(session.info["user_id"])))


def session_of(user_id):
    return Session(engine, info={"user_id": user_id})


SEARCH = text("select filename, snippet, score from carrel.search_chunks(:query, max_results => :max_results)")

service = create_engine("postgresql+psycopg://service_role@")
with service.begin() as connection:
    ada, bob = (connection.scalar(select(func.carrel.create_user())) for _ in range(2))

with session_of(ada) as session:
    document = Document(filename="tea.md", content_text="# Green tea\n\nTwo minutes.\n", metadata_={"shelf": 3})
    session.add(document)
    session.flush()
    # What the database filled in came back with the insert.
    assert document.user_id == ada and document.processing_status == "completed"
    print("chunks:", [(chunk.section_title, chunk.content) for chunk in document.chunks])
    conversation = AgentSession(title="Tea")
    session.add(conversation)
    session.flush()
    session.add(AgentRequest(agent_type="chat", content="How long?", session_id=conversation.id))
    session.commit()

    # A new transaction, and the same user.
    print("requests:", [request.content for request in conversation.requests])
    document.filename = "green-tea.md"
    session.commit()
    for hit in session.execute(SEARCH, {"query": "how many minutes?", "max_results": 5}):
        print("found:", hit.filename, hit.snippet.splitlines()[-1])
    shelf = select(Document.filename).where(Document.metadata_["shelf"].as_integer() == 3)
    print("by metadata:", session.scalars(shelf).all())
    document_id = document.id

with session_of(bob) as session:
    print("the other's:", session.scalars(select(Document)).all())
    print("by its id:", session.get(Document, document_id))

with session_of(ada) as session:
    session.delete(session.get(Document, document_id))
    session.commit()
    print("chunks left:", session.scalar(select(func.count()).select_from(Chunk)))
