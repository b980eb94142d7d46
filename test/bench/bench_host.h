/*
 * bench_host.h
 *	  What the benchmark's programs have for a host: malloc, and a clock.
 */
#ifndef BENCH_HOST_H
#define BENCH_HOST_H

#include <time.h>

#include "../malloc_host.h"
#include "engine/core/random.h"
#include "engine/core/special.h"
#include "engine/engine.h"

static const MixtureHost host = {
	NULL, malloc_allocate, malloc_release, malloc_check_interrupts, NULL, NULL
};

/* Seconds of the processor. */
static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return time.tv_sec + 1e-9 * time.tv_nsec;
}

static double
uniform(uint64_t *state)
{
	*state = random_mix(*state);
	return random_unit(*state);
}

static double
normal(uint64_t *state)
{
	return special_normal_quantile(uniform(state));
}

#endif							/* BENCH_HOST_H */
