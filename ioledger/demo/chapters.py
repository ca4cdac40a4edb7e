"""The chapters of the tour, in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ioledger.demo import evening
from ioledger.demo.comparison import packaged
from ioledger.lake import reader

if TYPE_CHECKING:
    from ioledger.demo.stage import Stage

_RATE_CARD: Final = ("--rate-card", "rates.toml")
_MONTHS_END: Final = "2026-11-01"


def tell(stage: Stage, story: dict[str, Any]) -> None:
    """Tell all of them; the working directory is the demo's."""
    _collecting(stage, story)
    _usage(stage)
    checked = f"{stage.clock.moment:%Y-%m-%dT%H:%MZ}"
    _check(stage, checked)
    _drift(stage, checked)
    stage.clock.moment = story["closed_at"]
    _bill(stage)
    stage.clock.moment = story["delivered_at"]
    _late(stage)
    _explain(stage)
    _pages(stage)


def _collecting(stage: Stage, story: dict[str, Any]) -> None:
    stage.chapter(
        "Collecting",
        """It is the last evening of October. Every ten minutes the counters and caps of seven guests are read on
        three hosts, every hour what the array is set to and what the shop has sold. Guest batch moves to another
        host, web is restarted, a volume grows, and the collector of kvm-b is down for half an hour. The branch
        office has a collector of its own, whose files are copied here, until at 22:00 its line goes down.""",
    )
    stage.type("ioledger collect", "ioledger --config branch/ioledger.toml collect", evening.DELIVER)
    times = evening.collect(stage.app, stage.clock, story)
    stage.write(f"(the first two {times} times each, the copy every hour until the line is down)", "dim")


def _usage(stage: Stage) -> None:
    stage.chapter(
        "Usage",
        """The counters become usage records, and each operation is in one class. Of the half hour that kvm-b was not
        read nothing is lost, but nobody knows how even it was: it is unclassified. Here is the last hour: of what the
        array does, 14.4 million operations are those of batch, which has no guarantee and no limit.""",
    )
    stage.run("usage", "build", "--to", _MONTHS_END)
    stage.run("usage", "show", "--by", "pool", "--from", "2026-10-31T23:00Z", "--to", _MONTHS_END)


def _check(stage: Stage, moment: str) -> None:
    stage.chapter(
        "Who limits whom",
        """The rules find the conflict: analytics pays for 500 IOPS and is capped at 300 (QOS102). They find the drift:
        mail is sold by the GiB, grew, and the array's minimum did not (QOS207); with what is owed to it the pool is
        overbooked (QOS301). And they find whom the noisy neighbour hurts: shop-db waits, and gets 320 of its 500 IOPS
        (QOS306). The exit code is 1 where something serious is wrong.""",
    )
    stage.run("check", "--at", moment, ends=1)


def _drift(stage: Stage, moment: str) -> None:
    stage.chapter("Sold, set and enforced", "For whoever mends it: what three systems say of a volume, side by side.")
    stage.run("volumes", "--drift", "--at", moment)


def _bill(stage: Stage) -> None:
    stage.chapter(
        "The month's bill",
        """Two days later October is billed. Nobody bought the volume of scratch, so that its operations have no price,
        which is told (exit code 3). Closing freezes the bill, and is refused while anything speaks against it.""",
    )
    stage.run("rate", "--period", "2026-10", *_RATE_CARD, ends=3)
    stage.run("close", "2026-10", ends=2)
    stage.say("Whoever knows better says so, and the reason is kept with the month.")
    despite = (word for kind in ("provisional", "findings", "unpriced") for word in ("--despite", kind))
    stage.run("close", "2026-10", *despite, "--because", "the branch office follows; the rest is in hand")
    stage.run("export", "charges", "--period", "2026-10", "--as", "csv", "--to", "october.csv")


def _late(stage: Stage) -> None:
    stage.chapter(
        "What comes late",
        """The line to the branch office is back, and with it two hours of October. The closed bill stays as it is; the
        next one takes back the lines that would have come out otherwise, and bills them anew.""",
    )
    stage.type(evening.DELIVER)
    evening.deliver()
    stage.run("usage", "build", "--to", _MONTHS_END, "--explain")
    stage.run("rate", "--period", "2026-11", *_RATE_CARD)
    stage.run("close", "2026-10", "--verify")


def _explain(stage: Stage) -> None:
    stage.chapter(
        "Where an amount comes from",
        """The credit for analytics, as an example: every step is made again, down to the samples and the files they
        are in.""",
    )
    with reader.connect(stage.app.lake()) as connection:
        ((charge_id,),) = connection.sql(packaged("credit.sql")).fetchall()
    stage.run("explain", charge_id[:12])


def _pages(stage: Stage) -> None:
    stage.chapter(
        "To be looked at",
        """A page of the month for operators and finance, and a picture of shop-db: above its maximum at 22:00, below
        its minimum from 23:00 on. Open both in a browser.""",
    )
    stage.run("report", "--period", "2026-10", "--to", "report.html")
    stage.run("plot", "vol-shop-db", "--from", "2026-10-31T18:00Z", "--to", _MONTHS_END, "--to-file", "disk.svg")
