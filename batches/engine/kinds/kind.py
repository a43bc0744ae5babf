"""What the engine has to know about a kind of items: how its request is built, how its reply is read, where that is stored.

Everything else (claim, limits, budget, retries, booking, crash safety) is the same for all kinds. A kind knows no lock and
no money: its functions are called inside the steps of `batches.engine.generate`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from batches.limits.limiter import Expected
from batches.models import BatchItem
from claude.messages import Reply, Request
from templates_app.models import TemplateVersion


class Origin(Protocol):
    """What is known of a result before Claude replies. The log row of every call keeps these facts."""

    @property
    def workspace_id(self) -> UUID: ...
    @property
    def created_by_id(self) -> UUID | None: ...
    @property
    def template_version(self) -> TemplateVersion | None: ...
    @property
    def tier(self) -> str: ...
    @property
    def parameters(self) -> Mapping[str, Any]: ...


class Result(Protocol):
    """What was read from a reply. `repairs`: what was done to read it, one note each."""

    @property
    def repairs(self) -> tuple[str, ...]: ...


OriginT = TypeVar("OriginT", bound=Origin)
ResultT = TypeVar("ResultT", bound=Result)


class TargetDeleted(Exception):
    """What an item is about has been deleted for good, so that nothing is to be asked. The message says what."""


class Kind(ABC, Generic[OriginT, ResultT]):
    """One kind of items. `deleted`: the error message of an item whose target was deleted while its call was made."""

    deleted: str

    @abstractmethod
    def choose_model(self, item: BatchItem) -> str:
        """The model that is asked."""

    @abstractmethod
    def build_origin(self, item: BatchItem) -> OriginT:
        """What the item's result is made from. It is the same for every call of the item."""

    @abstractmethod
    def build_request(self, item: BatchItem, origin: OriginT, *, max_tokens: int, tag: str) -> Request:
        """The request, with `tag` as our id of the call.

        Raises TargetDeleted, and what is wrong with the template or its values; then nothing is asked.
        """

    @abstractmethod
    def expect(self, item: BatchItem, request: Request) -> Expected:
        """The tokens that the call will probably use."""

    @abstractmethod
    def read(self, reply: Reply, origin: OriginT) -> ResultT:
        """The result in a reply. It asks no database. Raises Declined or Unusable with the reason."""

    @abstractmethod
    def is_deleted(self, origin: OriginT) -> bool:
        """Whether what the result belongs to has been deleted, so that a person is to decide about the reply."""

    @abstractmethod
    def name_conversation(self, origin: OriginT, key: UUID) -> UUID:
        """The conversation that the log row names, if the result is stored under `key`."""

    @abstractmethod
    def write(self, result: ResultT, *, origin: OriginT, reply: Reply, cost_usd: Decimal, key: UUID) -> bool:
        """Store the result under `key`, inside the caller's transaction. Whether it counts as successful."""

    @abstractmethod
    def has_result(self, item_id: UUID) -> bool:
        """Whether the item has its result."""
