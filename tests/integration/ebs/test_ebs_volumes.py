"""What a source of type ebs says of volumes: from moto, and from answers as AWS documents them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from ebs_reading import Runs, by_volume, source_of
from ebs_site import (
    IDENTITY,
    MODIFICATIONS,
    STATISTICS,
    VOLUMES,
    Account,
    elements,
    listing,
    refusal,
)

from collectors.storage.ebs import EbsSource
from ioledger.clock import SystemClock
from ioledger.config import validated
from ioledger.errors import ConfigurationError, SourceError

MIB = 1024**2
GIB = 1024**3
BEGAN = "2025-11-22T11:30:00.000Z"
BEGAN_AT = datetime(2025, 11, 22, 11, 30, tzinfo=UTC)
LIMITS = ("min_iops", "max_iops", "burst_iops", "max_bps", "min_enforced", "iops_unit_bytes", "size_bytes")


def limits(row: dict[str, object]) -> tuple[object, ...]:
    return tuple(row[name] for name in LIMITS)


SSD, HDD = 256 * 1024, 1024 * 1024


TYPES = [
    ("io1", 100, {"iops": 5000}, (5000, 5000, None, None, True, SSD, 100 * GIB)),
    ("io2", 100, {"iops": 64000}, (64000, 64000, None, None, True, SSD, 100 * GIB)),
    ("gp3", 10, {"iops": 3000, "throughput": 125}, (3000, 3000, None, 125 * MIB, True, SSD, 10 * GIB)),
    ("gp2", 1, {}, (None, 100, 3000, 128 * MIB, None, SSD, GIB)),
    ("gp2", 34, {}, (None, 102, 3000, 128 * MIB, None, SSD, 34 * GIB)),
    ("gp2", 170, {}, (None, 510, 3000, 128 * MIB, None, SSD, 170 * GIB)),
    ("gp2", 171, {}, (None, 513, 3000, 250 * MIB, None, SSD, 171 * GIB)),
    ("gp2", 999, {}, (None, 2997, 3000, 250 * MIB, None, SSD, 999 * GIB)),
    ("gp2", 1000, {}, (None, 3000, None, 250 * MIB, None, SSD, 1000 * GIB)),
    ("gp2", 5334, {}, (None, 16000, None, 250 * MIB, None, SSD, 5334 * GIB)),
    ("st1", 500, {}, (None, None, None, 500 * 250 * MIB // 1024, None, HDD, 500 * GIB)),
    ("st1", 4096, {}, (None, None, None, 500 * MIB, None, HDD, 4096 * GIB)),
    ("sc1", 1024, {}, (None, None, None, 80 * MIB, None, HDD, 1024 * GIB)),
    ("sc1", 16384, {}, (None, None, None, 250 * MIB, None, HDD, 16384 * GIB)),
    ("standard", 8, {}, (None, None, None, None, None, None, 8 * GIB)),
]


def test_volumes_have_what_their_types_promise(site: Account, runs: Runs) -> None:
    expected = {site.volume(kind, size_gib, **set_to): (kind, wanted) for kind, size_gib, set_to, wanted in TYPES}
    reading = runs.read()
    found = by_volume(reading)
    assert reading.error is None
    assert {volume: limits(row) for volume, row in found.items()} == {
        volume: wanted for volume, (_, wanted) in expected.items()
    }
    for volume, (kind, _) in expected.items():
        row = found[volume]
        assert (row["volume_id"], row["pool_id"], row["backend"]) == (volume, f"eu-central-1a/{kind}", "ebs")
        assert (row["attached_count"], row["modified_at"]) == (0, None)


def test_what_aws_says_of_a_gp2_volume_outranks_its_size(site: Account, runs: Runs) -> None:
    site.proxy.answer(VOLUMES, listing("DescribeVolumes", described("vol-0a1", "gp2", size=2000, iops=4500)))
    assert limits(by_volume(runs.read())["vol-0a1"])[:3] == (None, 4500, None)


def described(volume: str, kind: str = "io2", attachments: str = "", size: int = 100, **more: object) -> str:
    """Return a volume as DescribeVolumes has it."""
    return elements(
        volumeId=volume, size=size, availabilityZone="eu-central-1a", status="in-use", volumeType=kind,
        createTime="2025-01-02T03:04:05.000Z", attachmentSet=attachments, **more,
    )  # fmt: skip


def modified(volume: str, state: str, original: dict[str, object], target: dict[str, object]) -> str:
    """Return a modification as DescribeVolumesModifications has it."""
    sides = {f"original{name}": value for name, value in original.items()}
    sides |= {f"target{name}": value for name, value in target.items()}
    return elements(volumeId=volume, modificationState=state, startTime=BEGAN, progress=50, **sides)


def io2(size: int, iops: int) -> dict[str, object]:
    return {"VolumeType": "io2", "Size": size, "Iops": iops}


GP3 = {"VolumeType": "gp3", "Size": 100, "Iops": 6000, "Throughput": 250}


CHANGES = [
    ("modifying", io2(100, 1000), io2(200, 4000), (1000, 1000, None, None, True, SSD, 100 * GIB), "io2", None),
    ("optimizing", io2(100, 1000), io2(200, 4000), (1000, 4000, None, None, True, SSD, 200 * GIB), "io2", BEGAN_AT),
    ("optimizing", io2(200, 4000), io2(200, 1000), (1000, 4000, None, None, True, SSD, 200 * GIB), "io2", BEGAN_AT),
    ("optimizing", io2(100, 9000), GP3, (6000, 9000, None, None, True, SSD, 100 * GIB), "gp3", BEGAN_AT),
    (
        "optimizing", {"VolumeType": "gp2", "Size": 100, "Iops": 300}, GP3,
        (None, 6000, None, 250 * MIB, None, SSD, 100 * GIB), "gp3", BEGAN_AT,
    ),
    (
        "optimizing", {"VolumeType": "st1", "Size": 100}, GP3,
        (None, None, None, 250 * MIB, None, None, 100 * GIB), "gp3", BEGAN_AT,
    ),
    ("completed", io2(100, 1000), io2(200, 4000), (7000, 7000, None, None, True, SSD, 300 * GIB), "io2", BEGAN_AT),
    ("failed", io2(100, 1000), io2(200, 4000), (7000, 7000, None, None, True, SSD, 300 * GIB), "io2", None),
]  # fmt: skip


def test_while_a_volume_is_modified_it_has_what_is_certain(site: Account, runs: Runs) -> None:
    volumes = [f"vol-0a{number}" for number in range(len(CHANGES))]
    now = [described(volume, "io2", size=300, iops=7000) for volume in volumes]
    changes = [modified(volume, *change[:3]) for volume, change in zip(volumes, CHANGES, strict=True)]
    site.proxy.answer(VOLUMES, listing("DescribeVolumes", *now))
    site.proxy.answer(MODIFICATIONS, listing("DescribeVolumesModifications", *changes))
    found = by_volume(runs.read())
    for volume, (state, original, target, wanted, kind, modified_at) in zip(volumes, CHANGES, strict=True):
        row = found[volume]
        told = (limits(row), row["pool_id"], row["modified_at"])
        assert told == (wanted, f"eu-central-1a/{kind}", modified_at), (state, original, target)


def test_the_latest_modification_counts_and_shows_from_run_to_run(site: Account, runs: Runs) -> None:
    volume = site.volume("gp3", 10, iops=3000, throughput=125)
    before = by_volume(runs.read())[volume]
    for iops in (4000, 6000):
        site.ec2.modify_volume(volume, target_iops=iops)
    older, latest = site.ec2.get_volume(volume).modifications
    older.start_time, latest.start_time = datetime(2025, 11, 22, 11), datetime(2025, 11, 22, 11, 30)  # noqa: DTZ001
    site.ec2.get_volume(volume).modifications.reverse()
    after = by_volume(runs.read(5))[volume]
    assert (before["min_iops"], before["modified_at"]) == (3000, None)
    assert (after["min_iops"], after["modified_at"]) == (6000, BEGAN_AT)


def attached(instance: str | None, state: str = "attached", device: str | None = "/dev/sdf") -> str:
    since = "2025-11-22T08:00:00.000Z"
    return f"<item>{elements(instanceId=instance, device=device, status=state, attachTime=since)}</item>"


def test_disks_on_a_volume_are_counted_and_those_that_come_or_went_are_not(site: Account, runs: Runs) -> None:
    both = attached("i-1") + attached("i-2", "detaching") + attached("i-3", "attaching") + attached("i-4", "detached")
    task = attached(None, device=None)
    site.proxy.answer(
        VOLUMES,
        listing("DescribeVolumes", described("vol-0a1", "io2", both, iops=1000, multiAttachEnabled="true"),
                described("vol-0a2", "gp3", task, iops=3000)),
    )  # fmt: skip
    reading = runs.read()
    assert {volume: row["attached_count"] for volume, row in by_volume(reading).items()} == {"vol-0a1": 2, "vol-0a2": 1}


def test_what_is_no_volume_any_more_is_not_listed(site: Account, runs: Runs) -> None:
    gone = [described(f"vol-0b{number}").replace("in-use", state)
            for number, state in enumerate(("deleting", "deleted", "error"))]  # fmt: skip
    site.proxy.answer(VOLUMES, listing("DescribeVolumes", described("vol-0a1"), *gone))
    assert set(by_volume(runs.read())) == {"vol-0a1"}


def test_guests_see_the_id_as_a_serial_number(site: Account, runs: Runs) -> None:
    site.proxy.answer(VOLUMES, listing("DescribeVolumes", described("vol-0123456789abcdef0")))
    for minutes in (0, 60):
        (alias,) = runs.read(minutes).tables["volume_alias"]
        assert alias == {
            "namespace": "serial",
            "alias": "vol0123456789abcdef0",
            "volume_id": "vol-0123456789abcdef0",
            "valid_from": datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC),
        }


def test_rules_name_volumes_by_their_tag_or_their_id(site: Account) -> None:
    rules = [
        {"from": "name", "pattern": "kubernetes-(?P<id>.+)", "volume_id": "{id}"},
        {"from": "id", "pattern": "vol-(?P<id>.+)", "volume_id": "ebs/{id}"},
    ]
    named, plain = site.volume(name="kubernetes-pvc-7"), site.volume(name="data")
    site.attach(named, "i-1", datetime(2025, 11, 22, 8, tzinfo=UTC))
    site.sums(named, datetime(2025, 11, 22, 11, 45, tzinfo=UTC), read_ops=1, write_ops=1, read_bytes=1, write_bytes=1)
    reading = Runs(source_of(site, volume_id=rules)).read()
    names = {volume: row["volume_id"] for volume, row in by_volume(reading).items()}
    assert names == {named: "pvc-7", plain: f"ebs/{plain.removeprefix('vol-')}"}
    assert [row["volume_id"] for row in reading.tables["disk_io_stat"]] == ["pvc-7"]
    assert {row["volume_id"] for row in reading.tables["volume_alias"]} == set(names.values())


def test_two_volumes_of_one_name_are_told_of_and_the_first_has_it(site: Account) -> None:
    volumes = sorted(site.volume(name="twin") for _ in range(2))
    reading = Runs(source_of(site, volume_id=[{"from": "name"}])).read()
    assert [row["native_id"] for row in reading.tables["provisioned_iops"]] == volumes[:1]
    assert reading.error is not None
    assert f"{volumes[1]}: the rules name it twin, as they do {volumes[0]}" in reading.error


def test_volumes_come_in_pages(site: Account, runs: Runs) -> None:
    volumes = {site.volume() for _ in range(8)}
    reading = runs.read()
    assert (set(by_volume(reading)), reading.error) == (volumes, None)
    assert len(site.asked(VOLUMES)) == 3
    assert all("MaxResults=500" in body for body in site.asked(VOLUMES))


def test_a_page_that_is_lost_leaves_the_others_and_makes_the_run_partial(site: Account, runs: Runs) -> None:
    for _ in range(8):
        site.volume()
    site.lose_part()
    reading = runs.read()
    assert len(by_volume(reading)) == 3
    assert reading.error is not None
    assert "the volumes after the first 3: the answer is none of AWS's" in reading.error
    assert "\n" not in reading.error


def test_a_list_that_turns_in_circles_is_not_taken_for_complete(site: Account, runs: Runs) -> None:
    site.proxy.answer(VOLUMES, listing("DescribeVolumes", described("vol-0a1"), next_token="again"))  # noqa: S106
    reading = runs.read()
    assert set(by_volume(reading)) == {"vol-0a1"}
    assert "leads to itself" in str(reading.error)


def test_lost_modifications_make_the_run_partial(site: Account, runs: Runs) -> None:
    site.volume()
    change = modified("vol-0a1", "completed", io2(1, 100), io2(1, 200))
    site.proxy.answer(
        f"{MODIFICATIONS}(?!.*NextToken)",
        listing("DescribeVolumesModifications", change, next_token="2"),  # noqa: S106 - a token of a page
    )
    site.proxy.answer(MODIFICATIONS, *refusal("InternalError", "An internal error has occurred"))
    reading = runs.read()
    assert len(by_volume(reading)) == 1
    assert "the modifications of volumes after the first 1: InternalError" in str(reading.error)


def test_throttling_is_waited_for(site: Account, runs: Runs) -> None:
    volume = site.volume()
    throttled = refusal("RequestLimitExceeded", "Request limit exceeded.")[0]
    site.proxy.answer_once(VOLUMES, throttled, 503)
    site.proxy.requests.clear()
    reading = runs.read()
    assert (set(by_volume(reading)), reading.error) == ({volume}, None)
    assert len(site.asked(VOLUMES)) == 2


@pytest.mark.parametrize("code", ["AuthFailure", "UnauthorizedOperation", "RequestExpired"])
def test_a_refusal_fails_the_run_in_a_sentence_and_is_not_repeated(site: Account, runs: Runs, code: str) -> None:
    site.proxy.answer(VOLUMES, *refusal(code, "You are not authorized to perform this operation."))
    with pytest.raises(SourceError, match=f"the volumes cannot be listed: {code}: You are not .* `ioledger doctor`"):
        runs.read()
    assert len(site.asked(VOLUMES)) == 1


def test_keys_that_were_changed_after_a_refusal_are_used(site: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Runs(source_of(site))
    site.refuse()
    with pytest.raises(SourceError):
        runs.read()
    site.mend()
    monkeypatch.setenv("EBS_ACCESS_KEY_ID", "AKIAIOLEDGERTESTS002")
    runs.read()
    assert site.key_ids == {"AKIAIOLEDGERTESTS002"}
    runs.source.close()


def test_a_secret_in_an_error_is_starred(site: Account, runs: Runs) -> None:
    site.proxy.answer(VOLUMES, *refusal("SignatureDoesNotMatch", f"key {site.secrets[0]} and {site.secrets[1]}"))
    with pytest.raises(SourceError, match=r"key \*\*\* and \*\*\*"):
        runs.read()


def test_doctor_tells_who_asks_and_what_is_allowed(site: Account, runs: Runs) -> None:
    for right in (VOLUMES, MODIFICATIONS):
        site.proxy.answer(right, *refusal("DryRunOperation", "Request would have succeeded, but DryRun flag is set."))
    checks = runs.source.examine(SystemClock())
    assert [check.mend for check in checks] == [None] * 5
    assert checks[0].found == "arn:aws:sts::123456789012:user/moto of account 123456789012"
    assert checks[1].name == "clock"
    assert [check.found for check in checks[2:]] == [
        f"{right} in eu-central-1 is allowed"
        for right in ("ec2:DescribeVolumes", "ec2:DescribeVolumesModifications", "cloudwatch:GetMetricData")
    ]
    assert len(site.asked(STATISTICS)) == 1


def test_doctor_names_the_right_that_is_missing(site: Account, runs: Runs) -> None:
    site.proxy.answer(MODIFICATIONS, *refusal("UnauthorizedOperation", "You are not authorized."))
    (broken,) = [check for check in runs.source.examine(SystemClock()) if check.mend]
    assert (broken.name, broken.found) == (
        "rights",
        "ec2:DescribeVolumesModifications in eu-central-1: UnauthorizedOperation: You are not authorized.",
    )
    assert "docs/ebs.md" in str(broken.mend)


def test_doctor_tells_of_a_clock_that_is_wrong_even_where_the_login_fails(site: Account, runs: Runs) -> None:
    date = (datetime.now(UTC) + timedelta(minutes=7)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    body, status = refusal("RequestExpired", "Request has expired.")
    site.proxy.answer(IDENTITY, body.replace(b"Errors>", b"ErrorResponse>"), status, {"Date": date})
    login, clock = runs.source.examine(SystemClock())
    assert login.mend is not None
    assert clock.name == "clock"
    assert clock.found in {"420 s behind AWS", "419 s behind AWS", "421 s behind AWS"}
    assert "5 minutes" in str(clock.mend)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "the key 'region' is missing"),
        ({"region": "Frankfurt"}, "region"),
        ({"region": "eu-central-1", "access_key_id": {"env": "A"}}, "belong together; give both or neither"),
        (
            {
                "region": "eu-central-1",
                "profile": "x",
                "access_key_id": {"env": "A"},
                "secret_access_key": {"env": "B"},
            },
            "two sets of credentials; give one of them",
        ),
        ({"region": "eu-central-1", "volume_id": [{"from": "serial"}]}, "'id' or 'name'"),
        ({"region": "eu-central-1", "endpoint_url": "localhost:4566"}, "endpoint_url"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        validated(EbsSource.Settings, settings, "ioledger.toml [sources.ebs]")


def test_a_profile_that_is_not_there_is_told_of(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", f"{tmp_path}/none")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", f"{tmp_path}/none")
    source = EbsSource(validated(EbsSource.Settings, {"region": "eu-central-1", "profile": "metering"}, "sources.ebs"))
    with pytest.raises(SourceError, match=r"The config profile .metering. could not be found"):
        source.examine(SystemClock())
