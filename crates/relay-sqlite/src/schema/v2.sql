-- Version 2: a claim looks at each lane one time, however much waits in it.

-- With the lane, so that what waits in a lane that is closed to a claim is stepped over inside the index; and with
-- lease_fence, which is always NULL here, since SQLite reads the row otherwise to see that it is.
DROP INDEX items_due;
CREATE INDEX items_due ON items (phase, target, rank, due_at, id, lane, lease_fence)
    WHERE phase <> 'settled' AND lease_fence IS NULL;

-- The order of relay_core::lane::order within a lane: a version of more digits is the larger one, since it has no leading
-- zeros; what has no event time (NULL) comes first; what has no place at all is last.
CREATE INDEX items_lane_order ON items (
    lane, phase, place IS NULL,
    json_extract(place, '$.event_time.seconds'), json_extract(place, '$.event_time.nanos'),
    json_extract(place, '$.event_time.id'), length(place), place, id
) WHERE holds_lane = 1;
