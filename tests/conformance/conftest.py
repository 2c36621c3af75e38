"""Databases that the conformance suites run on."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL

from crm_patterns.state.connection import POSTGRES_DRIVER
from tests.conformance.postgres_server import DATABASE, USER, NoPostgres, postgres_server


@pytest.fixture(scope="session")
def postgres_socket() -> Iterator[str]:
    try:
        with postgres_server() as socket:
            yield socket
    except NoPostgres as reason:
        pytest.skip(str(reason))


@pytest.fixture
def new_postgres_url(postgres_socket: str) -> Callable[[], URL]:
    """Makes an empty database and gives its URL."""

    def make() -> URL:
        admin = URL.create(POSTGRES_DRIVER, username=USER, host=postgres_socket, database=DATABASE)
        name = f"crm_{uuid.uuid4().hex[:12]}"
        engine = sa.create_engine(admin, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sa.text(f"create database {name}"))
        engine.dispose()
        return admin.set(database=name)

    return make
