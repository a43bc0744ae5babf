import os
from pathlib import Path

import pytest

from stack.environment import Environment, WrongEnvironment, default_data_dir, read, refuse_unprotected

DATABASE = "postgresql://me:hush-database@db.example:5432/lorapipe"
KEY = "sk-hush-key"


def problems(**environ: str) -> list[str]:
    with pytest.raises(WrongEnvironment) as caught:
        read(environ)
    return caught.value.problems


def test_nothing_set_is_demo_mode_with_its_own_limit() -> None:
    found = read({})
    assert (found.demo, found.mode, found.provider_label, found.rate_limit_rpm) == (
        True,
        "demo",
        "simulated",
        600,
    )
    assert (found.port, found.host, found.anthropic_max_tokens) == (8000, "127.0.0.1", 8192)
    assert (found.worker_slots, found.max_concurrency, found.anthropic_temperature) == (32, 10, None)


def test_empty_values_count_as_unset() -> None:
    names = ("PORT", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "DATABASE_URL", "ANTHROPIC_MODEL", "HOST")
    assert read(dict.fromkeys(names, "  ")) == read({})


def test_a_key_means_the_real_service_at_its_usual_limit() -> None:
    found = read({"ANTHROPIC_API_KEY": KEY})
    assert (found.mode, found.provider_label, found.rate_limit_rpm) == ("real", "Anthropic API", 50)


def test_a_base_url_without_a_key_sends_a_placeholder() -> None:
    found = read({"ANTHROPIC_BASE_URL": "http://gateway.example:8080/"})
    assert (found.anthropic_api_key, found.anthropic_base_url) == ("unused", "http://gateway.example:8080")
    assert found.provider_label == "gateway.example:8080"
    assert not found.demo


@pytest.mark.parametrize(
    ("url", "other"),
    [
        (None, False),
        ("https://api.anthropic.com", False),
        ("https://anthropic.com.example", True),
        ("http://127.0.0.1:8000/prefix", True),
    ],
)
def test_another_server_than_anthropics(url: str | None, *, other: bool) -> None:
    assert read({"ANTHROPIC_BASE_URL": url or "", "ANTHROPIC_API_KEY": KEY}).has_other_server is other


def test_how_many_refusals_in_a_row_pause_a_batch() -> None:
    assert read({}).refusals_in_a_row == 5
    assert read({"LORAPIPE_REFUSALS_IN_A_ROW": "12"}).refusals_in_a_row == 12


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LORAPIPE_REFUSALS_IN_A_ROW", "0"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "eighty"),
        ("PORT", "8_000"),
        ("PORT", "-1"),
        ("HOST", "http://localhost"),
        ("HOST", "two words"),
        ("LORAPIPE_DATA_DIR", "relative/folder"),
        ("DATABASE_URL", "mysql://me@db/lorapipe"),
        ("DATABASE_URL", "postgresql://me@db/"),
        ("DATABASE_URL", "postgresql://me@db:0/lorapipe"),
        ("REDIS_URL", "http://localhost"),
        ("ANTHROPIC_API_KEY", "two words"),
        ("ANTHROPIC_BASE_URL", "gateway.example"),
        ("ANTHROPIC_BASE_URL", "https://gateway.example/v1"),
        ("ANTHROPIC_BASE_URL", "https://gateway.example/v1/"),
        ("ANTHROPIC_MODEL", "claude sonnet"),
        ("ANTHROPIC_MAX_TOKENS", "0"),
        ("ANTHROPIC_MAX_TOKENS", "128001"),
        ("ANTHROPIC_TEMPERATURE", "1.1"),
        ("ANTHROPIC_TEMPERATURE", "nan"),
        ("ANTHROPIC_TEMPERATURE", "warm"),
        ("RATE_LIMIT_RPM", "0"),
        ("RATE_LIMIT_RPM", "1000001"),
        ("RATE_LIMIT_RPM", "5.5"),
        ("LORAPIPE_WORKER_SLOTS", "0"),
        ("LORAPIPE_WORKER_SLOTS", "1001"),
        ("LORAPIPE_MAX_CONCURRENCY", "0"),
        ("LORAPIPE_MAX_CONCURRENCY", "1001"),
        ("LORAPIPE_AUDIT_DAYS", "-1"),
        ("LORAPIPE_SLOW_QUERY_MS", "soon"),
        ("LORAPIPE_LOG_FORMAT", "xml"),
        ("LORAPIPE_METRICS", "everybody"),
    ],
)
def test_a_wrong_value_is_refused_by_name(name: str, value: str) -> None:
    [problem] = problems(**{name: value})
    assert problem.startswith(f"{name}=")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "65535"),
        ("HOST", "::1"),
        ("DATABASE_URL", "postgres:///lorapipe"),
        ("REDIS_URL", "unix:///run/redis.sock"),
        ("REDIS_URL", "rediss://:word@host:6380/1"),
        ("ANTHROPIC_TEMPERATURE", "0"),
        ("RATE_LIMIT_RPM", "1000000"),
    ],
)
def test_values_at_the_edge_are_taken(name: str, value: str) -> None:
    assert read({name: value})


