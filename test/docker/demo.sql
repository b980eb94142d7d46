-- demo.sql: what the database of the image has when its server starts for the
-- first time: the extensions, and the tables of the README and of the demo.

CREATE EXTENSION gmm_vector CASCADE;

-- In another database than pg_cron's own it cannot be created.
SELECT current_database() IS NOT DISTINCT FROM current_setting('cron.database_name', true) AS has_cron
\gset
\if :has_cron
    CREATE EXTENSION pg_cron;
\endif

\cd /usr/local/share/gmm

CREATE TABLE faithful (eruptions double precision, waiting double precision);
\copy faithful FROM 'data/faithful.csv' CSV HEADER
COMMENT ON TABLE faithful IS 'Old Faithful: minutes that an eruption lasted, and minutes to the next';

CREATE TABLE blobs (split text, x double precision, y double precision, label integer);
\copy blobs FROM 'data/blobs.csv' CSV HEADER
COMMENT ON TABLE blobs IS 'Two overlapping blobs: rows to learn from (train) and to classify (test)';

CREATE TABLE geyser AS
SELECT gmm_fit(ARRAY[eruptions, waiting], 2) AS model FROM faithful;
COMMENT ON TABLE geyser IS 'The mixture of two components that fits faithful';

ANALYZE faithful, blobs;
