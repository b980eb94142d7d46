-- options (fit/fit_options.c)

CREATE FUNCTION gmm_options(
	covariance_type text DEFAULT NULL,
	max_iter integer DEFAULT NULL,
	tol double precision DEFAULT NULL,
	reg_covar double precision DEFAULT NULL,
	n_init integer DEFAULT NULL,
	init text DEFAULT NULL,
	seed bigint DEFAULT NULL,
	accelerate boolean DEFAULT NULL,
	criterion text DEFAULT NULL,
	missing text DEFAULT NULL,
	too_few_rows text DEFAULT NULL,
	features text[] DEFAULT NULL,
	noise boolean DEFAULT NULL,
	prior "any" DEFAULT NULL,
	fixed "any" DEFAULT NULL
) RETURNS jsonb
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION gmm_options(text, integer, double precision, double precision, integer, text, bigint, boolean, text, text, text, text[], boolean, "any", "any")
	IS 'options of a fit as jsonb, from named arguments; those left out keep their default, n_init that of as many starts as it takes';

