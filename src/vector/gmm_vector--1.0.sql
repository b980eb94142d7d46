/* gmm_vector 1.0: pgvector's types where gmm takes features */

-- complain if the script is read by psql, rather than by CREATE EXTENSION
\echo Use "CREATE EXTENSION gmm_vector CASCADE" to load this file. \quit

-- All functions of gmm take features as double precision[]; one implicit cast for
-- each type lets them take it as it is.  Overloads for each type would make
-- literals such as '{1,2}' ambiguous; and gmm itself does not need pgvector.
--
-- The types are the keywords of SQL, which mean pg_catalog's whatever search_path
-- says; the planner puts the bodies in place of the calls.

CREATE FUNCTION gmm_vector_to_array(vector) RETURNS double precision[]
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	AS 'SELECT CAST(CAST($1 AS real[]) AS double precision[])';
COMMENT ON FUNCTION gmm_vector_to_array(vector) IS 'the elements of a vector';

CREATE FUNCTION gmm_vector_to_array(halfvec) RETURNS double precision[]
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	AS 'SELECT CAST(CAST($1 AS real[]) AS double precision[])';
COMMENT ON FUNCTION gmm_vector_to_array(halfvec) IS 'the elements of a half-precision vector';

CREATE CAST (vector AS double precision[])
	WITH FUNCTION gmm_vector_to_array(vector) AS IMPLICIT;
COMMENT ON CAST (vector AS double precision[]) IS 'features of gmm';

CREATE CAST (halfvec AS double precision[])
	WITH FUNCTION gmm_vector_to_array(halfvec) AS IMPLICIT;
COMMENT ON CAST (halfvec AS double precision[]) IS 'features of gmm';