def test_all_problems_come_at_once_without_the_secrets() -> None:
    found = problems(
        PORT="0",
        DATABASE_URL="mysql://me:hush-database@db/x",
        REDIS_URL="http://:hush-redis@host",
        ANTHROPIC_API_KEY="hush key",
        ANTHROPIC_BASE_URL="https://me:hush-gateway@host/v1",
        LORAPIPE_ENCRYPTION_KEYS="hush-too-short",
    )
    assert len(found) == 6
    assert "hush" not in "".join(found)


def test_secrets_are_not_in_the_repr_or_the_fingerprint() -> None:
    found = read(
        {
            "DATABASE_URL": DATABASE,
            "ANTHROPIC_API_KEY": KEY,
            "REDIS_URL": "redis://:hush-redis@host",
            "LORAPIPE_ENCRYPTION_KEYS": f"{'hush' * 10}hug=, {'a' * 42}A=",
        }
    )
    assert found.encryption_keys == ("hush" * 10 + "hug=", "a" * 42 + "A=")
    assert "hush" not in repr(found) + repr(found.fingerprint())


def test_keys_by_name_stand_beside_the_installations_own() -> None:
    found = read(
        {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_API_KEY_RESEARCH": "hush-two", "ANTHROPIC_API_KEY_B": " "}
    )
    assert found.named_api_keys == {"research": "hush-two"}
    assert "hush" not in repr(found) + repr(found.fingerprint())
    assert "ANTHROPIC_API_KEY_RESEARCH" in found.fingerprint()


@pytest.mark.parametrize(
    "given",
    [
        {"ANTHROPIC_API_KEY_RESEARCH": "hush"},
        {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_API_KEY_RESEARCH": "hush two"},
        {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_API_KEY_RE-SEARCH": "hush"},
        {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_API_KEY_": "hush"},
    ],
)
def test_a_wrong_key_by_name_is_refused_and_not_shown(given: dict[str, str]) -> None:
    [problem] = problems(**given)
    assert problem.startswith("ANTHROPIC_API_KEY_")
    assert "hush" not in problem


def test_the_fingerprint_names_what_differs() -> None:
    one, other = read({}).fingerprint(), read({"RATE_LIMIT_RPM": "7", "PORT": "9000"}).fingerprint()
    assert [name for name in one if one[name] != other[name]] == ["RATE_LIMIT_RPM"]


def test_the_data_folder_is_in_the_checkout_and_elsewhere_for_root() -> None:
    checkout = Path("/srv/lora pipe")
    assert default_data_dir(root=False, checkout=checkout) == checkout / ".data"
    assert default_data_dir(root=True, checkout=checkout).parent == Path("/var/lib/lorapipe")
    assert default_data_dir(root=True, checkout=checkout) != default_data_dir(
        root=True, checkout=checkout / "b"
    )
    assert read({}).data_dir == default_data_dir(root=os.geteuid() == 0)


def test_the_simulator_of_the_stack_is_read() -> None:
    found: Environment = read({"LORAPIPE_SIMULATOR_URL": "http://127.0.0.1:5000"})
    assert (found.simulator_url, found.demo) == ("http://127.0.0.1:5000", True)


@pytest.mark.parametrize(
    ("host", "public"),
    [
        ("127.0.0.1", False),
        ("127.0.0.2", False),
        ("localhost", False),
        ("::1", False),
        ("0.0.0.0", True),
        ("::", True),
        ("192.0.2.7", True),
        ("lora.example", True),
    ],
)
def test_a_public_host_needs_a_word_about_what_stands_before_it(host: str, public: bool) -> None:
    for said, refused in ((None, public), ("1", False), ("0", False)):
        variables = {"HOST": host} if said is None else {"HOST": host, "LORAPIPE_BEHIND_PROXY": said}
        if refused:
            with pytest.raises(WrongEnvironment, match="LORAPIPE_BEHIND_PROXY=1"):
                refuse_unprotected(read(variables))
        else:
            refuse_unprotected(read(variables))


def test_the_files_of_exports_can_be_in_a_folder_or_in_a_bucket() -> None:
    assert read({}).export_dir is None
    assert read({"LORAPIPE_EXPORT_DIR": "/mnt/exports"}).export_dir == Path("/mnt/exports")
    found = read(
        {"LORAPIPE_EXPORT_S3": "data/lora/", "LORAPIPE_EXPORT_S3_ENDPOINT": "http://minio.example:9000/"}
    )
    assert (found.export_s3, found.export_s3_endpoint) == ("data/lora", "http://minio.example:9000")
    assert found.fingerprint() != read({}).fingerprint(), "workers with another place are no part of a stack"


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"LORAPIPE_EXPORT_DIR": "exports"}, "must be an absolute path"),
        ({"LORAPIPE_EXPORT_S3": "s3://data"}, "must be the name of a bucket"),
        ({"LORAPIPE_EXPORT_S3": "a"}, "must be the name of a bucket"),
        ({"LORAPIPE_EXPORT_S3": "data//x"}, "must be the name of a bucket"),
        ({"LORAPIPE_EXPORT_DIR": "/mnt", "LORAPIPE_EXPORT_S3": "data"}, "unset one of them"),
        ({"LORAPIPE_EXPORT_S3_ENDPOINT": "http://minio.example"}, "set LORAPIPE_EXPORT_S3 too"),
        ({"LORAPIPE_EXPORT_S3": "data", "LORAPIPE_EXPORT_S3_ENDPOINT": "minio"}, "must be an address"),
    ],
)
def test_a_place_that_cannot_be_one_is_named(environ: dict[str, str], words: str) -> None:
    (problem,) = problems(**environ)
    assert words in problem


def test_the_roles_of_a_database_of_ones_own() -> None:
    owner = "postgresql://owner:a@db/lora"
    web, worker = ("postgresql://lorapipe_web:b@db/lora", "postgresql://lorapipe_worker:c@db/lora")
    given = {"DATABASE_URL": owner, "LORAPIPE_WEB_DATABASE_URL": web, "LORAPIPE_WORKER_DATABASE_URL": worker}
    found = read({**given, "LORAPIPE_REQUIRE_RLS": "1"}).roles
    assert (found.web, found.worker, found.require_rls) == (web, worker, True)
    assert "lorapipe_web" not in repr(found)
    assert read({}).roles == type(found)()
    with pytest.raises(WrongEnvironment, match="set that one too"):
        read({"LORAPIPE_WEB_DATABASE_URL": web})
