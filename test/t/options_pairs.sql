-- options_pairs.sql: what a function has no use for is an error and never ignored.
-- Of every two options that a function takes, each has an effect beside the other:
-- with it the answer, or the error, is another than without it.
--
-- The options are the arguments of gmm_options, so that a new one fails here until it
-- has values of its own below, and then goes through all functions, alone and beside
-- every other option.
\ir models.psql

-- What each option is tried with.  Of rows there are four tables: one group, which three
-- components can share in many ways, four of which they find three, rows with NULLs, and
-- fewer distinct rows than components; an effect on one of them will do, and of values of
-- one kind, that of one of them.  What shows depends on the rows, so they are the same
-- whatever the seed.
CREATE TABLE tried (option text, value jsonb, kind text);
INSERT INTO tried VALUES
    ('accelerate', 'false', ''),
    ('covariance_type', '"diag"', ''), ('covariance_type', '"auto"', ''),
    ('criterion', '"aic"', ''),
    ('features', '["one", "other"]', ''),
    ('fixed', '"means"', ''), ('fixed', '1', ''),
    ('init', '"random"', ''),
    ('max_iter', '5', 'few'), ('max_iter', '20', 'few'),
    ('missing', '"skip"', ''), ('missing', '"error"', ''),
    ('n_init', '2', ''),
    ('noise', 'true', ''),
    ('prior', 'true', ''), ('prior', '"model"', ''), ('prior', '{"strength": 30}', ''), ('prior', '{"shrinkage": 2, "dof": 9}', ''), ('prior', '{"scale": [[2, 0], [0, 2]]}', ''),
    ('reg_covar', '0.3', ''),
    ('seed', '5', 'any'), ('seed', '6', 'any'),
    ('tol', '1e-4', 'coarse'), ('tol', '1e-3', 'coarse'),
    ('too_few_rows', '"fewer"', ''), ('too_few_rows', '"null"', '');

CREATE TABLE options AS
SELECT name AS option, rank() OVER (ORDER BY name COLLATE "C") AS number
FROM pg_proc, unnest(proargnames) AS name WHERE proname = 'gmm_options';
SELECT equals(array_agg(option ORDER BY option), NULL, 'every option of gmm_options has values here')
FROM options WHERE option NOT IN (SELECT option FROM tried);
SELECT equals((SELECT array_agg(DISTINCT option ORDER BY option) FROM tried WHERE option NOT IN (SELECT option FROM options)), NULL, 'and these are all');

CREATE TABLE rows AS
SELECT kind, id, ARRAY[features[1], CASE WHEN kind <> 'gaps' OR id % 7 > 0 THEN features[2] END] AS x,
       CASE WHEN id % 20 = 3 THEN 1 + id % 2 END AS label
FROM (VALUES ('single', 60, 1), ('groups', 80, 4), ('gaps', 70, 1)) AS v (kind, n, clusters), random_rows(1400, n, 2, clusters)
UNION ALL
SELECT 'few', i, ARRAY[i % 2, 1 - i % 2], NULL FROM generate_series(1, 8) AS i;
CREATE VIEW kinds AS SELECT DISTINCT kind FROM rows;
SELECT format('CREATE VIEW %1$I AS SELECT x, label FROM rows WHERE kind = %1$L', kind) FROM kinds \gexec
CREATE TABLE models AS
SELECT gmm_refit(x, start, '{"max_iter": 2}') AS model
FROM single, gmm_model('{0.5,0.3,0.2}', '{{0,0},{2,2},{-2,3}}', '{{{4,1},{1,3}},{{2,0},{0,1}},{{1,0},{0,5}}}') AS start GROUP BY start;

-- %1$L are the options, %2$I is the table.  Where there is a search, three starts keep it
-- short, and what a start is like shows.
CREATE TABLE functions (name text, call text, base jsonb);
INSERT INTO functions VALUES
    ('gmm_fit', 'SELECT gmm_fit(x, 3, %1$L)::text FROM %2$I', '{"n_init": 3}'),
    ('gmm_fit_best', 'SELECT gmm_fit_best(x, 3, 4, %1$L)::text FROM %2$I', '{"n_init": 3}'),
    ('gmm_fit_labelled', 'SELECT gmm_fit_labelled(x, label, 3, %1$L)::text FROM %2$I', '{"n_init": 3}'),
    ('gmm_fit_table', 'SELECT gmm_fit_table(%2$L, ''{x}'', 3, %1$L)::text', '{"n_init": 3}'),
    ('gmm_fit_sketch', 'SELECT gmm_fit_sketch((SELECT gmm_sketch(x, 1000) FROM %2$I), 3, %1$L)::text', '{"n_init": 3}'),
    ('gmm_fit_best_sketch', 'SELECT gmm_fit_best_sketch((SELECT gmm_sketch(x, 1000) FROM %2$I), 3, 4, %1$L)::text', '{"n_init": 3}'),
    ('gmm_refit', 'SELECT gmm_refit(x, model, %1$L)::text FROM %2$I, models', '{}'),
    ('gmm_refit_labelled', 'SELECT gmm_refit_labelled(x, label, model, %1$L)::text FROM %2$I, models', '{}'),
    ('gmm_refit with a max_iter of 0', 'SELECT gmm_refit(x, model, %1$L::jsonb || ''{"max_iter": 0}'')::text FROM %2$I, models', '{}'),
    ('gmm_maximize', 'SELECT gmm_maximize(gmm_accumulate(x, model), %1$L)::text FROM %2$I, models', '{}');

