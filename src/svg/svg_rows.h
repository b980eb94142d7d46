/*
 * svg_rows.h
 *	  What a picture is made of: rows, a mixture, names, and what the user asks
 *	  for.
 */
#ifndef GMM_SVG_ROWS_H
#define GMM_SVG_ROWS_H

#include "compat.h"
#include "engine/engine.h"
#include "rows/feature_names.h"
#include "utils/jsonb.h"

/* Features that are drawn, at most */
#define SVG_MAX_DIMS	6

/* What the component of a row is that is noise */
#define SVG_NOISE		(-1)

/* A distinct row of the sample */
typedef struct GmmPlotPoint
{
	uint64		hash;			/* of the whole row */
	int64		count;			/* rows that are equal to it */
	int32		component;		/* the most probable one, from 0, or SVG_NOISE */
	double		values[SVG_MAX_DIMS];	/* of the features that are drawn; 0
										 * beyond */
} GmmPlotPoint;

/* What the user asks for. */
typedef struct GmmSvgOptions
{
	int			width;			/* 0: as large as it should be */
	int			height;
	char	   *title;			/* in the server's encoding; NULL: none */
} GmmSvgOptions;

typedef struct GmmPlot
{
	bool		pairs;			/* every pair of features, and each by itself */
	const MixtureParameters *marginal;	/* of the features that are drawn */
	const int  *dims;			/* which these are, from 0 */
	const GmmFeatureNames *names;	/* of all features, or of none */
	const GmmPlotPoint *points; /* by look, then by values */
	int			n_points;
	int64		n_sampled;		/* rows that the points stand for */
	int64		n_rows;			/* rows that there were */
	GmmSvgOptions options;
} GmmPlot;

/* svg_options.c */
extern void gmm_svg_options_parse(Jsonb *json, GmmSvgOptions *options);
extern bool gmm_svg_options_equal(const GmmSvgOptions *a, const GmmSvgOptions *b);

#endif							/* GMM_SVG_ROWS_H */
