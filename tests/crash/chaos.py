"""Kills at random: any process of a cluster, the whole of it, the sweeper, a manager's browser tab, the database's connections, the machine."""

from __future__ import annotations

import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable

from django.db import DatabaseError, connection, transaction

from tests.crash.aimed import AimingSandbox
from tests.crash.hands import Hands
from tests.crash.processes import Cluster, Processes, Sweeper
from tests.crash.servers import HARNESS, OwnPostgres, OwnRedis
from tests.crash.ticking import let_the_night_pass, whatever_it_takes
from tests.running import wait_until

RESTART_EVERY = 25.0  # seconds at least between two restarts of a server
LOCKED_SECONDS = 1.5


class World:
    """What is running: the clusters, the sweeper, the hands, and what they work with."""

    def __init__(
        self,
        *,
        processes: Processes,
        sandbox: AimingSandbox,
        clusters: int,
        hands: int,
        is_bare: bool = False,
        postgres: OwnPostgres | None = None,
        redis: OwnRedis | None = None,
    ) -> None:
        self.processes = processes
        self.sandbox = sandbox
        self.postgres = postgres
        self.redis = redis
        self.clusters = [Cluster(processes, number, is_bare=is_bare or number > 0) for number in range(clusters)]
        self.clusters.append(Cluster(processes, 0, is_bare=False, queue="exports"))
        self.sweeper = Sweeper(processes, pause=2)
        self.hands = Hands(processes, hands)

    def keep(self) -> None:
        """Listen to the hands, and start again what has been killed and has nobody else to start it."""
        self.hands.listen()
        self.sweeper.keep()
        for cluster in self.clusters:
            cluster.keep()

    def night(self) -> None:
        """Every machine but the database goes down at once, and comes back hours later."""
        self.stop_all()
        wait_until(lambda: self.sandbox.calls == 0, 60, "the sandbox is still answering")
        whatever_it_takes(let_the_night_pass)
        for cluster in self.clusters:
            cluster.start()
        self.sweeper.start()

    def stop_all(self) -> None:
        for cluster in self.clusters:
            cluster.kill_unit()
        self.sweeper.kill()
        self.processes.kill_all("manage.py")


class Chaos:
    """`once` does one thing from the list, with the chances that stand in it. The counts are of what was really hit."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self.world = world
        self.rng = rng
        self.kills: Counter[str] = Counter()
        self._restarted = time.monotonic()

    def once(self) -> None:
        deeds: list[tuple[float, str, Callable[[], bool]]] = [
            (16, "any worker", lambda: self.one_of("worker")),
            (10, "pusher", lambda: self.one_of("pusher")),
            (10, "monitor", lambda: self.one_of("monitor")),
            (8, "sentinel", lambda: self.one_of("sentinel")),
            (8, "main process of a cluster", lambda: self.one_of("main")),
            (12, "whole cluster", lambda: self.rng.choice(self.world.clusters).kill_cluster()),
            (4, "watchdog and its cluster", self.unit),
            (8, "sweeper", self.sweeper),
            (8, "manager's process", self.hand),
            (3, "a command that sends", self.command),
        ]
        if connection.vendor == "postgresql":
            deeds += [
                (8, "one database connection", lambda: self.cut(1)),
                (5, "all database connections", lambda: self.cut(None)),
            ]
        else:
            deeds += [(5, "(database locked for a while)", self.lock)]
        if time.monotonic() - self._restarted > RESTART_EVERY:
            if self.world.postgres:
                deeds += [(15, "PostgreSQL, stopped at once", self.restart_postgres)]
            if self.world.redis:
                deeds += [(8, "Redis", self.restart_redis), (8, "Redis emptied", self.empty_redis)]
        _, name, deed = self.rng.choices(deeds, [share for share, *_ in deeds])[0]
        if deed():
            self.kills[name] += 1

    @property
    def total(self) -> int:
        """Without what only held something up."""
        return sum(count for name, count in self.kills.items() if not name.startswith("("))

    # --- Processes ----------------------------------------------------------------------------------------------

    def one_of(self, role: str) -> bool:
        pids = self.rng.choice(self.world.clusters).members().get(role, [])
        return bool(pids) and self.world.processes.kill(self.rng.choice(pids))

    def unit(self) -> bool:
        cluster = self.rng.choice(self.world.clusters)
        was_alive = cluster.kill_unit()
        cluster.start()
        return was_alive

    def sweeper(self) -> bool:
        if self.world.sweeper.process.poll() is not None:
            return False
        self.world.sweeper.kill()
        return True

    def hand(self) -> bool:
        busy = self.world.hands.busy()
        return bool(busy) and self.world.processes.kill(self.rng.choice(busy).process.pid)

    def command(self) -> bool:
        running = self.world.processes.all("manage.py export")
        return bool(running) and self.world.processes.kill(self.rng.choice(running).pid)

    # --- The database and the broker ----------------------------------------------------------------------------

    def cut(self, most: int | None) -> bool:
        """Connections of the processes, ended by the server."""
        statement = (
            "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' AND application_name <> %s ORDER BY random() LIMIT %s) AS chosen"
        )
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, [HARNESS, most])
                return bool(cursor.fetchone()[0])
        except DatabaseError:
            connection.close()
            return False

    def lock(self) -> bool:
        """SQLite: somebody holds the only write lock."""
        with contextlib.suppress(DatabaseError), transaction.atomic():
            time.sleep(LOCKED_SECONDS)
            return True
        return False

    def restart_postgres(self) -> bool:
        assert self.world.postgres
        connection.close()
        self.world.postgres.stop_at_once()
        time.sleep(self.rng.uniform(0, 2))
        self.world.postgres.start()
        self._restarted = time.monotonic()
        return True

    def restart_redis(self) -> bool:
        assert self.world.redis
        self.world.redis.restart()
        self._restarted = time.monotonic()
        return True

    def empty_redis(self) -> bool:
        assert self.world.redis
        self.world.redis.empty()
        self._restarted = time.monotonic()
        return True
