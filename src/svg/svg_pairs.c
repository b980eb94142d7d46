/*
 * svg_pairs.c
 *	  Every pair of features in a panel of its own, and the density of each on the
 *	  diagonal.
 *
 * What is above the diagonal would be the same again, so the legend is there.
 * Panels one below the other share the axis across, those side by side the one
 * upwards, but for a density's, which says only where it is high.
 */
#include "postgres.h"

#include "host/engine_host.h"
#include "svg/svg.h"

#define GAP				10
#define X_AXIS_HEIGHT	48

/* Height and width of a panel, from few features to many, unless the user says */
#define PANEL_MOST		240
#define PANEL_LEAST		150
#define PANELS_SIZE		720

/* Below this a panel has no room for numbers: the picture is made smaller as a whole */
#define PANEL_DRAWN		100

/* Where a legend finds no room above the diagonal: one feature */
#define LEGEND_WIDTH	156

typedef struct Grid
{
	int			n;
	int			left;
	int			top;
	int			width;			/* of a panel, with the gap behind it */
	int			height;
} Grid;

/* Panel (row, column): a pair of features, or the density of one. */
static void
prepare_panel(SvgPanel *panel, SvgPicture *picture, const Grid *grid, int row, int column)
{
	const GmmPlot *plot = picture->plot;
	const int	features[2] = {column, row};
	MixtureParameters *marginal = (MixtureParameters *) palloc(sizeof(MixtureParameters));
	int			d = row == column ? 1 : 2;

	memset(panel, 0, sizeof(*panel));
	panel->picture = picture;
	panel->tight = grid->n > 1;
	panel->features[0] = column;
	panel->features[1] = row == column ? -1 : row;
	mixture_allocate_parameters(marginal, plot->marginal->covariance_type, plot->marginal->k,
								d, &gmm_host);
	mixture_marginal(plot->marginal, features, marginal, &gmm_host);
	panel->marginal = marginal;
	panel->frame.left = grid->left + column * grid->width;
	panel->frame.right = panel->frame.left + grid->width - GAP;
	panel->frame.top = grid->top + row * grid->height;
	panel->frame.bottom = panel->frame.top + grid->height - GAP;
	svg_set_axis(&panel->axes[0], picture->ranges[column][0], picture->ranges[column][1],
				 panel->frame.left, panel->frame.right, svg_feature_name(plot, column));
	svg_choose_ticks(panel, 0, true, 5);
	if (row == column)
		svg_density_prepare(panel);
	else
	{
		svg_set_axis(&panel->axes[1], picture->ranges[row][0], picture->ranges[row][1],
					 panel->frame.bottom, panel->frame.top, svg_feature_name(plot, row));
		svg_choose_ticks(panel, 1, false, 5);
	}
}

static void
draw_panel(SvgPanel *panel, const Grid *grid, int row, int column)
{
	SvgPicture *picture = panel->picture;
	StringInfo	text = &picture->text;

	svg_add_grid(text, panel);
	if (row == grid->n - 1)
	{
		svg_add_ticks(text, panel, 0);
		svg_add_axis_title(text, panel, 0, svg_feature_name(picture->plot, column), 38);
	}
	if (column == 0 && row > 0)
	{
		svg_add_ticks(text, panel, 1);
		svg_add_axis_title(text, panel, 1, svg_feature_name(picture->plot, row), grid->left - 16);
	}
	svg_open_frame(text, &panel->frame);
	if (row == column)
		svg_density_draw(panel);
	else
		svg_scatter_draw(panel);
	svg_close_frame(text, &panel->frame);
}

/* Characters of the widest label to the left, of panels as high as they will be. */
static int
label_width(SvgPicture *picture, const Grid *grid)
{
	int			width = 0;

	for (int i = 1; i < grid->n; i++)
	{
		SvgPanel	panel = {.picture = picture};

		svg_set_axis(&panel.axes[1], picture->ranges[i][0], picture->ranges[i][1],
					 grid->height - GAP, 0, svg_feature_name(picture->plot, i));
		svg_choose_ticks(&panel, 1, false, 5);
		width = Max(width, panel.ticks[1].width);
	}
	return width;
}

/* Append the legend above the diagonal, or beside the only panel. */
static void
place_legend(SvgPicture *picture, const Grid *grid)
{
	SvgFrame	place;
	int			column = Max(1, grid->n / 2);

	place.left = grid->left + column * grid->width + 8;
	place.right = picture->width;
	place.top = grid->top;
	place.bottom = grid->top + column * grid->height - GAP;
	svg_add_legend(picture, &place, svg_outside(picture, NULL));
}

/* The title, for screen readers too. */
static int
begin_document(SvgPicture *picture, int n)
{
	const GmmPlot *plot = picture->plot;
	StringInfo	text = &picture->text;
	int			side = Max(PANEL_LEAST, Min(PANEL_MOST, PANELS_SIZE / n));

	svg_begin(picture, &plot->options, 64 + n * side + (n == 1 ? LEGEND_WIDTH : 0),
			  14 + n * side + X_AXIS_HEIGHT, 64 + n * PANEL_DRAWN);
	svg_add_description(text, plot, "pairs of ", n);
	svg_add_style(text, picture->width);
	svg_add_markers(picture, true);
	return svg_add_title(picture, &plot->options);
}

/* Draw; returns the document, palloc'd. */
char *
svg_draw_pairs(const GmmPlot *plot)
{
	SvgPicture	picture = {.plot = plot};
	Grid		grid = {.n = plot->marginal->d};
	SvgPanel   *panel = (SvgPanel *) palloc(sizeof(SvgPanel));

	svg_choose_shown(&picture);
	svg_find_ranges(&picture);
	grid.top = 14 + begin_document(&picture, grid.n);
	grid.height = Max(40, (picture.height - grid.top - X_AXIS_HEIGHT + GAP) / grid.n);
	grid.left = 34 + label_width(&picture, &grid) * SVG_CHARACTER;
	grid.width = Max(40, (picture.width - grid.left - (grid.n == 1 ? LEGEND_WIDTH : 0)) / grid.n);
	for (int row = 0; row < grid.n; row++)
		for (int column = 0; column <= row; column++)
		{
			prepare_panel(panel, &picture, &grid, row, column);
			draw_panel(panel, &grid, row, column);
		}
	place_legend(&picture, &grid);
	appendStringInfoString(&picture.text, "</svg>\n");
	return picture.text.data;
}
