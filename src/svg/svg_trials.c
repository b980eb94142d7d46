/*
 * svg_trials.c
 *	  A picture of a choice among models: the criterion by the number of
 *	  components, a line for each family, the choice with a ring.
 */
#include "postgres.h"

#include <math.h>

#include "utils/builtins.h"

#include "model/model.h"
#include "svg/svg.h"

#define LEGEND_WIDTH	156
#define X_AXIS_HEIGHT	48

/* Each family's colour and shape, by its number */
static const int colours[MIXTURE_N_COVARIANCE_TYPES] = {0, 1, 2, 3};

PG_FUNCTION_INFO_V1(gmm_svg_trials);

/* The criterion that the trials were compared by; lower is better. */
static double
trial_value(const GmmModel *model, const MixtureTrial *trial)
{
	return gmm_trial_criterion(model, trial, (MixtureCriterion) model->criterion);
}

/* Name of the criterion, as it is written. */
static const char *
criterion_title(const GmmModel *model)
{
	char	   *name = pstrdup(gmm_criterion_name((MixtureCriterion) model->criterion));

	for (char *c = name; *c != '\0'; c++)
		*c = pg_ascii_toupper((unsigned char) *c);
	return name;
}

/* The axes: all trials are within them, those of k at whole numbers. */
static void
place_axes(SvgPanel *panel, const GmmModel *model, int top)
{
	const MixtureTrial *trials = gmm_model_trials(model);
	SvgFrame   *frame = &panel->frame;
	SvgPicture *picture = panel->picture;
	double		low = INFINITY;
	double		high = -INFINITY;
	int			least = PG_INT32_MAX;
	int			most = 0;
	double		margin;

	for (int i = 0; i < model->n_trials; i++)
	{
		low = fmin(low, trial_value(model, &trials[i]));
		high = fmax(high, trial_value(model, &trials[i]));
		least = Min(least, trials[i].k);
		most = Max(most, trials[i].k);
	}
	margin = high > low ? (high - low) * 0.08 : fabs(high) * 0.01 + 1;
	frame->top = top;
	frame->bottom = Max(top + 40, picture->height - X_AXIS_HEIGHT);
	frame->right = Max(120, picture->width - LEGEND_WIDTH);
	svg_set_axis(&panel->axes[1], low - margin, high + margin, frame->bottom, frame->top,
				 "the criterion");
	svg_choose_ticks(panel, 1, false, 7);
	frame->left = 34 + panel->ticks[1].width * SVG_CHARACTER;
	svg_set_axis(&panel->axes[0], least - 0.5, most + 0.5, frame->left, frame->right, "k");
	svg_choose_ticks(panel, 0, true, 10);
	if (panel->ticks[0].step < 1)
		panel->ticks[0] = (SvgTicks) {
		.power = 1,.step = 1,.first = least,.last = most
	};
}

/* Append a place in the picture. */
static void
add_trial_place(StringInfo text, const SvgPanel *panel, const GmmModel *model,
				const MixtureTrial *trial)
{
	svg_add_place(text, svg_place(&panel->axes[0], trial->k),
				  svg_place(&panel->axes[1], trial_value(model, trial)));
}

/* Append the line of a family, and a mark for each of its trials. */
static void
add_family(StringInfo text, const SvgPanel *panel, const GmmModel *model, int family)
{
	const MixtureTrial *trials = gmm_model_trials(model);
	bool		begun = false;

	for (int i = 0; i < model->n_trials; i++)
	{
		if ((int) trials[i].covariance_type != family)
			continue;
		if (!begun)
			appendStringInfo(text, "<path class=\"curve c%d\" d=\"M", colours[family]);
		else
			appendStringInfoChar(text, ' ');
		begun = true;
		add_trial_place(text, panel, model, &trials[i]);
	}
	if (!begun)
		return;
	appendStringInfoString(text, "\"/>\n");
	for (int i = 0; i < model->n_trials; i++)
	{
		if ((int) trials[i].covariance_type != family)
			continue;
		appendStringInfo(text, "<path class=\"c%d %s\" transform=\"translate(", colours[family],
						 trials[i].n_suspect > 0 ? "hollow" : "mark");
		add_trial_place(text, panel, model, &trials[i]);
		appendStringInfo(text, ")\" d=\"%s\"/>\n", svg_shape(family));
	}
}

