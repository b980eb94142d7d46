-- Random options and rows: each call is refused by an error that says why, or
-- gives a model that is sound.  The server must survive all of them.

\set seed 0.5
SELECT '# seed ' || :'seed';
SELECT ok(setseed(:seed) IS NOT NULL, 'seeded');

CREATE FUNCTION die(n integer) RETURNS integer LANGUAGE sql VOLATILE AS
    'SELECT 1 + floor(random() * n)::integer';

CREATE FUNCTION one_of(choices anyarray) RETURNS anyelement LANGUAGE plpgsql VOLATILE AS
    'BEGIN RETURN choices[die(cardinality(choices))]; END';

-- Small numbers, the ends of what a double holds, NULL
CREATE FUNCTION random_number() RETURNS double precision LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN CASE die(12)
        WHEN 1 THEN one_of('{-0,1e9,1e-300,1e300,1.7976931348623157e308,4.9e-324,1e154,-1e100,NaN,Infinity,-Infinity}'::float8[])
        WHEN 2 THEN NULL
        ELSE die(40) / 4.0 END;
END
$$;

-- One to three options, most of them right
CREATE FUNCTION random_options() RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    options jsonb := '{"max_iter": 8, "n_init": 2}';
BEGIN
    FOR i IN 1..die(3) LOOP
        options := options || CASE die(13)
            WHEN 1 THEN jsonb_build_object(one_of('{tolx,Seed,"",max_iter,tol,reg_covar,n_init,init,seed,accelerate,missing,noise}'::text[]),
                one_of(ARRAY['0', '-1', '1e400', '0.5', '9223372036854775808', 'null', '[]', '[1]', '{"a": 1}', '""', '"full"', 'true']::jsonb[]))
            WHEN 2 THEN jsonb_build_object('max_iter', die(30))
            WHEN 3 THEN jsonb_build_object('tol', one_of('{0,1e-7,1e300,4.9e-324}'::numeric[]))
            WHEN 4 THEN jsonb_build_object('reg_covar', one_of('{0,1e-9,1,1e300,4.9e-324}'::numeric[]))
            WHEN 5 THEN jsonb_build_object('init', one_of('{random,kmeans++}'::text[]))
            WHEN 6 THEN jsonb_build_object('seed', one_of('{-9223372036854775808,9223372036854775807,0}'::bigint[]))
            WHEN 7 THEN jsonb_build_object('accelerate', die(2) = 1)
            WHEN 8 THEN jsonb_build_object('missing', one_of('{marginalize,skip,error}'::text[]))
            WHEN 9 THEN jsonb_build_object('noise', die(2) = 1)
            ELSE jsonb_build_object('covariance_type', one_of('{full,tied,diag,spherical,VVV,EEE}'::text[]))
        END;
    END LOOP;
    RETURN options;
END
$$;

-- One group of rows and what is done with it: 'sound', what is wrong with the
-- model, or the SQLSTATE.
CREATE TABLE rows (x double precision[], w double precision);
CREATE FUNCTION try_group(options jsonb) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    d integer := die(4);
    k integer := die(5) - (die(20) = 1)::integer;
    n integer := die(40);
    model gmm_model;
    wrong text;
BEGIN
    DELETE FROM rows;
    FOR i IN 1..n LOOP
        INSERT INTO rows
        SELECT array_agg(CASE WHEN die(8) = 1 THEN random_number() ELSE die(9) + j END),
               CASE die(10) WHEN 1 THEN abs(random_number()) WHEN 2 THEN 0 ELSE 1 END
        FROM generate_series(1, d + (die(400) = 1)::integer) AS j;
    END LOOP;
    CASE die(4)
        WHEN 1 THEN SELECT gmm_fit(x, k, options, w) INTO model FROM rows;
        WHEN 2 THEN SELECT gmm_fit(x, k, options) INTO model FROM rows;
        WHEN 3 THEN SELECT gmm_fit_best(x, greatest(k - 1, 1), k, options, w) INTO model FROM rows;
        ELSE
            SELECT gmm_refit(x, (SELECT gmm_fit(x, k, options) FROM rows), options - '{n_init,init,seed}'::text[]) INTO model FROM rows;
    END CASE;
    IF gmm_model_send(model::text::gmm_model) <> gmm_model_send(model) THEN
        RETURN 'text does not bring the model back';
    END IF;
    SELECT CASE WHEN component NOT BETWEEN ((gmm_summary(model)).noise_weight IS NULL)::integer
                     AND (gmm_summary(model)).k THEN 'predicted ' || component
                WHEN abs(sum - 1) > 1e-9 OR sum = 'NaN' THEN 'probabilities sum to ' || sum
                WHEN density = 'NaN' THEN 'density is NaN' END
    INTO wrong
    FROM (SELECT gmm_predict(model, x) AS component, gmm_logpdf(model, x) AS density,
                 (SELECT sum(p) FROM unnest(gmm_predict_proba(model, x)) AS p) AS sum
          FROM rows
          WHERE cardinality(x) = (gmm_summary(model)).d AND
                NOT x && '{NaN,Infinity,-Infinity}'::float8[]) AS s
    ORDER BY 1 LIMIT 1;
    RETURN coalesce(wrong, 'sound');
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;

CREATE TABLE groups AS
SELECT options, try_group(options) AS answer
FROM (SELECT random_options() AS options FROM generate_series(1, 1500) OFFSET 0) AS o;

SELECT equals((SELECT answer || ' with ' || options FROM groups
               WHERE answer <> 'sound' AND answer !~ '^(22003|22004|22023|2202E|54000|22P02) ' LIMIT 1), NULL,
              'every fit is sound, or refused with a reason');
SELECT ok(count(*) FILTER (WHERE answer = 'sound') > 150 AND
          count(*) FILTER (WHERE answer LIKE '22003%') > 50 AND
          count(*) FILTER (WHERE answer LIKE '22023%') > 50,
          'and there are many of each: ' || count(*) FILTER (WHERE answer = 'sound') || ' are sound')
FROM groups;

SELECT finish();
