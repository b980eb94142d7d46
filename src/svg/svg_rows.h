/*
 * svg_rows.h
 *	  What gmm_svg knows of its rows when it draws them.
 */
#ifndef GMM_SVG_ROWS_H
#define GMM_SVG_ROWS_H

#include "compat.h"
#include "engine/engine.h"

/* A distinct row of the sample */
typedef struct GmmPlotPoint
{
	uint64		hash;			/* of the whole row */
	double		x;
	double		y;				/* 0 where one feature is drawn */
	int64		count;			/* rows that are equal to it */
	int32		component;		/* the most probable one, from 0; -1 is noise */
} GmmPlotPoint;

typedef struct GmmPlot
{
	const MixtureParameters *marginal;	/* of the features that are drawn: one
										 * or two */
	const int  *dims;			/* which these are, from 0 */
	const GmmPlotPoint *points; /* by look, x, y */
	int			n_points;
	int64		n_sampled;		/* rows that the points stand for */
	int64		n_rows;			/* rows that there were */
} GmmPlot;

#endif							/* GMM_SVG_ROWS_H */
