-- The truth: documents and what is on its way to and from other devices. The read model has a schema of its own.
CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;
-- One row a record. `next` is the index of the next chunk; lengths are of stored bytes and decide on compaction.
CREATE TABLE document (
  n INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE,
  heads BLOB NOT NULL,
  next INTEGER NOT NULL,
  snapshot_bytes INTEGER NOT NULL,
  log_bytes INTEGER NOT NULL
) STRICT;
-- The one thing the read model may know of this table: which record has which number.
CREATE VIEW named AS SELECT n, id FROM document;
-- key = n << 20 | k: k = 0 is the snapshot, the rest are changes, so that a document is one range scan.
CREATE TABLE chunk (key INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
-- Our own changes that no segment holds yet; the hash is filled in when compaction takes the chunk away.
CREATE TABLE outbox (chunk INTEGER PRIMARY KEY, hash BLOB) STRICT;
CREATE TABLE outbox_blob (id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
-- Who wrote what: every actor belongs to a device, every log too.
CREATE TABLE actor (actor BLOB PRIMARY KEY, log BLOB) STRICT, WITHOUT ROWID;
CREATE TABLE device (log BLOB PRIMARY KEY, name TEXT NOT NULL, last_seen TEXT) STRICT, WITHOUT ROWID;
-- Changes whose predecessors have not come; `retold`: this device tells it again as its own word once they are there.
CREATE TABLE waiting (
  hash BLOB PRIMARY KEY, document BLOB NOT NULL, missing BLOB NOT NULL, bytes BLOB NOT NULL,
  retold INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX waiting_document ON waiting (document);
CREATE TABLE quarantine (
  hash BLOB PRIMARY KEY, document BLOB NOT NULL, why TEXT NOT NULL, bytes BLOB NOT NULL
) STRICT, WITHOUT ROWID;
-- Photos; unused_since is the day, counted from the year 0, on which nobody was found to show it any more.
CREATE TABLE blob (id TEXT PRIMARY KEY, bytes BLOB NOT NULL, unused_since INTEGER) STRICT;
CREATE TABLE purged (id BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
-- What this device took away from which mailbox, by a hash of both, and how often: somebody may put it back each time.
CREATE TABLE taken_away (file BLOB PRIMARY KEY, times INTEGER NOT NULL) STRICT, WITHOUT ROWID;
