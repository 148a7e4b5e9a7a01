"""The longer SQL statements of the outbox."""

import json
from collections.abc import Sequence

# The seq that may go next: one more than the last that was delivered. Delivered rows stay for good (prune
# only empties them), so this needs no memory beside them.
NEXT_SEQ = """1 + COALESCE((SELECT MAX(p.seq) FROM reports AS p
    WHERE p.violation_id = r.violation_id AND p.status = 'delivered'), 0)"""

BEHIND_DEAD = """EXISTS (SELECT 1 FROM reports AS p
    WHERE p.violation_id = r.violation_id AND p.seq < r.seq AND p.status = 'dead')"""

SELECT = f"SELECT r.*, {NEXT_SEQ} AS next_seq, {BEHIND_DEAD} AS behind_dead FROM reports AS r"

INSERT = """
    INSERT INTO reports (idempotency_key, violation_id, seq, kind, canteen_id, camera_id, sha256, body, blobs,
        status, put_at, next_attempt_at)
    VALUES (:key, :violation_id, :seq, :kind, :canteen_id, :camera_id, :sha256, :body, :blobs,
        'pending', :put_at, :due)
    ON CONFLICT (idempotency_key) DO NOTHING
    RETURNING id"""

_OF_KINDS = "(:kinds IS NULL OR r.kind IN (SELECT value FROM json_each(:kinds)))"

# Confirmed reports go first: somebody waits for them, while a clip or an end only completes them. Observed times
# go last: after an outage there are many.
CLAIM = f"""
    UPDATE reports SET status = 'leased', worker = :worker, leased_until = :until, claims = claims + 1
    WHERE id = (
        SELECT r.id FROM reports AS r
        WHERE ((r.status = 'pending' AND (r.next_attempt_at <= :now OR r.next_attempt_at > :farthest))
            OR (r.status = 'leased' AND (r.leased_until <= :now OR r.leased_until > :farthest)))
          AND r.seq = {NEXT_SEQ}
          AND {_OF_KINDS}
        ORDER BY (r.kind <> 'confirmed') + (r.kind = 'observed'), r.next_attempt_at, r.id LIMIT 1)
    RETURNING *, seq AS next_seq, 0 AS behind_dead"""

_OLD = "SELECT id FROM reports WHERE status = 'delivered' AND delivered_at < ? AND body <> x''"
UNREFER = f"DELETE FROM report_blobs WHERE report_id IN ({_OLD})"
EMPTY = f"UPDATE reports SET body = x'', blobs = '[]' WHERE id IN ({_OLD})"

# Of a violation the key stays for good, since its next report needs it; nothing follows these, and they are many.
FORGET_OBSERVED = "DELETE FROM reports WHERE kind = 'observed' AND status = 'delivered' AND delivered_at < ?"

RELEASE = """
    UPDATE reports SET status = 'pending', leased_until = NULL
    WHERE status = 'leased' AND worker = ?"""

DELIVERED = """
    UPDATE reports SET status = 'delivered', receipt = ?, delivered_at = ?, leased_until = NULL, last_error = ''
    WHERE idempotency_key = ? AND status <> 'delivered'"""

RETRY = """
    UPDATE reports SET status = 'pending', failures = 0, next_attempt_at = :due
    WHERE status IN ('pending', 'dead')
      AND (:wanted IS NULL OR idempotency_key IN (SELECT value FROM json_each(:wanted)))
    RETURNING idempotency_key"""

NEXT_DUE = f"""
    SELECT MIN(CASE WHEN at > :farthest THEN :now ELSE at END) FROM (
        SELECT COALESCE(r.leased_until, r.next_attempt_at) AS at FROM reports AS r
        WHERE r.status IN ('pending', 'leased') AND r.seq = {NEXT_SEQ} AND {_OF_KINDS})"""


def listed(kinds: Sequence[str]) -> str | None:
    """Kinds of reports as the statements take them; None for all."""
    return json.dumps(list(kinds)) if kinds else None
