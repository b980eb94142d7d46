/*
 * bench_host.h
 *	  What the benchmark's programs have for a host: malloc, and a clock.
 */
#ifndef BENCH_HOST_H
#define BENCH_HOST_H

#include <stdlib.h>
#include <time.h>

#include "engine/core/random.h"
#include "engine/core/special.h"
#include "engine/engine.h"

static void *
allocate(void *context, size_t size)
{
	void	   *memory = malloc(size > 0 ? size : 1);

	(void) context;
	if (memory == NULL)
		abort();
	return memory;
}

static void
release(void *context, void *memory)
{
	(void) context;
	free(memory);
}

static void
check_interrupts(void *context)
{
	(void) context;
}

static const MixtureHost host = {NULL, allocate, release, check_interrupts, NULL, NULL};

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
