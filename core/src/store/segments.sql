-- What the file keeps of the other devices, since the fourth version of the primary tables.
-- Segments of every log, byte for byte as they were sealed, so that any device can give any of them on. state: 0 taken,
-- 1 its author is not known to belong to the notebook, 2 written after its author was removed, 3 of a newer version,
-- 4 kept back until its changes were taken as this device's own, 5 renewed: of its bytes only the first 84 are left,
-- 6 of a removed device, and what would show that it counts has not come, 7 kept back until somebody dropped it,
-- 8 as 5, and it never counted.
CREATE TABLE segment (
  n INTEGER PRIMARY KEY, log BLOB NOT NULL, seq INTEGER NOT NULL, hash BLOB NOT NULL, prev BLOB NOT NULL,
  state INTEGER NOT NULL, bytes BLOB NOT NULL, UNIQUE (log, seq, hash)
) STRICT;
CREATE INDEX segment_kept_back ON segment (state) WHERE state IN (1, 2);
-- Whose log it is: that of the device that was first seen to write it.
CREATE TABLE log (log BLOB PRIMARY KEY, device BLOB NOT NULL) STRICT, WITHOUT ROWID;
-- The roster: entries in an order in which each comes after those before it, and the files in which entries and keys
-- travel, by the beginning of their hash.
CREATE TABLE roster (n INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, bytes BLOB NOT NULL) STRICT;
CREATE TABLE parcel (id BLOB PRIMARY KEY, bytes BLOB NOT NULL) STRICT, WITHOUT ROWID;
-- To which HPKE key the root of which epoch was sealed by this device; with a 1 behind it, its entry key alone.
CREATE TABLE given (epoch BLOB NOT NULL, device BLOB NOT NULL, PRIMARY KEY (epoch, device)) STRICT, WITHOUT ROWID;
