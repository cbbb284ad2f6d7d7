"""The database fixtures themselves: fresh and empty, on both kinds."""

import sqlalchemy as sa


def test_database_url__each_test__is_empty_and_writable(database_url: str) -> None:
    engine = sa.create_engine(database_url)
    try:
        assert sa.inspect(engine).get_table_names() == []
        with engine.begin() as connection:
            connection.execute(sa.text("CREATE TABLE t (x INTEGER)"))
    finally:
        engine.dispose()
