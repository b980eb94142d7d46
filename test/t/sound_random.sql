-- Promise 5: nonsense is never stored, whatever the rows are: the same as sound.sql
-- where a fit starts at rows drawn by their weight alone.
\set init random
\ir sound.psql

SELECT finish();
