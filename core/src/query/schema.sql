-- The read model: derived from the documents, dropped and rebuilt to the same rows when its version changes.
-- A row a record; which id a number stands for is in the store's `named`. state: 0 living, 1 deleted, 2 shown as part of
-- another record. sort: the folded name, null for kinds that have none. day: days since the year 0, 3 bytes of them.
CREATE TABLE record (
  n INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL,
  state INTEGER NOT NULL,
  sort TEXT,
  day INTEGER NOT NULL,
  conflicts INTEGER NOT NULL,
  value BLOB NOT NULL
) STRICT;
CREATE INDEX record_list ON record (kind, state, sort) WHERE sort IS NOT NULL;
CREATE INDEX record_day ON record (kind, state, day);
CREATE INDEX record_conflicts ON record (conflicts) WHERE conflicts > 0;
-- Who points at a record, by which field, on which day.
CREATE TABLE link (
  target BLOB NOT NULL, field TEXT NOT NULL, day INTEGER NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY (target, field, day, n)
) STRICT, WITHOUT ROWID;
-- What Today asks for, by kind of matter and day.
CREATE TABLE agenda (matter INTEGER NOT NULL, day TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (matter, day, n))
  STRICT, WITHOUT ROWID;
CREATE INDEX agenda_record ON agenda (n, matter);
-- What names a record: its folded name, its mail, its phone, its key in another program, its photo.
CREATE TABLE identity (key TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (key, n)) STRICT, WITHOUT ROWID;
-- Words of names, for finding people while typing.
CREATE TABLE name_word (word TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (word, n)) STRICT, WITHOUT ROWID;
-- Records that are one: every member but the representative, and the other way round.
CREATE TABLE same (n INTEGER PRIMARY KEY, representative INTEGER NOT NULL) STRICT;
CREATE INDEX same_representative ON same (representative);
-- How many records of each kind and state there are.
CREATE TABLE tally (kind INTEGER NOT NULL, state INTEGER NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (kind, state))
  STRICT, WITHOUT ROWID;
-- The search index is written late, in batches; a stale record is one it does not know in its present form.
CREATE TABLE stale (n INTEGER PRIMARY KEY) STRICT;
CREATE VIRTUAL TABLE fts USING fts5 (
  words, content = '', contentless_delete = 1, detail = none, tokenize = 'unicode61 remove_diacritics 0'
);
-- Every word there is, forwards and backwards: what is one typo away begins or ends like what was typed.
CREATE TABLE vocabulary (word TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE vocabulary_backwards (word TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
