"""Empty the requests and replies of old log rows, as LORAPIPE_PAYLOAD_DAYS says. What a call cost stays for ever.

The dispatcher calls it every two seconds: so many rows in one short statement, and no more until the next time.
"""

from django.conf import settings
from django.db import connection

AT_ONCE = 100  # rows; a request with its reply has some 20 KB
REMOVE = """
UPDATE generation_logs
   SET request_payload = '{}', response_payload = NULL, response_body = NULL, parameters = '{}',
       payloads_removed_at = clock_timestamp()
 WHERE id = ANY(ARRAY(
       SELECT id FROM generation_logs
        WHERE payloads_removed_at IS NULL AND created_at < now() - make_interval(days => %(days)s)
          -- a call that is under way needs its request; one so old is about to be reaped
          AND state <> 'pending'
        ORDER BY created_at LIMIT %(at_once)s FOR NO KEY UPDATE SKIP LOCKED))
"""


def remove_old_payloads() -> int:
    """Empty up to a hundred of the oldest rows. Returns how many; 0 where they are kept for ever."""
    days = settings.ENVIRONMENT.payload_days
    if not days:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(REMOVE, {"days": days, "at_once": AT_ONCE})
        return int(cursor.rowcount)
