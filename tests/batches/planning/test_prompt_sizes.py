"""Prompts counted by the provider: which, by whom, how near the line through them is, and what happens without."""

import statistics
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from batches.engine import prompt_counts as counting
from batches.engine.dispatch import take_due_counts
from batches.models import PromptSize
from batches.planning.estimate.estimate import Estimate, estimate
from batches.planning.estimate.kinds import keys_of
from batches.planning.estimate.prompt_sizes import fit, prompt_sizes
from batches.planning.estimate.prompts import measure_prompts
from batches.planning.plan import PlannedItem, cut, starter_plan
from claude.client import Client
from claude.counting import count_tokens
from claude.messages import Provider, Request
from provider.account import get_provider
from tests.factories import MODEL, make_prompt_size, make_template, make_version
from tests.support.simulator import RunningSimulator
from workspaces.models import User

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 22)


@pytest.fixture
def asked(simulator: RunningSimulator, settings: Settings) -> Iterator[RunningSimulator]:
    settings.CLAUDE_BASE_URL = simulator.url
    counting._client.cache_clear()
    yield simulator
    simulator.options(counts_tokens=True)
    counting._client(get_provider()).close()
    counting._client.cache_clear()


@pytest.fixture
def plan(owner: User) -> list[PlannedItem]:
    return starter_plan(owner.personal_workspace())


def priced(plan: Sequence[PlannedItem]) -> Estimate:
    return estimate(plan, model=MODEL, max_tokens=8192, concurrency=10, on=TODAY)


def requests_of(plan: Sequence[PlannedItem]) -> list[Request]:
    return [item.request(model=MODEL, max_tokens=8192) for item in plan]


def sizes_of(plan: Sequence[PlannedItem]) -> list[int]:
    return [len((each.system + each.prompt).encode()) for each in requests_of(plan)]


def tokens_of(plan: Sequence[PlannedItem]) -> list[int]:
    prompts = measure_prompts(plan, model=MODEL, max_tokens=8192)
    assert prompts.sizes == sizes_of(plan)
    return list(prompt_sizes(plan, prompts.sizes, keys_of(plan, prompts.models)).tokens)


# --- the line -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizes", "counts", "base", "per_byte"),
    [
        ([1000, 2000, 3000], [700, 1100, 1500], 300, 0.4),
        ([1000], [700], 300, 0.4),
        ([1000, 1010], [700, 900], 398, 0.4),
        ([100, 5000], [100, 100], -155, 0.1),
    ],
    ids=["a line", "one sample: what a byte is usually worth", "alike", "never less than is possible"],
)
def test_the_line_goes_through_the_samples(
    sizes: list[int], counts: list[int], base: float, per_byte: float
) -> None:
    found = fit(sizes, counts)
    assert list(found) == pytest.approx([base, per_byte])


def test_the_starter_plans_prompts_are_met_within_a_percent(
    plan: list[PlannedItem], asked: RunningSimulator
) -> None:
    priced(plan)
    for row_id in take_due_counts():
        counting.count_prompts_of(row_id)
    assert not PromptSize.objects.filter(counted_at=None).exists()
    client = Client(Provider(base_url=asked.url, api_key="demo"), shards=1)
    true = [count_tokens(client, request, deadline_s=10) for request in requests_of(plan)]
    client.close()
    errors = [abs(said / exact - 1) for said, exact in zip(tokens_of(plan), true, strict=True)]
    assert max(errors) < 0.01
    assert statistics.median(errors) < 0.003


# --- who counts what ------------------------------------------------------------------------------------------


def test_an_estimate_asks_for_three_samples_of_each_template(plan: list[PlannedItem]) -> None:
    found = priced(plan)
    assert found.basis.endswith("prompts by their length, a little high")
    rows = PromptSize.objects.all()
    assert {row.template_version_id for row in rows} == {item.version.pk for item in plan}
    for row in rows:
        sizes = [
            size
            for size, item in zip(sizes_of(plan), plan, strict=True)
            if item.version.pk == row.template_version_id
        ]
        assert (row.least_bytes, row.most_bytes) == (min(sizes), max(sizes))
        assert 1 <= len(row.samples) <= 3
        assert row.counted_at is None


