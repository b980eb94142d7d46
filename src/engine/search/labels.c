/*
 * labels.c
 *	  Components that must be those of certain classes, since some rows are known
 *	  to be of these.
 *
 * EM sees to that by itself: a row that has a label is all its component's
 * (kernels.c), so every likelihood and every comparison is that of the
 * labelled rows, too.  What it cannot do is to exchange components.  So whenever
 * new parameters are put together, by a start or a move, it is found which
 * component is best for which class: the assignment with the highest likelihood
 * of the labelled rows, exactly.  For the other rows all are as good.  Components
 * beyond the classes that have been seen take what is left.
 *
 * Every second start has the labelled rows' own means, too.
 */
#include "engine/derive/derive.h"
#include "engine/search/search.h"

#include <math.h>
#include <string.h>

/* Log densities are held above this, so that their sums stay finite. */
#define LEAST_LOG_DENSITY (-1e200)

struct Labels
{
	const MixtureHost *host;
	const Sample *sample;
	int			k;
	bool	   *seen;			/* k: whether some row has the label */
	int			n_seen;
	int		   *classes;		/* n_seen: which these are */
	int		   *places;			/* k: of a class among them */
	double	   *means;			/* n_seen x d: of their rows */
	double	   *costs;			/* n_seen x k */
	int		   *columns;		/* n_seen: the component of each */
};

/* Find the classes, and the means of their rows. */
static void
find_classes(Labels *labels)
{
	const Sample *sample = labels->sample;
	size_t		d = sample->d;
	double	   *sums = labels->host->allocate(labels->host->context, labels->k * sizeof(double));

	memset(sums, 0, labels->k * sizeof(double));
	for (int64_t i = 0; i < sample->n_rows; i++)
		if (sample->labels[i] > 0)
			sums[sample->labels[i] - 1] += sample->weights[i];
	labels->n_seen = 0;
	for (int c = 0; c < labels->k; c++)
	{
		labels->seen[c] = sums[c] > 0;
		labels->places[c] = labels->n_seen;
		if (labels->seen[c])
			labels->classes[labels->n_seen++] = c;
	}
	labels->means = labels->host->allocate(labels->host->context,
										   (labels->n_seen * (d + labels->k) + 1) * sizeof(double));
	labels->costs = labels->means + labels->n_seen * d;
	memset(labels->means, 0, labels->n_seen * d * sizeof(double));
	for (int64_t i = 0; i < sample->n_rows; i++)
	{
		int			c = sample->labels[i] - 1;

		if (c < 0 || !(sums[c] > 0))
			continue;
		for (size_t j = 0; j < d; j++)
			labels->means[labels->places[c] * d + j] +=
				sample->weights[i] / sums[c] * sample->rows[i * d + j];
	}
	labels->host->release(labels->host->context, sums);
}

/*
 * The classes of a sample whose labels are up to k.  Where features are missing
 * they have been filled in.
 */
Labels *
labels_create(const Sample *sample, int k, const MixtureHost *host)
{
	Labels	   *labels = host->allocate(host->context, sizeof(Labels));

	labels->host = host;
	labels->sample = sample;
	labels->k = k;
	labels->seen = host->allocate(host->context, k * sizeof(bool));
	labels->classes = host->allocate(host->context, 3 * (size_t) k * sizeof(int));
	labels->places = labels->classes + k;
	labels->columns = labels->places + k;
	find_classes(labels);
	return labels;
}

void
labels_release(Labels *labels)
{
	const MixtureHost *host = labels->host;

	host->release(host->context, labels->means);
	host->release(host->context, labels->classes);
	host->release(host->context, labels->seen);
	host->release(host->context, labels);
}

/* Of each component (k), whether some row has its label. */
const bool *
labels_seen(const Labels *labels)
{
	return labels->seen;
}

/* What each class would lose by each component: its rows' log-likelihood, negated. */
static void
find_costs(Labels *labels, const MixturePrepared *prepared)
{
	const MixtureHost *host = labels->host;
	const Sample *sample = labels->sample;
	int			k = labels->k;
	double	   *work = host->allocate(host->context,
									  mixture_row_work_size(prepared) * sizeof(double));

	memset(labels->costs, 0, (size_t) labels->n_seen * k * sizeof(double));
	for (int64_t i = 0; i < sample->n_rows; i++)
	{
		double	   *costs;

		host->check_interrupts(host->context);
		if (sample->labels[i] == 0)
			continue;
		costs = labels->costs + (size_t) labels->places[sample->labels[i] - 1] * k;
		kernels_current()->row_log_densities(prepared, sample->rows + i * sample->d, work);
		for (int c = 0; c < k; c++)
			costs[c] -= sample->weights[i] * fmax(work[c], LEAST_LOG_DENSITY);
	}
	host->release(host->context, work);
}

/* Let component c be what the class or the place c is to have: from[order[c]]. */
static void
reorder(MixtureParameters *parameters, const int *order, const MixtureHost *host)
{
	int			k = parameters->k;
	size_t		d = parameters->d;
	bool		tied = parameters->covariance_type == MIXTURE_TIED;
	size_t		count = tied ? 0 : mixture_factor_count(parameters->covariance_type, parameters->d);
	MixtureParameters from;

	mixture_allocate_parameters(&from, parameters->covariance_type, k, parameters->d, host);
	mixture_copy_parameters(&from, parameters);
	for (int c = 0; c < k; c++)
	{
		size_t		source = order[c];

		parameters->weights[c] = from.weights[source];
		memcpy(parameters->means + c * d, from.means + source * d, d * sizeof(double));
		memcpy(parameters->covariances + c * count, from.covariances + source * count,
			   count * sizeof(double));
		host->check_interrupts(host->context);
	}
	mixture_release_parameters(&from, host);
}

/* Give each class the component that is its own; the others keep their sequence. */
void
labels_place(Labels *labels, MixtureParameters *parameters)
{
	const MixtureHost *host = labels->host;
	int			k = labels->k;
	MixtureError error;
	MixturePrepared *prepared = mixture_prepare_rows(parameters, host, &error);
	bool	   *taken;
	int		   *order;
	int			next = 0;

	if (prepared == NULL)
		return;
	find_costs(labels, prepared);
	mixture_release_prepared(prepared, host);
	assignment_find(labels->costs, labels->n_seen, k, labels->columns, host);
	taken = host->allocate(host->context, k * sizeof(bool));
	order = host->allocate(host->context, k * sizeof(int));
	memset(taken, 0, k * sizeof(bool));
	for (int i = 0; i < labels->n_seen; i++)
		taken[labels->columns[i]] = true;
	for (int c = 0; c < k; c++)
	{
		if (labels->seen[c])
		{
			order[c] = labels->columns[labels->places[c]];
			continue;
		}
		while (taken[next])
			next++;
		order[c] = next++;
	}
	reorder(parameters, order, host);
	host->release(host->context, order);
	host->release(host->context, taken);
}

/* Make a start's parameters, whose number this is, one of the classes. */
void
labels_begin(Labels *labels, int number, MixtureParameters *parameters)
{
	size_t		d = parameters->d;

	labels_place(labels, parameters);
	for (int i = 0; i < labels->n_seen && number % 2 == 1; i++)
		memcpy(parameters->means + labels->classes[i] * d, labels->means + i * d,
			   d * sizeof(double));
}
