/*
 * svg.h
 *	  Drawing a mixture and its rows as SVG: what the parts of a picture share.
 *
 * svg_document.c makes the document with frame, axes and legend; what is inside of
 * the frame is by svg_scatter.c for two features and by svg_density.c for one.
 */
#ifndef GMM_SVG_H
#define GMM_SVG_H

#include "lib/stringinfo.h"

#include "svg/svg_rows.h"

/* The picture and the frame in it, in pixels */
#define SVG_WIDTH		640
#define SVG_HEIGHT		420
#define SVG_LEFT		58
#define SVG_RIGHT		498
#define SVG_TOP			14
#define SVG_BOTTOM		370

/* A component has one of these colours and shapes, filled or hollow */
#define SVG_N_COLOURS	7
#define SVG_N_SHAPES	6
#define SVG_N_LOOKS		(2 * SVG_N_COLOURS * SVG_N_SHAPES)

/* What noise looks like, which has no other's look */
#define SVG_NOISE		(-1)
#define SVG_NOISE_LOOK	SVG_N_LOOKS
#define SVG_NOISE_COLOUR	SVG_N_COLOURS

/* Components that are drawn, those of the largest weights */
#define SVG_MAX_SHOWN	100

/* Of a feature, or of the density */
typedef struct SvgAxis
{
	double		low;			/* values at the frame's two ends */
	double		high;
	double		origin;			/* a value is at origin + (value - low) * scale */
	double		scale;			/* pixels a unit, negative upwards */
} SvgAxis;

/* What svg_density.c has computed */
typedef struct SvgDensity SvgDensity;

typedef struct SvgPicture
{
	StringInfoData text;		/* the document so far */
	const GmmPlot *plot;
	int		   *shown;			/* numbers of the components that are drawn,
								 * from 0, ascending */
	int			n_shown;
	SvgAxis		axes[2];		/* x and y */
	SvgDensity *density;		/* NULL where two features are drawn */
} SvgPicture;

/* svg_document.c */
extern char *gmm_svg_draw(const GmmPlot *plot);

/* svg.c */
extern double svg_place(const SvgAxis *axis, double value);
extern void svg_add_number(StringInfo text, double value);
extern void svg_add_place(StringInfo text, double x, double y);
extern void svg_add_label(StringInfo text, int component, double x, double y);
extern void svg_set_axis(SvgAxis *axis, double low, double high, bool upwards,
						 const char *what);
extern void svg_cover_feature(const SvgPicture *picture, int feature,
							  double *low, double *high);
extern double svg_nice_step(double range, int n_steps);
extern int	svg_look(int component);
extern int	svg_colour(int component);

/* svg_scatter.c */
extern void svg_scatter_axes(SvgPicture *picture);
extern void svg_scatter_draw(SvgPicture *picture);

/* svg_density.c */
extern void svg_density_axes(SvgPicture *picture);
extern void svg_density_draw(SvgPicture *picture);

#endif							/* GMM_SVG_H */
