"""What SQLAlchemy reads out of the database: tables, columns with their types, keys, without a warning."""

import warnings

from sqlalchemy import MetaData, UniqueConstraint, create_engine

warnings.simplefilter("error")
engine = create_engine("postgresql+psycopg://authenticated@")
metadata = MetaData(schema="carrel")
metadata.reflect(engine)


def listed(columns):
    return ", ".join(column.name for column in columns)


for table in metadata.tables.values():
    for column in table.columns:
        kind = column.type.compile(engine.dialect).lower()
        print(f"{table.name}.{column.name} {kind}{'' if column.nullable else ' not null'}")
    print(f"{table.name} primary key ({listed(table.primary_key.columns)})")
    for key in table.foreign_key_constraints:
        targets = listed(element.column for element in key.elements)
        print(f"{table.name} foreign key ({listed(key.columns)}) references {key.referred_table.fullname}({targets})")
    for unique in table.constraints:
        if isinstance(unique, UniqueConstraint):
            print(f"{table.name} unique ({listed(unique.columns)})")
