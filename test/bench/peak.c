/*
 * peak.c
 *	  What one core can do at most: fused multiply-adds of doubles in registers,
 *	  with the widest instructions that it has.
 *
 * Prints GFLOP/s (a multiply-add counts as two) and the instruction set.  The
 * benchmark relates the speed of an EM iteration to it, because a figure in
 * seconds says as much about the machine as about the program.
 */
#include <stdio.h>
#include <time.h>

#define CHAINS 12				/* hides the latency of two units */
#define ROUNDS 20000000L
#define TRIES 7

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return time.tv_sec + 1e-9 * time.tv_nsec;
}

/* A function of that name, for vectors of that many bytes. */
#define DEFINE_CHAINS(name, bytes, target) \
typedef double name##_lanes __attribute__((vector_size(bytes))); \
target static double \
name(double factor) \
{ \
	name##_lanes sums[CHAINS]; \
	name##_lanes factors = factor - (name##_lanes) {0}; \
	double		total = 0; \
\
	for (int i = 0; i < CHAINS; i++) \
		sums[i] = factors + i; \
	for (long round = 0; round < ROUNDS; round++) \
	{ \
		_Pragma("GCC unroll 12") \
		for (int i = 0; i < CHAINS; i++) \
			sums[i] = sums[i] * factors + factors; \
	} \
	for (int i = 0; i < CHAINS; i++) \
		for (int lane = 0; lane < (int) (bytes / sizeof(double)); lane++) \
			total += sums[i][lane]; \
	return total; \
}

DEFINE_CHAINS(baseline, 16, )
#ifdef __x86_64__
DEFINE_CHAINS(avx2, 32, __attribute__((target("avx2,fma"))))
DEFINE_CHAINS(avx512, 64, __attribute__((target("avx512f"))))
#endif

int
main(void)
{
	double		(*chains) (double) = baseline;
	const char *name = "baseline";
	int			lanes = 2;
	double		best = 0;
	volatile double factor = 0.5;
	volatile double sink;

#ifdef __x86_64__
	if (__builtin_cpu_supports("avx512f"))
	{
		chains = avx512;
		name = "AVX-512";
		lanes = 8;
	}
	else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
	{
		chains = avx2;
		name = "AVX2 and FMA";
		lanes = 4;
	}
#endif
	for (int i = 0; i < TRIES; i++)
	{
		double		began = now();
		double		rate;

		sink = chains(factor);
		rate = 2.0 * lanes * CHAINS * ROUNDS / (now() - began) / 1e9;
		if (rate > best)
			best = rate;
	}
	(void) sink;
	printf("%.1f %s\n", best, name);
	return 0;
}
