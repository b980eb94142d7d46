/*
 * union.c
 *	  Mixtures side by side, as one: each with its share of the rows.
 *
 * Covariances are what they were, in a family that holds those of all.  But tied
 * mixtures give a tied one, whose covariance is the mean of theirs by share: of
 * Gaussians that were fitted to classes, one each, it is the maximum of the
 * likelihood with one covariance for all (EDDA, Bensmail and Celeux 1996).
 */
#include "engine/derive/derive.h"

#include <string.h>

#include "engine/core/linalg.h"

/* The simplest family that holds the components of two. */
MixtureCovarianceType
mixture_union_type(MixtureCovarianceType type, MixtureCovarianceType other)
{
	if (other == type)
		return type;
	return mixture_has_matrix(type) || mixture_has_matrix(other) ? MIXTURE_FULL : MIXTURE_DIAG;
}

/* Write a component's covariance as one of a family that holds it. */
static void
write_covariance(const MixtureParameters *part, int component, MixtureCovarianceType type,
				 double *target)
{
	int			d = part->d;
	size_t		own_count = mixture_factor_count(part->covariance_type, d);
	size_t		count = mixture_factor_count(type, d);
	const double *own = mixture_covariance_of(part, component);

	if (own_count == count)
	{
		memcpy(target, own, count * sizeof(double));
		return;
	}
	memset(target, 0, count * sizeof(double));
	for (int j = 0; j < d; j++)
		target[mixture_variance_place(type, j)] =
			own[mixture_variance_place(part->covariance_type, j)];
}

/*
 * Join n parts of the same dimension and without noise, whose shares sum to 1, to a
 * target of the type that mixture_union_type() says of all of them, and of as many
 * components as they have together.
 */
void
mixture_union(const MixtureParameters *parts, const double *shares, int n,
			  MixtureParameters *target, const MixtureHost *host)
{
	MixtureCovarianceType type = target->covariance_type;
	size_t		d = target->d;
	size_t		count = mixture_factor_count(type, target->d);
	int			place = 0;

	if (type == MIXTURE_TIED)
		memset(target->covariances, 0, count * sizeof(double));
	for (int i = 0; i < n; i++)
	{
		for (int c = 0; c < parts[i].k; c++, place++)
		{
			target->weights[place] = shares[i] * parts[i].weights[c];
			memcpy(target->means + place * d, parts[i].means + c * d, d * sizeof(double));
			if (type != MIXTURE_TIED)
				write_covariance(&parts[i], c, type, target->covariances + place * count);
			host->check_interrupts(host->context);
		}
		if (type == MIXTURE_TIED)
			linalg_add_multiple(target->covariances, shares[i], parts[i].covariances,
								(int) count);
	}
}
