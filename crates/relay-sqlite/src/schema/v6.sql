-- Version 6: a claim steps over what stands behind others in its lane, however much that is.

-- Whether a waiting item stands behind others in a lane from which every version goes: relay_core::journal::rows::Rows::put_behind.
ALTER TABLE items ADD COLUMN behind INTEGER NOT NULL DEFAULT 0 CHECK (behind IN (0, 1));

-- As relay_core::lane::next_in_line has it, but for one that waits behind another that is judged: a claim looks at it in vain, no more.
UPDATE items SET behind = 1
WHERE phase = 'waiting' AND phase <> 'settled' AND lease_fence IS NULL AND lane IS NOT NULL
    AND json_extract(policy, '$.lane') = 'every'
    AND id NOT IN (
        SELECT id FROM (
            SELECT id, lane, allow_older, row_number() OVER (
                PARTITION BY lane ORDER BY place IS NULL,
                json_extract(place, '$.event_time.seconds'), json_extract(place, '$.event_time.nanos'),
                json_extract(place, '$.event_time.id'), length(place), place, id
            ) AS n
            FROM items WHERE holds_lane = 1 AND phase = 'waiting'
        ) AS line
        WHERE n = 1
            AND NOT EXISTS (
                SELECT 1 FROM items AS other
                WHERE other.holds_lane = 1 AND other.lane = line.lane AND other.phase IN ('sending', 'probing')
            )
            AND (allow_older = 1 OR NOT EXISTS (
                SELECT 1 FROM items AS other
                WHERE other.holds_lane = 1 AND other.lane = line.lane AND other.phase = 'settled'
            ))
    );

-- What stands behind is a group of its own, which a claim never enters and which is counted all the same.
DROP INDEX items_due;
CREATE INDEX items_due ON items (phase, behind, target, rank, due_at, id, lane, lease_fence)
    WHERE phase <> 'settled' AND lease_fence IS NULL;
DROP INDEX items_lane;
CREATE INDEX items_lane ON items (lane, behind) WHERE holds_lane = 1;