/* Append a ring around the trial that was chosen. */
static void
add_choice(StringInfo text, const SvgPanel *panel, const GmmModel *model)
{
	const MixtureTrial *trials = gmm_model_trials(model);

	for (int i = 0; i < model->n_trials; i++)
		if (gmm_trial_is_chosen(model, &trials[i]))
		{
			appendStringInfoString(text, "<circle class=\"choice\" r=\"9\" cx=\"");
			svg_add_number(text, svg_place(&panel->axes[0], trials[i].k));
			appendStringInfoString(text, "\" cy=\"");
			svg_add_number(text, svg_place(&panel->axes[1], trial_value(model, &trials[i])));
			appendStringInfoString(text, "\"/>\n");
		}
}

/* Append which sign is of what. */
static void
add_legend(SvgPanel *panel, const GmmModel *model)
{
	StringInfo	text = &panel->picture->text;
	const MixtureTrial *trials = gmm_model_trials(model);
	int			x = panel->frame.right + 14;
	int			y = panel->frame.top + 10;
	bool		suspect = false;
	MixtureCovarianceType type;

	svg_add_note(text, x, &y, "covariances");
	y += 6;
	for (int family = 0; family < MIXTURE_N_COVARIANCE_TYPES; family++)
	{
		bool		tried = false;

		for (int i = 0; i < model->n_trials; i++)
		{
			tried |= (int) trials[i].covariance_type == family;
			suspect |= trials[i].n_suspect > 0;
		}
		if (!tried)
			continue;
		appendStringInfo(text, "<path class=\"c%d mark\" transform=\"translate(%d %d)\" d=\"%s\"/>"
						 "<text x=\"%d\" y=\"%d\">%s</text>\n", colours[family], x + 6, y - 4,
						 svg_shape(family), x + 18, y,
						 gmm_covariance_type_name((MixtureCovarianceType) family));
		y += 20;
	}
	y = Max(y + 6, panel->frame.bottom - (suspect ? 48 : 16));
	type = (MixtureCovarianceType) model->covariance_type;
	svg_add_note(text, x, &y, psprintf("ring: k %d, %s", model->k, gmm_covariance_type_name(type)));
	if (suspect)
	{
		svg_add_note(text, x, &y, "hollow: with suspect");
		svg_add_note(text, x, &y, "components");
	}
	svg_add_note(text, x, &y, "lower is better");
}

static char *
draw_trials(const GmmModel *model, const GmmSvgOptions *options)
{
	SvgPicture	picture = {.plot = NULL};
	SvgPanel   *panel = (SvgPanel *) palloc0(sizeof(SvgPanel));
	StringInfo	text = &picture.text;
	const char *criterion = criterion_title(model);

	panel->picture = &picture;
	svg_begin(&picture, options, SVG_WIDTH, SVG_HEIGHT, 0);
	appendStringInfoString(text, "<title>");
	if (options->title != NULL)
	{
		svg_add_text(text, options->title, 200);
		appendStringInfoString(text, ": ");
	}
	appendStringInfo(text, "%s of Gaussian mixtures by their number of components</title>\n",
					 criterion);
	svg_add_style(text, picture.width);
	place_axes(panel, model, 14 + svg_add_title(&picture, options));
	svg_add_grid(text, panel);
	svg_add_ticks(text, panel, 0);
	svg_add_ticks(text, panel, 1);
	svg_add_axis_title(text, panel, 0, "components", 38);
	svg_add_axis_title(text, panel, 1, criterion, panel->frame.left - 16);
	svg_open_frame(text, &panel->frame);
	for (int family = 0; family < MIXTURE_N_COVARIANCE_TYPES; family++)
		add_family(text, panel, model, family);
	add_choice(text, panel, model);
	svg_close_frame(text, &panel->frame);
	add_legend(panel, model);
	appendStringInfoString(text, "</svg>\n");
	return text->data;
}

/*
 * gmm_svg_trials(model gmm_model, options jsonb) returns text
 *
 * NULL for a model that was not chosen among others.
 */
Datum
gmm_svg_trials(PG_FUNCTION_ARGS)
{
	GmmModel   *model;
	GmmSvgOptions options;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	model = PG_GETARG_GMM_MODEL(0);
	gmm_svg_options_parse(PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1), &options);
	if (model->n_trials == 0)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(draw_trials(model, &options)));
}
