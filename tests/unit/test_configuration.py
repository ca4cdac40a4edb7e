"""ioledger.toml: what is valid, and sentences for what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ioledger.config import Secret, StrictModel, load, validated
from ioledger.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


class ArraySettings(StrictModel):
    """A source with a secret, as a source of a vendor's array would have it."""

    url: str
    password: Secret


def mistake_in(tmp_path: Path, text: str) -> str:
    path = tmp_path / "ioledger.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load(path)
    return str(caught.value).replace(str(tmp_path), "")


def test_an_empty_file_is_a_configuration(tmp_path: Path) -> None:
    (tmp_path / "ioledger.toml").write_text("")
    configuration = load(tmp_path / "ioledger.toml")
    assert (configuration.lake, configuration.sources, configuration.rules) == ("lake", {}, {})


VALID = "valid keys are check, export, lake, object_store, rules, sources"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            'lakes = "x"',
            f"unknown key 'lakes' (did you mean 'lake'?); {VALID}",
        ),
        ("colour = 1", f"unknown key 'colour'; {VALID}"),
        ("lake = 7", "key 'lake': input should be a valid string (received 7); write text, in quotes"),
        ('lake = ""', "key 'lake': string should have at least 1 character"),
        ("[sources.kvm]\nuri = 'x'", "the key 'sources.kvm.type' is missing; add it"),
        ("[sources]\nkvm = 1", "key 'sources.kvm': input should be a valid dictionary"),
        ("[rules.QOS402]\ngrace_seconds = 1.5", "key 'rules.QOS402.grace_seconds': input should be a valid integer"),
    ],
)
def test_a_mistake_names_the_file_the_key_and_what_is_valid(tmp_path: Path, text: str, sentence: str) -> None:
    assert mistake_in(tmp_path, text).startswith(f"/ioledger.toml: {sentence}")


@pytest.mark.parametrize("name", ["KVM", "a/b", "..", ".hidden", "a b", "größe", "-x", "x" * 64, ""])
def test_a_name_that_cannot_be_a_directory_is_refused(tmp_path: Path, name: str) -> None:
    assert mistake_in(tmp_path, f'[sources."{name}"]\ntype = "libvirt"') == (
        f"/ioledger.toml: {name!r} is no source name; use lower-case letters, digits, '.', '_' and '-', at most 63"
    )


def test_a_syntax_error_names_its_line(tmp_path: Path) -> None:
    told = mistake_in(tmp_path, 'lake = "x"\nsources = [\n')
    assert told.startswith("/ioledger.toml cannot be read as TOML: ")
    assert "line 2" in told or "line 3" in told or "end of document" in told
    assert told.endswith("; correct it there")


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "ioledger.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="cannot be read as TOML"):
        load(tmp_path / "ioledger.toml")


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path / "none.toml")
    assert str(caught.value) == (
        f"there is no configuration at {tmp_path / 'none.toml'}; "
        "write one with `ioledger init`, or name another with --config"
    )


def test_a_secret_is_read_from_the_environment_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARRAY_PASSWORD", "hunter2")
    (tmp_path / "password").write_text("hunter3\n")
    assert Secret(env="ARRAY_PASSWORD").reveal().get_secret_value() == "hunter2"
    assert Secret(file=str(tmp_path / "password")).reveal().get_secret_value() == "hunter3"
    assert "hunter" not in repr(Secret(env="ARRAY_PASSWORD").reveal())


def test_a_secret_that_is_missing_names_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARRAY_PASSWORD", raising=False)
    with pytest.raises(ConfigurationError) as caught:
        Secret(env="ARRAY_PASSWORD").reveal()
    assert str(caught.value) == (
        "the secret's environment variable ARRAY_PASSWORD is not set; set it, or name a file instead"
    )
    with pytest.raises(ConfigurationError) as caught:
        Secret(file=str(tmp_path / "none")).reveal()
    assert str(caught.value) == (
        f"the secret's file {tmp_path / 'none'} cannot be read: No such file or directory; "
        "give the user who collects access to it"
    )


@pytest.mark.parametrize(
    "password",
    ["hunter2", ["hunter2"], {"env": "A", "file": "hunter2"}, {}, {"value": "hunter2"}, {"env": ["hunter2"]}],
)
def test_a_secret_that_was_written_into_the_configuration_is_refused_and_not_repeated(password: object) -> None:
    with pytest.raises(ConfigurationError) as caught:
        validated(ArraySettings, {"url": "https://array", "password": password}, "sources.array")
    assert str(caught.value).startswith("sources.array: ")
    assert "password" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_keys_of_a_source_are_named_as_well() -> None:
    with pytest.raises(ConfigurationError) as caught:
        validated(ArraySettings, {"ulr": "https://array", "password": {"env": "A"}}, "sources.array")
    assert str(caught.value) == ("sources.array: unknown key 'ulr' (did you mean 'url'?); valid keys are password, url")
    with pytest.raises(ConfigurationError) as caught:
        validated(ArraySettings, {"url": "https://array", "password": {"enf": "A"}}, "sources.array")
    assert str(caught.value) == (
        "sources.array: unknown key 'password.enf' (did you mean 'env'?); valid keys are env, file"
    )
