/*
 * fuzz.h
 *	  What the fuzz targets of the engine share: bytes as the choices that a
 *	  target makes, a host whose memory is counted, and rows as a source.
 *
 * Each target is LLVMFuzzerTestOneInput() of clang's libFuzzer.  It stops the
 * process (demand) where something does not hold that is promised for every
 * input; sanitizers stop it for the rest.
 */
#ifndef GMM_FUZZ_H
#define GMM_FUZZ_H

#include "engine/engine.h"

/* The input, taken from its beginning; at its end there are zeroes. */
typedef struct Input
{
	const uint8_t *next;
	size_t		left;
} Input;

extern int	input_byte(Input *input);
extern int	input_below(Input *input, int n);
extern double input_number(Input *input);
extern double input_weight(Input *input);

/* Stop here, unless the promise is kept. */
extern void demand(bool kept, const char *promise);

/*
 * Run `work` with fuzz_host, and release whatever it has not released.  Where
 * interrupt is above 0, the host leaves by longjmp at that interrupt check;
 * returns false if it did.
 */
extern bool fuzz_run(void (*work) (void *context), void *context, int interrupt);
extern const MixtureHost fuzz_host;

/* Rows of a fuzzed fit, as blocks. */
typedef struct FuzzRows
{
	int			d;
	int			n;
	double	   *features;		/* in blocks of MIXTURE_BLOCK_ROWS lanes */
	double	   *weights;
	bool		incomplete;		/* features are missing */
	MixtureSource source;
} FuzzRows;

extern void fuzz_rows_read(FuzzRows *rows, Input *input, int d, int most);
extern void fuzz_rows_drop(FuzzRows *rows, int choice);
extern void fuzz_rows_free(FuzzRows *rows);
extern void fuzz_row(const FuzzRows *rows, int row, double *values);

extern void demand_sound(const MixtureParameters *parameters);
extern void demand_scores(const MixtureParameters *parameters, const FuzzRows *rows);

#endif							/* GMM_FUZZ_H */
