/*
 * svg_state.h
 *	  What the aggregates that draw keep of their rows.
 */
#ifndef GMM_SVG_STATE_H
#define GMM_SVG_STATE_H

#include "compat.h"
#include "model/model.h"
#include "model/model_identity.h"
#include "svg/svg_rows.h"

typedef struct SvgState
{
	MemoryContext context;		/* the aggregate's; all of this lives there */
	GmmModel   *model;
	GmmModelIdentity identity;
	bool		pairs;			/* of gmm_svg_pairs */
	int			n_dims;			/* features that are drawn */
	int			dims[SVG_MAX_DIMS]; /* which, from 0 */
	GmmSvgOptions options;

	/* what the first row had; only where rows are added one by one */
	struct varlena *json;		/* the options, or NULL */
	bool		dims_given;		/* gmm_svg_pairs */
	int			given[2];		/* gmm_svg: dim_x and dim_y, from 0; -1: NULL */

	int64		n_rows;			/* rows that could be drawn */
	uint64		threshold;		/* rows of a larger hash are not kept */
	int			limit;			/* points after svg_state_compact() */
	int			n_points;
	int			capacity;		/* up to twice the limit */
	GmmPlotPoint *points;
} SvgState;

/* svg_state.c */
extern SvgState *svg_state_create(MemoryContext context, GmmModel *model, bool pairs,
								  const int *dims, int n_dims,
								  const GmmSvgOptions *options);
extern void svg_state_compact(SvgState *state);
extern void svg_state_add(SvgState *state, const GmmPlotPoint *point);
extern void svg_state_merge(SvgState *state, const SvgState *other);

#endif							/* GMM_SVG_STATE_H */
