/*
 * malloc_host.h
 *	  Memory for the engine from malloc, for programs that have no server: the
 *	  unit tests and the benchmark.  What cannot be had ends the program.
 */
#ifndef GMM_MALLOC_HOST_H
#define GMM_MALLOC_HOST_H

#include <stdlib.h>

/* MixtureHost's functions; none looks at the context. */

static inline void *
malloc_allocate(void *context, size_t size)
{
	void	   *memory = malloc(size > 0 ? size : 1);

	(void) context;
	if (memory == NULL)
		abort();
	return memory;
}

static inline void
malloc_release(void *context, void *memory)
{
	(void) context;
	free(memory);
}

static inline void
malloc_check_interrupts(void *context)
{
	(void) context;
}

#endif							/* GMM_MALLOC_HOST_H */
