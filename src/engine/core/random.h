/*
 * random.h
 *	  Randomness as a function of content: hashes in, uniform numbers out.
 *
 * There is no generator with a position: every random choice of the engine
 * is a hash of a seed, of what the choice is for, and of the row it is about,
 * so that the order of the rows cannot show.
 */
#ifndef GMM_ENGINE_RANDOM_H
#define GMM_ENGINE_RANDOM_H

#include <stdint.h>

/*
 * The finalizer of splitmix64 (Steele, Lea and Flood 2014): a bijection of 64
 * bits in which every input bit changes about half of the output bits.
 */
static inline uint64_t
random_mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* A hash and one more value make a hash. */
static inline uint64_t
random_combine(uint64_t hash, uint64_t value)
{
	return random_mix(hash ^ random_mix(value));
}

/*
 * A hash as a number above 0 and below 1, symmetric about 1/2: 52 bits and a
 * half are exact, with one more the largest would be rounded to 1.
 */
static inline double
random_unit(uint64_t hash)
{
	return ((double) (hash >> 12) + 0.5) * 0x1.0p-52;
}

#endif							/* GMM_ENGINE_RANDOM_H */
