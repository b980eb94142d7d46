/*
 * svg.h
 *	  Drawing as SVG: what the parts of a picture share.
 *
 * A picture has panels, each a frame with two axes.  svg_document.c makes the
 * document and the picture of one panel, svg_pairs.c that of many, svg_trials.c
 * the one of a choice among models; what is inside of a panel is by
 * svg_scatter.c for two features and by svg_density.c for one.
 */
#ifndef GMM_SVG_H
#define GMM_SVG_H

#include "lib/stringinfo.h"

#include "svg/svg_rows.h"

/* The picture unless the user says otherwise, and its bounds, in pixels */
#define SVG_WIDTH		640
#define SVG_HEIGHT		420
#define SVG_LEAST_WIDTH 240
#define SVG_LEAST_HEIGHT 180
#define SVG_MOST_SIZE	4000

/* Below this width the legend is under the frame */
#define SVG_NARROW		480

/* A component has one of these colours and shapes, filled or hollow */
#define SVG_N_COLOURS	7
#define SVG_N_SHAPES	6
#define SVG_N_LOOKS		(2 * SVG_N_COLOURS * SVG_N_SHAPES)

/* Components that are drawn, those of the largest weights */
#define SVG_MAX_SHOWN	100

/* Pixels that a character may take, where text is small and where it is large */
#define SVG_CHARACTER	9
#define SVG_LINE		18

/* Of a feature, or of the density */
typedef struct SvgAxis
{
	double		low;			/* values at the frame's two ends */
	double		high;
	double		origin;			/* a value is at origin + (value - low) * scale */
	double		scale;			/* pixels a unit, negative upwards */
} SvgAxis;

typedef struct SvgFrame
{
	int			left;
	int			right;
	int			top;
	int			bottom;
} SvgFrame;

/* The ticks of an axis: (value - offset) / power, every step from first to last */
typedef struct SvgTicks
{
	double		offset;
	double		power;
	double		step;
	int64		first;
	int64		last;
	int			decimals;
	int			width;			/* characters of the longest label */
} SvgTicks;

typedef struct SvgPicture
{
	StringInfoData text;		/* the document so far */
	int			width;
	int			height;
	const GmmPlot *plot;		/* NULL if it is of something else */
	int		   *shown;			/* numbers of the components that are drawn,
								 * from 0, the largest weight first */
	int			n_shown;
	bool	   *is_shown;		/* k: whether it is among them */
	double		ranges[SVG_MAX_DIMS][2];	/* of the features that are drawn */
} SvgPicture;

/* What svg_density.c has computed */
typedef struct SvgDensity SvgDensity;

/* A label that has its place */
typedef struct SvgLabel
{
	double		x;
	double		y;
	double		width;
} SvgLabel;

typedef struct SvgPanel
{
	SvgPicture *picture;
	const MixtureParameters *marginal;	/* of its one or two features */
	int			features[2];	/* among those that are drawn; the second is -1
								 * for a density */
	SvgFrame	frame;
	SvgAxis		axes[2];		/* x and y */
	SvgTicks	ticks[2];
	bool		tight;			/* another panel follows to the right */
	SvgDensity *density;		/* NULL where two features are drawn */
	SvgLabel	labels[SVG_MAX_SHOWN];
	int			n_labels;
} SvgPanel;

/* svg_document.c */
extern char *gmm_svg_draw(const GmmPlot *plot);
extern void svg_begin(SvgPicture *picture, const GmmSvgOptions *options, int width,
					  int height, int least);
extern void svg_add_style(StringInfo text, int width);
extern int	svg_add_title(SvgPicture *picture, const GmmSvgOptions *options);
extern void svg_add_description(StringInfo text, const GmmPlot *plot, const char *what,
								int n);
extern void svg_add_markers(SvgPicture *picture, bool small);
extern void svg_choose_shown(SvgPicture *picture);
extern void svg_open_frame(StringInfo text, const SvgFrame *frame);
extern void svg_close_frame(StringInfo text, const SvgFrame *frame);
extern const char *svg_shape(int number);

/* svg_legend.c */
extern void svg_add_note(StringInfo text, int x, int *y, const char *note);
extern int	svg_legend_height(const SvgPicture *picture, int width);
extern void svg_add_legend(SvgPicture *picture, const SvgFrame *place, int64 n_outside);
extern int64 svg_outside(const SvgPicture *picture, const SvgPanel *panel);

/* svg_pairs.c */
extern char *svg_draw_pairs(const GmmPlot *plot);

/* svg_ranges.c */
extern void svg_find_ranges(SvgPicture *picture);

/* svg_axes.c */
extern void svg_set_axis(SvgAxis *axis, double low, double high, int from, int to,
						 const char *what);
extern double svg_nice_step(double range, int n_steps);
extern void svg_choose_ticks(SvgPanel *panel, int axis, bool across, int most);
extern void svg_add_grid(StringInfo text, const SvgPanel *panel);
extern void svg_add_ticks(StringInfo text, const SvgPanel *panel, int axis);
extern void svg_add_axis_title(StringInfo text, const SvgPanel *panel, int axis,
							   const char *what, int offset);

/* svg.c */
extern double svg_place(const SvgAxis *axis, double value);
extern bool svg_on_axis(const SvgAxis *axis, double value);
extern void svg_add_number(StringInfo text, double value);
extern void svg_add_place(StringInfo text, double x, double y);
extern void svg_add_text(StringInfo text, const char *words, int most);
extern void svg_add_label(StringInfo text, SvgPanel *panel, int component, double x,
						  double y);
extern const char *svg_feature_name(const GmmPlot *plot, int feature);
extern int	svg_look(int component);
extern int	svg_colour(int component);

/* svg_scatter.c */
extern void svg_scatter_draw(SvgPanel *panel);

/* svg_density.c */
extern void svg_density_prepare(SvgPanel *panel);
extern void svg_density_draw(SvgPanel *panel);

#endif							/* GMM_SVG_H */
