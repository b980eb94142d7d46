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
	double	   *means;			/* k x d: of each label's rows */
	double	   *costs;			/* k x k */
	int		   *order;			/* k: the component of each class */
};

/*
 * The classes of a sample whose labels are up to k.  Where features are missing
 * they have been filled in.
 */
Labels *
labels_create(const Sample *sample, int k, const MixtureHost *host)
{
	size_t		d = sample->d;
	Labels	   *labels = host->allocate(host->context, sizeof(Labels));
	double	   *sums;

	labels->host = host;
	labels->sample = sample;
	labels->k = k;
	labels->seen = host->allocate(host->context, k * sizeof(bool));
	labels->order = host->allocate(host->context, k * sizeof(int));
	labels->means = host->allocate(host->context, k * (d + k + 1) * sizeof(double));
	labels->costs = labels->means + k * d;
	sums = labels->costs + (size_t) k * k;
	memset(labels->seen, 0, k * sizeof(bool));
	memset(labels->means, 0, k * d * sizeof(double));
	memset(sums, 0, k * sizeof(double));
	for (int64_t i = 0; i < sample->n_rows; i++)
	{
		int			c = sample->labels[i] - 1;

		if (c < 0 || !(sample->weights[i] > 0))
			continue;
		labels->seen[c] = true;
		sums[c] += sample->weights[i];
		for (size_t j = 0; j < d; j++)
			labels->means[c * d + j] += sample->weights[i] / sums[c] *
				(sample->rows[i * d + j] - labels->means[c * d + j]);
	}
	return labels;
}

void
labels_release(Labels *labels)
{
	const MixtureHost *host = labels->host;

	host->release(host->context, labels->means);
	host->release(host->context, labels->order);
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

	memset(labels->costs, 0, (size_t) k * k * sizeof(double));
	for (int64_t i = 0; i < sample->n_rows; i++)
	{
		double	   *costs;

		host->check_interrupts(host->context);
		if (sample->labels[i] == 0)
			continue;
		costs = labels->costs + (size_t) (sample->labels[i] - 1) * k;
		kernels_current()->row_log_densities(prepared, sample->rows + i * sample->d, work);
		for (int c = 0; c < k; c++)
			costs[c] -= sample->weights[i] * fmax(work[c], LEAST_LOG_DENSITY);
	}
	host->release(host->context, work);
}

/*
 * Give each class the component that is its own.  To the others, which no row speaks
 * for, all are as good.
 */
void
labels_place(Labels *labels, MixtureParameters *parameters)
{
	const MixtureHost *host = labels->host;
	MixtureError error;
	MixturePrepared *prepared = mixture_prepare_rows(parameters, host, &error);
	MixtureParameters from;

	if (prepared == NULL)
		return;
	find_costs(labels, prepared);
	mixture_release_prepared(prepared, host);
	assignment_find(labels->costs, labels->k, labels->k, labels->order, host);
	mixture_allocate_parameters(&from, parameters->covariance_type, labels->k, parameters->d, host);
	mixture_copy_parameters(&from, parameters);
	mixture_permute(&from, labels->order, parameters, host);
	mixture_release_parameters(&from, host);
}

/* Make a start's parameters, whose number this is, one of the classes. */
void
labels_begin(Labels *labels, int number, MixtureParameters *parameters)
{
	size_t		d = parameters->d;

	labels_place(labels, parameters);
	for (int c = 0; c < labels->k && number % 2 == 1; c++)
		if (labels->seen[c])
			memcpy(parameters->means + c * d, labels->means + c * d, d * sizeof(double));
}
