-- Version 5: a row of history that says that an item began holds no second copy of the item.

-- No table changes. `{"began":null}` in history.entry stands for the item of that row as it was when it was added: what never
-- changes is in its row, and the rest follows from that. Rows written before hold the whole item, and are read as before.
