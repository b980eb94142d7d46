/*
 * fit_table_private.h
 *	  One fit to a table, between the files that answer what the engine asks.
 */
#ifndef GMM_FIT_TABLE_PRIVATE_H
#define GMM_FIT_TABLE_PRIVATE_H

#include "fit/fit_options.h"
#include "model/model.h"
#include "table/fit_table_functions.h"
#include "table/fit_table_queries.h"

/* By which queries are known to be of the same rows. */
typedef struct GmmFitTableCount
{
	int64		n_rows;
	int64		n_labelled;		/* of them, */
	double		label_codes;	/* and the sum of gmm_fit_table_label_code() */
	double		sum_weights;
} GmmFitTableCount;

/* What a pass without an M-step finds: sums over the rows. */
typedef struct GmmFitTableScores
{
	GmmFitTableCount count;
	bool		labelled;		/* labels count */
	double		log_likelihood;
	double		log_density_squares;
	double		entropy;
} GmmFitTableScores;

/* Rows without a label, in place 0, and those of each label up to k. */
typedef struct GmmFitTableLabels
{
	int64	   *n_rows;
	double	   *weights;
	int64		n_labelled;		/* of all rows */
	double		codes;			/* of these */
} GmmFitTableLabels;

/* A fit, from the first count of its rows on. */
typedef struct GmmFitTable
{
	GmmFitTableQuery query;
	MemoryContext context;		/* of the fit */
	GmmOptions	options;
	int			k;
	int			d;				/* 0: not known yet */
	GmmFitTableRanges first;	/* as found with the count of rows */
	GmmFitTableLabels labels;	/* likewise; zero if there is no column of them */
	MixtureSource source;
	GmmModel   *scored;			/* the model of the last pass without an
								 * M-step, or NULL */
	GmmFitTableScores scores;	/* what that pass found */
} GmmFitTable;

/* fit_table_ranges.c */
pg_noreturn extern void gmm_fit_table_report_changed(void);
extern Datum gmm_fit_table_value(const Datum *values, const bool *nulls, int column);
extern void gmm_fit_table_check_rows(const GmmFitTable *fit, const GmmFitTableCount *count);
extern bool gmm_fit_table_count(GmmFitTable *fit);
extern void gmm_fit_table_count_labels(GmmFitTable *fit);
extern void gmm_fit_table_get_ranges(void *context, FeatureRange *range);

/* fit_table_sample.c */
extern bool gmm_fit_table_candidates(void *context, const MixtureSampling *sampling,
									 MixtureSource *rows);

/* fit_table_passes.c */
extern MixtureStatus gmm_fit_table_pass(void *context, const MixturePass *pass,
										double *sums, MixtureError *error);

#endif							/* GMM_FIT_TABLE_PRIVATE_H */
