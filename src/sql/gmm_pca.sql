
-- principal axes of a model, and rows along them (score/project.c)

CREATE FUNCTION gmm_pca(model gmm_model, q bigint, whiten boolean DEFAULT false)
	RETURNS double precision[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION gmm_pca(gmm_model, bigint, boolean)
	IS 'the mean of a mixture and the q axes along which its rows vary most, one row each';

CREATE FUNCTION gmm_pca_variance(
	model gmm_model,
	OUT axis integer,
	OUT variance double precision,
	OUT share double precision,
	OUT cumulative_share double precision
) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10000 ROWS 10;
COMMENT ON FUNCTION gmm_pca_variance(gmm_model)
	IS 'variance of the rows of a mixture along each of its principal axes, largest first';

CREATE FUNCTION gmm_project(axes double precision[], features double precision[])
	RETURNS double precision[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION gmm_project(double precision[], double precision[])
	IS 'where a row is along the axes that gmm_pca found';
