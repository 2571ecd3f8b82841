"""Each list of the console makes as many queries for thirty rows as for one, with all its columns."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from accounts.services import preferences
from common.admin.columns import column_name
from tests.support.seed import seed

PAGES = [page for page in admin.site._registry.values() if page.list_display != ("__str__",)]
MAX_QUERIES = 12
LIVE = {"simulations.Execution": 2, "simulations.Simulation": 2}
"""Queries for the progress of all active rows, of which the first page of one row may have none."""


@pytest.fixture
def client(db: None, empty_redis: None, tmp_path: Path, settings: Any) -> Client:
    """A client of an admin, in a full database."""
    settings.STORAGE_DIR, settings.DATA_DIR = tmp_path / "objects", tmp_path / "data"
    client = Client()
    client.force_login(seed(tmp_path).admin)
    return client


def show_all_columns(user: User, page: Any) -> None:
    columns = [*page.list_display, *getattr(page, "more_columns", ())]
    preferences.change_list(user, page.opts.label_lower, columns=list(map(column_name, columns)))


def test_queries_do_not_grow_with_rows(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    user = User.objects.get(email="walker@example.org")
    grown, many = [], []
    for page in PAGES:
        show_all_columns(user, page)
        address = reverse(f"admin:{page.opts.app_label}_{page.opts.model_name}_changelist")
        counts = {}
        for rows in (1, 30):
            monkeypatch.setattr(page, "list_per_page", rows)
            client.get(address)  # fills what Django remembers
            with CaptureQueriesContext(connection) as queries:
                assert client.get(address).status_code == 200, address
            counts[rows] = len(queries)
        grown += (
            [(page.opts.label, counts)]
            if counts[30] > counts[1] + LIVE.get(page.opts.label, 0)
            else []
        )
        many += [(page.opts.label, counts)] if counts[30] > MAX_QUERIES else []
    assert (grown, many) == ([], [])
