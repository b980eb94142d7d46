-- fits that are in progress: gmm_progress (fit/fit_progress_view.c)

CREATE FUNCTION gmm_progress(
	OUT pid integer,
	OUT datid oid,
	OUT relid oid,
	OUT phase text,
	OUT fits_done bigint,
	OUT n_rows bigint,
	OUT trial integer,
	OUT n_trials integer,
	OUT k integer,
	OUT covariance_type text,
	OUT start integer,
	OUT n_starts integer,
	OUT sample_passes bigint,
	OUT iteration integer,
	OUT max_iter integer,
	OUT mean_log_likelihood double precision,
	OUT change double precision,
	OUT tol double precision,
	OUT progress text
) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED COST 10 ROWS 10;
COMMENT ON FUNCTION gmm_progress() IS 'how far the fits have come that are in progress, in all sessions';

CREATE VIEW gmm_progress AS
	SELECT p.pid, p.datid, d.datname, p.relid, p.phase, p.fits_done, p.n_rows, p.trial, p.n_trials,
		p.k, p.covariance_type, p.start, p.n_starts, p.sample_passes, p.iteration, p.max_iter,
		p.mean_log_likelihood, p.change, p.tol, p.progress
	FROM gmm_progress() AS p LEFT JOIN pg_catalog.pg_database AS d ON d.oid = p.datid;
COMMENT ON VIEW gmm_progress IS 'how far the fits have come that are in progress, in all sessions';
GRANT SELECT ON gmm_progress TO PUBLIC;
