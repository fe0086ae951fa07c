"""What is hidden where work is given to threads is hidden in them."""

from __future__ import annotations

from ladokflow.privacy import knowing, names, redact, shown_name
from ladokflow.threads import Threads

NUMBER, ODDLY = "19900101-1234", "Order 1990 0101 1234"  # what could be anything, unless it is known


def told() -> tuple[str, str]:
    return shown_name("Anna", "Berg", "annbe1"), redact(ODDLY)


def test_threads_hide_what_is_hidden_where_their_work_is_given() -> None:
    with Threads(2) as pool:
        with names(hidden=True), knowing(lambda: [NUMBER]):
            hidden = [*pool.map(lambda _: told(), range(3)), pool.submit(told).result()]
        assert hidden == [("annbe1", "Order 1990 0101 ****")] * 4
        assert pool.submit(told).result() == ("Anna Berg", ODDLY)
