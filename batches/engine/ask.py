"""Step 3 of 4: ask Claude. The only slow line; whoever calls it holds no transaction and no connection.

Nobody but the worker imports this: the SDK takes a second to load and 40 MB to keep.
"""

import functools

from django.conf import settings

from batches.engine.calls import Call
from batches.limits.pools import provider
from claude.client import CONNECTIONS_PER_SHARD, Client
from claude.messages import Reply


def ask(call: Call) -> Reply:
    """One attempt, over at the call's deadline. Raises Busy, Blocked, Declined or Unusable."""
    return _client(call.key).ask(call.request, deadline_s=call.deadline_s)


@functools.cache
def _client(key: str) -> Client:
    """One a key for the whole process: every slot shares it."""
    return Client(provider(key), shards=-(-settings.ENVIRONMENT.worker_slots // CONNECTIONS_PER_SHARD))