-- What comes of a call: the model's text, or the error, with what options it names.
CREATE TYPE outcome AS (answer text, state text, named text[]);
CREATE FUNCTION outcome(call text, options jsonb, kind text) RETURNS outcome LANGUAGE plpgsql AS $$
DECLARE
    result outcome;
BEGIN
    EXECUTE format(call, options, kind) INTO result.answer;
    RETURN result;
EXCEPTION WHEN OTHERS THEN
    result.answer = SQLERRM;
    result.state = SQLSTATE;
    result.named = ARRAY(SELECT m[1] FROM regexp_matches(SQLERRM, '"([a-z_]+)"', 'g') AS m);
    RETURN result;
END $$;
CREATE TABLE outcomes (name text, options jsonb, kind text, outcome outcome, PRIMARY KEY (name, options, kind));

-- None, one and two options, those of one after the other in name.  A max_iter of 0 is
-- the function's own.
CREATE TABLE ones AS
SELECT f.name, f.call, f.base, o.number, t.option, coalesce(nullif(t.kind, ''), t.value::text) AS value_kind, jsonb_build_object(t.option, t.value) AS options
FROM functions AS f, tried AS t JOIN options AS o USING (option)
WHERE f.name <> 'gmm_refit with a max_iter of 0' OR t.option <> 'max_iter';
CREATE TABLE pairs AS
SELECT a.name, a.call, a.base, a.option AS a, b.option AS b, a.options AS of_a, b.options AS of_b, a.value_kind AS kind_a, b.value_kind AS kind_b, a.options || b.options AS options
FROM ones AS a JOIN ones AS b USING (name) WHERE a.number < b.number;
INSERT INTO outcomes
SELECT name, options, kind, outcome(call, base || options, kind)
FROM (SELECT name, call, base, '{}'::jsonb AS options FROM functions UNION ALL SELECT name, call, base, options FROM ones) AS c, kinds;

SELECT ok(bool_and((outcome).state IS NULL) AND count(*) = 3 * (SELECT count(*) FROM functions), 'without options each function has an answer')
FROM outcomes WHERE options = '{}' AND kind <> 'few';

-- An option is refused where it has no use, by an error that names it.
CREATE TABLE uses AS
SELECT o.name, n.option, n.value_kind, o.options,
       bool_and(coalesce((outcome).state IN ('22023', '0A000') AND n.option = ANY ((outcome).named), false)) AS refused
FROM outcomes AS o JOIN ones AS n USING (name, options) GROUP BY o.name, n.option, n.value_kind, o.options;
SELECT ok(bool_and(refused OR changes), format('%s: an option has an effect, or is refused', name)) ||
       coalesce(string_agg(format(E'\n# %s', options), '') FILTER (WHERE NOT refused AND NOT changes), '')
FROM (SELECT name, jsonb_agg(DISTINCT u.options) AS options, bool_and(refused) AS refused, bool_or((o.outcome).answer IS DISTINCT FROM (p.outcome).answer) AS changes
      FROM uses AS u JOIN outcomes AS o USING (name, options) JOIN outcomes AS p USING (name, kind)
      WHERE p.options = '{}' GROUP BY name, option, value_kind) AS c
GROUP BY name ORDER BY name;

-- What is refused alone is refused beside any other option.  Of the others, which are
-- tried in pairs, some are refused together; or each has an effect beside the other.
INSERT INTO outcomes
SELECT name, options, kind, outcome(call, base || options, kind)
FROM pairs AS p, kinds
WHERE NOT EXISTS (SELECT FROM uses AS u WHERE u.name = p.name AND u.options IN (of_a, of_b) AND refused) OR kind = 'few';
CREATE TABLE together AS
SELECT p.name, a, b, jsonb_agg(DISTINCT p.options) AS options,
       bool_or(EXISTS (SELECT FROM uses AS u WHERE u.name = p.name AND u.options IN (p.of_a, p.of_b) AND u.refused)) AS one_refused,
       bool_and(coalesce((o.outcome).state IN ('22023', '0A000') AND (o.outcome).named && ARRAY[a, b], false)) AS refused,
       bool_or((o.outcome).answer IS DISTINCT FROM (of_a.outcome).answer) AS b_changes,
       bool_or((o.outcome).answer IS DISTINCT FROM (of_b.outcome).answer) AS a_changes
FROM pairs AS p JOIN outcomes AS o USING (name, options)
JOIN outcomes AS of_a ON (of_a.name, of_a.options, of_a.kind) = (p.name, p.of_a, o.kind)
JOIN outcomes AS of_b ON (of_b.name, of_b.options, of_b.kind) = (p.name, p.of_b, o.kind)
GROUP BY p.name, a, b, kind_a, kind_b;
SELECT ok(bool_and(refused) FILTER (WHERE one_refused) IS NOT FALSE, format('%s: what is refused alone is refused beside other options', name)) ||
       coalesce(string_agg(format(E'\n# %s', options), '') FILTER (WHERE one_refused AND NOT refused), '') || E'\n' ||
       ok(bool_and(refused OR (a_changes AND b_changes)) FILTER (WHERE NOT one_refused), format('%s: two options have an effect beside each other, or are refused', name)) ||
       coalesce(string_agg(format(E'\n# %s: no effect of %s', options, CASE WHEN a_changes THEN b ELSE a END), '')
                FILTER (WHERE NOT one_refused AND NOT refused AND NOT (a_changes AND b_changes)), '')
FROM together GROUP BY name ORDER BY name;
SELECT ok(count(*) FILTER (WHERE refused AND NOT one_refused) > 1 AND count(*) FILTER (WHERE a_changes AND b_changes AND NOT refused) > 300,
          'of ' || count(*) || ' pairs many are taken, and some refused only together')
FROM together;

SELECT finish();