def test_it_asks_once(plan: list[PlannedItem], django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    tokens_of(plan)
    with django_assert_max_num_queries(1):  # reads the sizes; a second wish for a count would be one more
        tokens_of(plan)


def test_a_count_changes_the_estimate_and_its_words(plan: list[PlannedItem], asked: RunningSimulator) -> None:
    before = priced(plan[:1])
    [row_id] = take_due_counts()
    counting.count_prompts_of(row_id)
    after = priced(plan[:1])
    assert after.input_tokens != before.input_tokens
    assert after.basis.endswith("prompts as the provider counts them")
    row = PromptSize.objects.get(pk=row_id)
    assert row.per_byte is not None
    counting.count_prompts_of(row_id)
    assert PromptSize.objects.get(pk=row_id).counted_at == row.counted_at, "once is enough"
    assert "prompts of 1 of" in priced(plan).basis


def test_it_is_due_once_a_minute_and_only_for_who_is_asked_now(owner: User, settings: Settings) -> None:
    settings.DEMO = True
    row = make_prompt_size()
    make_prompt_size(simulated=False)
    make_prompt_size(counted_at=timezone.now(), base=1, per_byte=0.4)
    assert take_due_counts() == [row.pk]
    assert take_due_counts() == []


def test_prompts_of_another_size_are_counted_anew(plan: list[PlannedItem]) -> None:
    item = plan[0]
    [size] = sizes_of([item])
    counted = {"counted_at": timezone.now(), "base": 100, "per_byte": 0.4}
    row = make_prompt_size(version=item.version, least_bytes=size * 3, most_bytes=size * 4, **counted)
    assert tokens_of([item]) == [round(100 + 0.4 * size)], "the old line serves until then"
    row.refresh_from_db()
    assert (row.least_bytes, row.counted_at) == (size, None)


def test_a_text_that_may_change_is_not_counted(owner: User) -> None:
    template = make_template(workspace=owner.personal_workspace(), published=False)
    version = template.versions.get()
    tokens_of(
        [PlannedItem(position=1, tier="template", version=version, topic="t", parameters={"topic": "t"})]
    )
    assert not PromptSize.objects.exists()
    assert make_version(template=template).published_at


# --- without an answer ----------------------------------------------------------------------------------------


def test_a_server_that_does_not_count_is_asked_again_a_day_later(
    plan: list[PlannedItem], asked: RunningSimulator
) -> None:
    asked.options(counts_tokens=False)
    before = priced(plan[:1])
    [row_id] = take_due_counts()
    counting.count_prompts_of(row_id)
    row = PromptSize.objects.get(pk=row_id)
    assert "404" in row.problem
    assert row.next_at is not None
    assert row.next_at > timezone.now() + timedelta(hours=23)
    assert priced(plan[:1]).input_tokens == before.input_tokens


def test_a_server_that_is_away_is_asked_later_and_later(plan: list[PlannedItem], settings: Settings) -> None:
    settings.CLAUDE_BASE_URL = "http://127.0.0.1:1"
    counting._client.cache_clear()
    priced(cut(plan, limit=1, seed=None))
    [row_id] = take_due_counts()
    counting.count_prompts_of(row_id)
    row = PromptSize.objects.get(pk=row_id)
    assert (row.failures, row.counted_at) == (1, None)
    assert "No connection" in row.problem
    assert take_due_counts() == []
    counting._client.cache_clear()


def test_nobody_is_asked_without_a_simulator(owner: User, settings: Settings) -> None:
    settings.DEMO, settings.CLAUDE_BASE_URL = True, None
    row = make_prompt_size()
    counting.count_prompts_of(row.pk)
    row.refresh_from_db()
    assert (row.failures, row.problem) == (0, "")


def test_values_that_fill_the_template_no_more_are_written_down(owner: User, asked: RunningSimulator) -> None:
    row = make_prompt_size(samples=[{"values": {"nothing": "x"}, "details": {}}])
    counting.count_prompts_of(row.pk)
    row.refresh_from_db()
    assert "nothing" in row.problem
