-- gmm_score.sql: models of gmm applied to rows where gmm itself cannot be installed.
--
-- gmm_json_predict, gmm_json_predict_proba and gmm_json_logpdf are gmm_predict,
-- gmm_predict_proba and gmm_logpdf in PL/pgSQL, over the text form of a gmm_model
-- as jsonb: for servers that take no C.  They agree with the functions in C to 1e-12
-- and have names of their own, so that a database may have both.  guide_hosted.md, beside
-- this file, is their guide.
--
-- Load it with psql -f, or give it to pg_tle as the script of an extension.  The
-- functions find each other in the schema that is first in search_path then, which
-- is why they have a SET: indexes, generated columns and pg_restore call them with
-- another search_path.
--
-- PostgreSQL's arithmetic raises errors where C's has 0 or infinity.  So values are in
-- units of their deviations, what is below 1e-100 of these counts as 0, and rows beyond
-- 1e140 of these are refused.

CREATE OR REPLACE FUNCTION gmm_json_array(value jsonb, name text, dims text)
RETURNS double precision[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    written text := replace(replace(value::text, '[', '{'), ']', '}');
    numbers double precision[];
BEGIN
    IF value IS NULL THEN
        RAISE EXCEPTION 'key "%" is missing in a gmm_model', name
            USING ERRCODE = 'invalid_text_representation';
    END IF;
    -- A JSON array of numbers is an array of PostgreSQL but for its brackets.
    IF jsonb_typeof(value) = 'array' AND written !~ '[^{}0-9.,eE+ -]' THEN
        numbers := written::double precision[];
    END IF;
    IF array_dims(numbers) IS DISTINCT FROM dims THEN
        RAISE EXCEPTION '"%" of a gmm_model must have numbers of the dimensions %', name, dims
            USING ERRCODE = 'invalid_parameter_value', DETAIL = left(value::text, 200);
    END IF;
    RETURN numbers;
END
$$;
COMMENT ON FUNCTION gmm_json_array(jsonb, text, text)
    IS 'internal: a part of a model as an array of these dimensions';

CREATE OR REPLACE FUNCTION gmm_json_covariance(model jsonb, component integer, d integer)
RETURNS double precision[] LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    family text := coalesce(model ->> 'covariance_type', 'full');
    covariances jsonb := model -> 'covariances';
    one jsonb;
BEGIN
    IF family IN ('tied', 'EEE') THEN
        RETURN gmm_json_array(covariances, 'covariances', format('[1:%s][1:%s]', d, d));
    END IF;
    one := covariances -> (component - 1);
    IF jsonb_typeof(covariances) = 'array' AND
       jsonb_array_length(covariances) <> jsonb_array_length(model -> 'weights') THEN
        RAISE EXCEPTION '"covariances" of a gmm_model must have an element for each component'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    CASE
        WHEN family IN ('full', 'VVV') THEN
            RETURN gmm_json_array(one, 'covariances', format('[1:%s][1:%s]', d, d));
        WHEN family IN ('diag', 'VVI') THEN
            RETURN gmm_json_array(one, 'covariances', format('[1:%s]', d));
        WHEN family IN ('spherical', 'VII') THEN
            RETURN array_fill((gmm_json_array(jsonb_build_array(one), 'covariances', '[1:1]'))[1], ARRAY[d]);
        ELSE
            RAISE EXCEPTION 'unknown covariance_type "%"', family
                USING ERRCODE = 'invalid_parameter_value',
                      HINT = 'Valid values are full, tied, diag and spherical, and mclust''s VVV, EEE, VVI and VII.';
    END CASE;
END
$$;
COMMENT ON FUNCTION gmm_json_covariance(jsonb, integer, integer)
    IS 'internal: the covariance matrix of a component, or its variances';

CREATE OR REPLACE FUNCTION gmm_json_deviations(component integer, element integer, value double precision,
                                               mean double precision, deviation double precision)
RETURNS double precision LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    IF abs(value) > 8e307 OR abs(mean) > 8e307 OR abs(value - mean) > 1e140 * deviation THEN
        RAISE EXCEPTION 'element % of features is too far from component %', element, component
            USING ERRCODE = 'numeric_value_out_of_range',
                  DETAIL = 'It is more than 1e140 deviations away, or beyond 8e307.';
    END IF;
    RETURN CASE WHEN abs(value - mean) < 1e-100 * deviation THEN 0 ELSE (value - mean) / deviation END;
END
$$;
COMMENT ON FUNCTION gmm_json_deviations(integer, integer, double precision, double precision, double precision)
    IS 'internal: how many deviations of a component an element is from its mean';

-- Row by row of L, where L L' is the correlation matrix, beside the solution y of
-- L y = z: the density is left with the logarithm of L_ii and half of y_i squared.
CREATE OR REPLACE FUNCTION gmm_json_log_density(component integer, mean double precision[],
                                                covariance double precision[], features double precision[])
RETURNS double precision LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    matrix constant boolean := array_ndims(covariance) = 2;
    log_density double precision := 0;
    n integer := 0;                 -- features that are there
    p integer;
    present integer[] := '{}';      -- their numbers
    s double precision[] := '{}';   -- their deviations; roots of these
    root double precision[] := '{}';
    l double precision[] := '{}';   -- rows of L, one after another
    y double precision[] := '{}';
    e double precision;
    rest double precision;
    z double precision;
BEGIN
    FOR i IN 1 .. cardinality(mean) LOOP
        e := CASE WHEN matrix THEN covariance[i][i] ELSE covariance[i] END;
        rest := CASE WHEN e > 0 THEN 1 ELSE 0 END;
        CONTINUE WHEN features[i] IS NULL AND rest > 0;
        s[n + 1] := sqrt(abs(e));
        root[n + 1] := sqrt(s[n + 1]);
        z := CASE WHEN rest > 0 THEN gmm_json_deviations(component, i, features[i], mean[i], s[n + 1]) END;
        FOR j IN 1 .. CASE WHEN matrix AND rest > 0 THEN n ELSE 0 END LOOP
            p := present[j];
            e := covariance[i][p];
            IF e <> covariance[p][i] AND sqrt(abs(e - covariance[p][i])) > 1e-4 * root[n + 1] * root[j] THEN
                RAISE EXCEPTION 'the covariance of component % is not symmetric', component
                    USING ERRCODE = 'invalid_parameter_value';
            END IF;
            e := CASE WHEN sqrt(abs(e)) < 1e-50 * root[n + 1] * root[j] THEN 0 ELSE e / s[n + 1] / s[j] END;
            FOR m IN 1 .. j - 1 LOOP
                e := e - l[n * (n + 1) / 2 + m] * l[j * (j - 1) / 2 + m];
            END LOOP;
            e := CASE WHEN abs(e) < 1e-100 THEN 0 ELSE e / l[j * (j + 1) / 2] END;
            l[n * (n + 1) / 2 + j] := e;
            rest := rest - e * e;
            z := z - e * y[j];
        END LOOP;
        IF rest <= 0 THEN
            RAISE EXCEPTION 'the covariance of component % is not positive definite', component
                USING ERRCODE = 'invalid_parameter_value';
        END IF;
        n := n + 1;
        present[n] := i;
        l[n * (n + 1) / 2] := sqrt(rest);
        y[n] := CASE WHEN abs(z) < 1e-100 THEN 0 ELSE z / sqrt(rest) END;
        log_density := log_density - (ln(2 * pi() * rest) + y[n] * y[n]) / 2 - ln(s[n]);
    END LOOP;
    RETURN log_density;
END
$$;
COMMENT ON FUNCTION gmm_json_log_density(integer, double precision[], double precision[], double precision[])
    IS 'internal: the logarithm of the density of a component at a row';

CREATE OR REPLACE FUNCTION gmm_json_check_features(features double precision[], d integer)
RETURNS double precision[] LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    IF array_ndims(features) <> 1 OR cardinality(features) <> d THEN
        RAISE EXCEPTION 'the length of features is %, but d of the model is %', cardinality(features), d
            USING ERRCODE = 'array_subscript_error', HINT = 'A row is one array of one dimension.';
    END IF;
    FOR i IN 1 .. d LOOP
        IF features[i] IN ('NaN', 'Infinity', '-Infinity') THEN
            RAISE EXCEPTION 'element % of features is %', i, features[i]
                USING ERRCODE = 'numeric_value_out_of_range', HINT = 'Features must be finite. Filter such rows out.';
        END IF;
    END LOOP;
    RETURN features;
END
$$;
COMMENT ON FUNCTION gmm_json_check_features(double precision[], integer)
    IS 'internal: a row, having checked that a model of so many dimensions has an answer';

CREATE OR REPLACE FUNCTION gmm_json_noise_log_density(model jsonb, features double precision[])
RETURNS double precision LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    dims constant text := format('[1:%s]', cardinality(features));
    least constant double precision[] := gmm_json_array(model -> 'noise_least', 'noise_least', dims);
    most constant double precision[] := gmm_json_array(model -> 'noise_most', 'noise_most', dims);
    log_density double precision := 0;
BEGIN
    FOR i IN 1 .. cardinality(features) LOOP
        IF most[i] <= least[i] THEN
            RAISE EXCEPTION '"noise_most" must be above "noise_least"'
                USING ERRCODE = 'invalid_parameter_value', DETAIL = format('Of feature %s it is not.', i);
        END IF;
        log_density := log_density - CASE WHEN features[i] IS NULL THEN 0 ELSE ln(most[i] - least[i]) END;
    END LOOP;
    RETURN log_density;
END
$$;
COMMENT ON FUNCTION gmm_json_noise_log_density(jsonb, double precision[])
    IS 'internal: the logarithm of the density of noise, which is the same at every row with these features';

-- Noise comes first, as element 0.  A share of 0 has the logarithm -Infinity.
CREATE OR REPLACE FUNCTION gmm_json_log_shares(model jsonb)
RETURNS double precision[] LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    k constant integer := CASE jsonb_typeof(model -> 'weights') WHEN 'array' THEN jsonb_array_length(model -> 'weights') END;
    weights constant double precision[] := gmm_json_array(model -> 'weights', 'weights', format('[1:%s]', k));
    noise double precision := 0;
    shares double precision[];
BEGIN
    IF model ? 'noise_weight' THEN
        noise := (gmm_json_array(jsonb_build_array(model -> 'noise_weight'), 'noise_weight', '[1:1]'))[1];
    END IF;
    IF noise < 0 OR noise >= 1 THEN
        RAISE EXCEPTION '"noise_weight" must be at least 0 and below 1, not %', noise
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF 0 > ANY (weights) OR abs((SELECT sum(w) FROM unnest(weights) AS w) - 1) > 1e-6 THEN
        RAISE EXCEPTION '"weights" must not be negative and must sum to 1'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = left(weights::text, 200);
    END IF;
    shares := array_fill('-Infinity'::double precision, ARRAY[k + 1], ARRAY[0]);
    IF noise > 0 THEN
        shares[0] := ln(noise);
    END IF;
    FOR c IN 1 .. k LOOP
        IF weights[c] > 0 THEN
            shares[c] := ln(weights[c]) + ln(1 - noise);
        END IF;
    END LOOP;
    RETURN shares;
END
$$;
COMMENT ON FUNCTION gmm_json_log_shares(jsonb)
    IS 'internal: the logarithm of the share in all rows of noise, element 0, and of each component';

CREATE OR REPLACE FUNCTION gmm_json_log_densities(model jsonb, features double precision[])
RETURNS double precision[] LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path FROM CURRENT AS $$
DECLARE
    log_densities double precision[] := gmm_json_log_shares(model);
    k constant integer := array_upper(log_densities, 1);
    d integer;
    x double precision[];
BEGIN
    IF jsonb_typeof(model -> 'means') = 'array' AND jsonb_array_length(model -> 'means') = k AND
       jsonb_typeof(model -> 'means' -> 0) = 'array' THEN
        d := jsonb_array_length(model -> 'means' -> 0);
    ELSE
        RAISE EXCEPTION '"means" of a gmm_model must have an array for each of % components', k
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    x := gmm_json_check_features(CASE WHEN array_lower(features, 1) <> 1 THEN features[array_lower(features, 1):]
                                 ELSE features END, d);
    IF model ?| '{noise_weight,noise_least,noise_most}' THEN
        log_densities[0] := log_densities[0] + gmm_json_noise_log_density(model, x);
    END IF;
    FOR c IN 1 .. k LOOP
        log_densities[c] := log_densities[c] +
            gmm_json_log_density(c, gmm_json_array(model -> 'means' -> (c - 1), 'means', format('[1:%s]', d)),
                                 gmm_json_covariance(model, c, d), x);
    END LOOP;
    RETURN log_densities;
END
$$;
COMMENT ON FUNCTION gmm_json_log_densities(jsonb, double precision[])
    IS 'the logarithm of what noise, element 0, and each component have of the density at a row';

CREATE OR REPLACE FUNCTION gmm_json_predict(model jsonb, features double precision[])
RETURNS integer LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 10000 SET search_path FROM CURRENT AS $$
DECLARE
    log_densities constant double precision[] := gmm_json_log_densities(model, features);
    best integer := 1;
BEGIN
    FOR c IN 2 .. array_upper(log_densities, 1) LOOP
        IF log_densities[c] > log_densities[best] THEN
            best := c;
        END IF;
    END LOOP;
    RETURN CASE WHEN log_densities[0] > log_densities[best] THEN 0 ELSE best END;
END
$$;
COMMENT ON FUNCTION gmm_json_predict(jsonb, double precision[])
    IS 'the most probable component of a row, counted from 1; 0 for noise';

CREATE OR REPLACE FUNCTION gmm_json_predict_proba(model jsonb, features double precision[])
RETURNS double precision[] LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 10000 SET search_path FROM CURRENT AS $$
DECLARE
    shares double precision[] := gmm_json_log_densities(model, features);
    most constant double precision := (SELECT max(s) FROM unnest(shares) AS s);
    total double precision := 0;
BEGIN
    FOR c IN 0 .. array_upper(shares, 1) LOOP
        shares[c] := CASE WHEN shares[c] - most > -700 THEN exp(shares[c] - most) ELSE 0 END;
        total := total + shares[c];
    END LOOP;
    FOR c IN 0 .. array_upper(shares, 1) LOOP
        shares[c] := shares[c] / total;
    END LOOP;
    RETURN CASE WHEN model ? 'noise_weight' THEN shares ELSE shares[1:] END;
END
$$;
COMMENT ON FUNCTION gmm_json_predict_proba(jsonb, double precision[])
    IS 'the probability of each component given a row, from subscript 0, that of noise, if the model has some; they sum to 1';

CREATE OR REPLACE FUNCTION gmm_json_logpdf(model jsonb, features double precision[])
RETURNS double precision LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 10000 SET search_path FROM CURRENT AS $$
DECLARE
    log_densities constant double precision[] := gmm_json_log_densities(model, features);
    most constant double precision := (SELECT max(l) FROM unnest(log_densities) AS l);
BEGIN
    RETURN most + ln((SELECT sum(CASE WHEN l - most > -700 THEN exp(l - most) ELSE 0 END) FROM unnest(log_densities) AS l));
END
$$;
COMMENT ON FUNCTION gmm_json_logpdf(jsonb, double precision[])
    IS 'the logarithm of the mixture''s density at a row';
