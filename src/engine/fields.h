/*
 * fields.h
 *	  What a fit knows beside the parameters, and what one try of a choice
 *	  knows: the lists from which everything that treats them is made.
 *
 * A line is a member of MixtureFitInfo or MixtureTrial.  From it come the key
 * of the text form, the place in the binary form, in that of a stored model
 * and in memory, the check of what comes in from outside, and the value of the
 * column of the same name of gmm_summary() or gmm_trials().  So a new field is
 * a line here, the column in the SQL script, and the line of the engine that
 * computes it.  The order is that of the keys.
 *
 * Whoever includes this defines FIT_FIELD or TRIAL_FIELD before; both are
 * undefined after it, and there is no guard against a second inclusion.
 *
 * A line has:
 *
 *		type		int, int64_t, double or bool; of a trial, also
 *					MixtureCovarianceType
 *		name
 *		known		whether every fit knows it.  If not, what is left out of a
 *					text is NaN, which means that it is not known, or 0
 *		possible	what holds of it, where it is known, if a row is one of
 *					n_classes, components or noise, or of n_others beside the
 *					trial's components; the others of the list are there as
 *					fit->name or trial->name
 *		rule		that, in words
 */
#ifndef FIT_FIELD
#define FIT_FIELD(type, name, known, possible, rule)
#endif
#ifndef TRIAL_FIELD
#define TRIAL_FIELD(type, name, possible, rule)
#endif

/* rows that were read, of whatever weight above 0 */
FIT_FIELD(int64_t, n_rows, true,
		  fit->n_rows >= 1,
		  "must be at least 1")
FIT_FIELD(double, sum_weights, true,
		  isfinite(fit->sum_weights) && fit->sum_weights > 0,
		  "must be positive and finite")
/* the sum over rows of weight times log density, under these parameters */
FIT_FIELD(double, log_likelihood, true,
		  isfinite(fit->log_likelihood),
		  "must be finite")
/* EM passes over all rows, as max_iter counts */
FIT_FIELD(int, iterations, true,
		  fit->iterations >= 0,
		  "must not be negative")
FIT_FIELD(bool, converged, true, true, "")
FIT_FIELD(int, n_starts, true,
		  fit->n_starts >= 0,
		  "must not be negative")
/* starts that came to the best optimum */
FIT_FIELD(int, n_best_starts, true,
		  fit->n_best_starts >= 0 && fit->n_best_starts <= fit->n_starts,
		  "must be between 0 and \"n_starts\"")
/* the sum over rows of weight times the entropy of the responsibilities */
FIT_FIELD(double, entropy, false,
		  mixture_entropy_possible(fit->entropy, fit->sum_weights, n_classes),
		  "must be between 0 and \"sum_weights\" times the logarithm of k, of k + 1 with noise")
/* the standard deviation of the rows' log densities */
FIT_FIELD(double, log_density_stddev, false,
		  isfinite(fit->log_density_stddev) && fit->log_density_stddev >= 0,
		  "must be finite and not negative")
/* the option */
FIT_FIELD(double, reg_covar, false,
		  isfinite(fit->reg_covar) && fit->reg_covar >= 0,
		  "must be finite and not negative")
/* rows with features that are not known */
FIT_FIELD(int64_t, n_incomplete, false,
		  fit->n_incomplete >= 0 && fit->n_incomplete <= fit->n_rows,
		  "must be between 0 and \"n_rows\"")
/* components that were begun anew */
FIT_FIELD(int, n_reseeded, false,
		  fit->n_reseeded >= 0,
		  "must not be negative")
/* components that were asked for beyond the number of distinct rows: the caller
 * of the engine left them out */
FIT_FIELD(int, n_omitted, false,
		  fit->n_omitted >= 0,
		  "must not be negative")
/* the logarithm of the prior's density there, but for a constant of the prior; with
 * log_likelihood it is what EM raised.  Not known: there was no prior */
FIT_FIELD(double, log_prior, false,
		  isfinite(fit->log_prior),
		  "must be finite")

/* rows whose component was given: the caller of the engine counts them */
FIT_FIELD(int64_t, n_labelled, false,
		  fit->n_labelled >= 0 && fit->n_labelled <= fit->n_rows,
		  "must be between 0 and \"n_rows\"")

TRIAL_FIELD(int, k,
			mixture_shape_allowed(trial->covariance_type, trial->k, d),
			"is out of range")
TRIAL_FIELD(MixtureCovarianceType, covariance_type, true, "")
TRIAL_FIELD(double, log_likelihood,
			isfinite(trial->log_likelihood),
			"must be finite")
TRIAL_FIELD(double, entropy,
			mixture_entropy_possible(trial->entropy, sum_weights, trial->k + n_others),
			"must be between 0 and \"sum_weights\" times the logarithm of k, of k + 1 with noise")
TRIAL_FIELD(int, iterations,
			trial->iterations >= 0,
			"must not be negative")
TRIAL_FIELD(bool, converged, true, "")
TRIAL_FIELD(int, n_starts,
			trial->n_starts >= 0,
			"must not be negative")
TRIAL_FIELD(int, n_best_starts,
			trial->n_best_starts >= 0 && trial->n_best_starts <= trial->n_starts,
			"must be between 0 and \"n_starts\"")
/* as mixture_judge() counts */
TRIAL_FIELD(int, n_suspect,
			trial->n_suspect >= 0 && trial->n_suspect <= trial->k,
			"must be between 0 and \"k\"")

#undef FIT_FIELD
#undef TRIAL_FIELD
