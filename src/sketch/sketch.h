/*
 * sketch.h
 *	  The gmm_sketch datum: a bounded sample of rows, and their exact moments,
 *	  that does not depend on the order in which rows and parts come.
 *
 * A datum is flat (GmmFlatSketch) or, while an aggregate fills it, an expanded
 * object (GmmSketch).  gmm_sketch_read() makes the second of both.
 */
#ifndef GMM_SKETCH_H
#define GMM_SKETCH_H

#include "fmgr.h"
#include "nodes/nodes.h"
#include "utils/expandeddatum.h"

#include "engine/engine.h"

#define GMM_SKETCH_VERSION		1

/* Distinct rows of a sketch at the most, and their values */
#define GMM_SKETCH_MAX_SIZE		1000000
#define GMM_SKETCH_MAX_VALUES	(1 << 25)

/* Covariances are kept of so many features; beyond, means only */
#define GMM_SKETCH_COVARIANCE_D	128

/* In flags: there were distinct rows that are not in the sketch */
#define GMM_SKETCH_TRUNCATED	0x01

/* The arrays of exact sums */
enum
{
	GMM_SKETCH_TOTALS = 0,		/* 2: weight of rows without NULL, and with */
	GMM_SKETCH_FIRSTS,			/* d: sum of w x of the rows without NULL */
	GMM_SKETCH_SECONDS,			/* d (d + 1) / 2, or none: of w x x' */
	GMM_SKETCH_WEIGHTS,			/* n: weight of each row that is kept */
	GMM_SKETCH_N_SUMS
};

/* Where the words of an array of sums begin, and how many each has. */
typedef struct GmmSketchExtent
{
	int32		low;
	int32		words;
} GmmSketchExtent;

/*
 * Equal sketches are equal bytes: rows are in the order of their hashes, and
 * extents no larger than needed.
 */
typedef struct GmmFlatSketch
{
	int32		vl_len_;		/* varlena header, not to be touched */
	uint8		version;
	uint8		flags;
	uint16		reserved;		/* 0 */
	int32		size;			/* distinct rows at the most */
	int32		d;
	int32		n;				/* rows that are kept */
	int32		reserved_too;	/* 0 */
	int64		n_rows;			/* of weight above 0 and with a value */
	int64		n_incomplete;	/* of these, with a NULL */
	GmmSketchExtent extents[GMM_SKETCH_N_SUMS];
	double		values[FLEXIBLE_ARRAY_MEMBER];	/* n x d, NaN for NULL; then as
												 * int64 n counts of equal rows;
												 * then as uint64 the sums */
} GmmFlatSketch;

/* A row, and how many were equal to it. */
typedef struct GmmSketchEntry
{
	uint64		hash;
	const double *row;			/* d */
	int64		count;
	int			slot;			/* its place in rows and weights */
	int			d;				/* the comparison has no other way to know */
} GmmSketchEntry;

/* Everything lives in the object's context. */
typedef struct GmmSketch
{
	ExpandedObjectHeader header;	/* must be first */
	int			magic;
	int			size;
	int			d;
	bool		truncated;
	int64		n_rows;
	int64		n_incomplete;
	uint64		threshold;		/* rows of larger hashes are not kept */
	int			n;				/* entries, of which some may be equal */
	int			capacity;
	bool		compact;		/* entries are sorted, different and up to size */
	GmmSketchEntry *entries;	/* capacity */
	double	   *rows;			/* capacity x d */
	ExactSums	sums[GMM_SKETCH_N_SUMS];
} GmmSketch;

/* sketch_rows.c */
extern GmmSketch *gmm_sketch_create(MemoryContext parent, int size, int d);
extern void gmm_sketch_check_shape(int64 size, int d);
extern int	gmm_sketch_n_seconds(int d);
extern double gmm_sketch_weight(const GmmSketch *sketch, int i);
extern void gmm_sketch_add(GmmSketch *sketch, const double *values, const uint8 *observed,
						   double weight);
extern void gmm_sketch_put(GmmSketch *sketch, const double *row, int64 count,
						   const ExactSums *weights, int i);
extern void gmm_sketch_merge(GmmSketch *sketch, GmmSketch *other);
extern void gmm_sketch_compact(GmmSketch *sketch);

/* sketch_value.c */
extern GmmSketch *gmm_sketch_read(Datum datum);
extern GmmSketch *gmm_sketch_writable(Datum datum, MemoryContext context);
extern bool gmm_sketch_header_allowed(const GmmFlatSketch *header);
extern Size gmm_sketch_flat_size(int d, int n, const GmmSketchExtent *extents);
extern GmmFlatSketch *gmm_sketch_flatten(GmmSketch *sketch);
extern bool gmm_sketch_check(GmmFlatSketch *flat, Node *escontext);

#endif							/* GMM_SKETCH_H */
