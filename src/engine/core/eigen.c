/*
 * eigen.c
 *	  The symmetric eigenproblem: reduction to tridiagonal form (tridiagonal.c), then
 *	  the implicit QL method (Martin, Reinsch and Wilkinson 1968; Bowdler et al. 1968).
 *
 * QL is a product of rotations.  To find them takes next to no time, to apply all of
 * them to d vectors most of it.  Where all eigenvectors are wanted, they are the
 * rows of a square matrix, of which a rotation turns two; as it may be larger than the
 * caches, many rotations are applied to some of its columns, then to the next.
 * Where the first q are wanted, all rotations are kept, and applied in reverse to q unit
 * vectors: what that takes is q / d of the other, and an eigenvector is the same to the
 * last bit whatever q is.
 */
#include "engine/core/eigen_private.h"

#include <math.h>
#include <string.h>

/* Doubles of rotations that are kept in one piece, if there are as many */
#define PIECE	((size_t) 1 << 18)

/*
 * Rotations in the order in which they were made, by sweeps.  A sweep is the first
 * row that it turns and the number of rotations; for each of these cosine and sine, that
 * of the first row and its next first; and the number once more, by which the sweep is
 * found from behind.
 */
typedef struct Rotations
{
	struct Rotations *before;
	size_t		size;
	size_t		used;
	double		values[];
} Rotations;

/* Doubles of a sweep of n rotations */
#define SWEEP_SIZE(n)	(2 * (size_t) (n) + 3)

/* What becomes of rotations. */
typedef struct Turns
{
	double	   *rows;			/* d x d, which they are applied to, or NULL */
	double	   *lanes;			/* d x EIGEN_LANES, zeros, if there are rows */
	bool		keep;
	Rotations  *last;			/* what they are written to: the caller releases it */
} Turns;

/* Turn the rows of lanes, EIGEN_LANES elements each, as a sweep says. */
static void
turn_forward(double *lanes, const double *sweep)
{
	const double *rotations = sweep + 2;
	int			n = (int) sweep[1];
	double	   *lane = lanes + ((size_t) sweep[0] + n) * EIGEN_LANES;
	LinalgPair	turned[EIGEN_LANES / 2];

	LINALG_UNROLL
	for (int l = 0; l < EIGEN_LANES / 2; l++)
		turned[l] = linalg_pair(lane + 2 * l);
	for (int i = n - 1; i >= 0; i--, lane -= EIGEN_LANES)
	{
		double		c = rotations[2 * i];
		double		s = rotations[2 * i + 1];

		LINALG_UNROLL
		for (int l = 0; l < EIGEN_LANES / 2; l++)
		{
			LinalgPair	low = linalg_pair(lane - EIGEN_LANES + 2 * l);

			linalg_set_pair(lane + 2 * l, s * low + c * turned[l]);
			turned[l] = c * low - s * turned[l];
		}
	}
	LINALG_UNROLL
	for (int l = 0; l < EIGEN_LANES / 2; l++)
		linalg_set_pair(lane + 2 * l, turned[l]);
}

/*
 * Apply the rotations of a piece, which then is empty, to rows, some columns at a
 * time: in lanes, d x EIGEN_LANES, since elements of a column that are a power of two
 * apart would drive each other out of the cache.
 */
static void
turn_rows(double *rows, int d, Rotations *piece, double *lanes, const MixtureHost *host)
{
	double		work = 0;

	for (int begin = 0; begin < d; begin += EIGEN_LANES)
	{
		size_t		size = (d - begin < EIGEN_LANES ? d - begin : EIGEN_LANES) * sizeof(double);

		for (int i = 0; i < d; i++)
			memcpy(lanes + (size_t) i * EIGEN_LANES, rows + (size_t) i * d + begin, size);
		for (size_t at = 0; at < piece->used; at += SWEEP_SIZE(piece->values[at + 1]))
		{
			turn_forward(lanes, piece->values + at);
			linalg_look_after(host, &work, 4 * EIGEN_LANES * piece->values[at + 1]);
		}
		for (int i = 0; i < d; i++)
			memcpy(rows + (size_t) i * d + begin, lanes + (size_t) i * EIGEN_LANES, size);
	}
	piece->used = 0;
}

/*
 * Make room for a sweep of d dimensions in the last piece, or in a new one; returns
 * where it is to be.
 */
static double *
begin_sweep(Turns *turns, int d, const MixtureHost *host)
{
	size_t		need = SWEEP_SIZE(d - 1);
	size_t		all = need * (size_t) d;
	size_t		size = all < PIECE ? all : PIECE;
	Rotations  *piece = turns->last;

	if (piece != NULL && piece->size - piece->used < need && turns->rows != NULL)
		turn_rows(turns->rows, d, piece, turns->lanes, host);
	if (piece == NULL || piece->size - piece->used < need)
	{
		piece = host->allocate(host->context, sizeof(Rotations) + size * sizeof(double));
		*piece = (Rotations) {.before = turns->last, .size = size};
		turns->last = piece;
	}
	return piece->values + piece->used;
}

/* Give back all pieces. */
static void
release_rotations(Rotations *last, const MixtureHost *host)
{
	while (last != NULL)
	{
		Rotations  *before = last->before;

		host->release(host->context, last);
		last = before;
	}
}

/*
 * One implicit QL sweep from m down to l.  It ends early where a rotation
 * underflows; the next one takes it from there.  Returns the first row that was
 * rotated with its next; rotations, 2 (m - l), gets the cosine and the sine of each,
 * row l's first.
 */
static int
ql_sweep(double *values, double *off, int l, int m, double *rotations)
{
	double		g = (values[l + 1] - values[l]) / (2 * off[l]);
	double		r = hypot(g, 1);
	double		s = 1;
	double		c = 1;
	double		p = 0;

	g = values[m] - values[l] + off[l] / (g + copysign(r, g));
	for (int i = m - 1; i >= l; i--)
	{
		double		f = s * off[i];
		double		b = c * off[i];

		r = hypot(f, g);
		off[i + 1] = r;
		if (r == 0)
		{
			values[i + 1] -= p;
			off[m] = 0;
			return i + 1;
		}
		s = f / r;
		c = g / r;
		g = values[i + 1] - p;
		r = (values[i] - g) * s + 2 * c * b;
		p = s * r;
		values[i + 1] = g + p;
		g = c * r - b;
		rotations[2 * (i - l)] = c;
		rotations[2 * (i - l) + 1] = s;
	}
	values[l] -= p;
	off[l] = g;
	off[m] = 0;
	return l;
}

/* A sweep of QL from m down to l, and what becomes of its rotations. */
static void
sweep_and_turn(double *values, double *off, int d, int l, int m, Turns *turns,
			   const MixtureHost *host)
{
	double	   *sweep = begin_sweep(turns, d, host);
	double	   *rotations = sweep + 2;
	int			first = ql_sweep(values, off, l, m, rotations);
	int			n = m - first;

	if (first > l)
		memmove(rotations, rotations + 2 * (first - l), 2 * n * sizeof(double));
	sweep[0] = first;
	sweep[1] = rotations[2 * n] = n;
	if (turns->rows != NULL || turns->keep)
		turns->last->used += SWEEP_SIZE(n);
}

/*
 * The eigenvalues of a tridiagonal matrix T, values being its diagonal and off[i]
 * the element beside values[i] and values[i - 1].  Rows that are Q' become
 * the eigenvectors of Q T Q'.
 */
static bool
ql_iterate(double *values, double *off, int d, Turns *turns, const MixtureHost *host)
{
	double		work = 0;

	for (int i = 1; i < d; i++)
		off[i - 1] = off[i];
	off[d - 1] = 0;

	for (int l = 0; l < d; l++)
	{
		for (int sweep = 0;; sweep++)
		{
			int			m = l;

			while (m < d - 1 &&
				   fabs(off[m]) > DBL_EPSILON * (fabs(values[m]) + fabs(values[m + 1])))
				m++;
			if (m == l)
				break;
			if (sweep == 60)
				return false;
			sweep_and_turn(values, off, d, l, m, turns, host);
			linalg_look_after(host, &work, 10 * (m - l));
		}
	}
	if (turns->rows != NULL && turns->last != NULL)
		turn_rows(turns->rows, d, turns->last, turns->lanes, host);
	host->check_interrupts(host->context);
	return true;
}

/*
 * Eigenvalues and eigenvectors of a symmetric matrix.
 *
 * vectors: in, the square matrix, d x d, of which the lower triangle counts; out,
 * eigenvector e in row e, of length 1.  values: d eigenvalues, in no order.  work: d doubles.
 * Returns false where QL does not converge, which happens only to matrices that are
 * not finite.
 */
bool
linalg_eigen(double *vectors, double *values, double *work, int d,
			 const MixtureHost *host)
{
	size_t		size = (size_t) d * EIGEN_LANES * sizeof(double);
	Turns		turns = {.rows = vectors, .lanes = host->allocate(host->context, size)};
	bool		converged;

	memset(turns.lanes, 0, size);
	tridiagonal_reduce(vectors, values, work, d, host);
	tridiagonal_accumulate(vectors, values, d, host);
	converged = ql_iterate(values, work, d, &turns, host);
	release_rotations(turns.last, host);
	host->release(host->context, turns.lanes);
	return converged;
}

/*
 * The eigenvalues alone, for a fraction of the work.  matrix: d x d, destroyed.  As
 * for linalg_eigen() else.
 */
bool
linalg_eigenvalues(double *matrix, double *values, double *work, int d,
				   const MixtureHost *host)
{
	Turns		turns = {.keep = false};
	bool		converged;

	tridiagonal_reduce(matrix, values, work, d, host);
	for (int i = 0; i < d; i++)
		values[i] = matrix[(size_t) i * d + i];
	converged = ql_iterate(values, work, d, &turns, host);
	release_rotations(turns.last, host);
	return converged;
}

/* Turn the vectors in lanes back as a sweep says, its last rotation first. */
static void
turn_back(double *lanes, int first, int n, const double *rotations)
{
	double	   *lane = lanes + (size_t) first * EIGEN_LANES;
	LinalgPair	turned[EIGEN_LANES / 2];

	LINALG_UNROLL
	for (int l = 0; l < EIGEN_LANES / 2; l++)
		turned[l] = linalg_pair(lane + 2 * l);
	for (int i = 0; i < n; i++, lane += EIGEN_LANES)
	{
		double		c = rotations[2 * i];
		double		s = rotations[2 * i + 1];

		LINALG_UNROLL
		for (int l = 0; l < EIGEN_LANES / 2; l++)
		{
			LinalgPair	next = linalg_pair(lane + EIGEN_LANES + 2 * l);

			linalg_set_pair(lane + 2 * l, c * turned[l] + s * next);
			turned[l] = c * next - s * turned[l];
		}
	}
	LINALG_UNROLL
	for (int l = 0; l < EIGEN_LANES / 2; l++)
		linalg_set_pair(lane + 2 * l, turned[l]);
}

/*
 * What the rotations make of unit vectors: the n <= EIGEN_LANES eigenvectors of the
 * tridiagonal matrix whose indices which[] has.  lanes: d x EIGEN_LANES, an
 * eigenvector in each column.
 */
static void
make_vectors(const Rotations *last, const int *which, int n, int d, double *lanes,
		  const MixtureHost *host)
{
	int			low = d;		/* beyond these all are 0 as yet */
	int			high = -1;
	double		work = 0;

	memset(lanes, 0, (size_t) d * EIGEN_LANES * sizeof(double));
	for (int i = 0; i < n; i++)
	{
		lanes[(size_t) which[i] * EIGEN_LANES + i] = 1;
		low = which[i] < low ? which[i] : low;
		high = which[i] > high ? which[i] : high;
	}
	for (const Rotations *piece = last; piece != NULL; piece = piece->before)
	{
		size_t		end = piece->used;

		while (end > 0)
		{
			int			n_turns = (int) piece->values[end - 1];
			int			first;

			end -= SWEEP_SIZE(n_turns);
			first = (int) piece->values[end];
			if (first > high || first + n_turns < low)
				continue;
			turn_back(lanes, first, n_turns, piece->values + end + 2);
			low = first < low ? first : low;
			high = first + n_turns > high ? first + n_turns : high;
			linalg_look_after(host, &work, 4.0 * EIGEN_LANES * n_turns);
		}
	}
}

/* order: the indices of d values in descending order, those of equal ones as they are. */
static void
sort_descending(const double *values, int *order, int d)
{
	for (int i = 0; i < d; i++)
	{
		int			place = i;

		for (; place > 0 && values[order[place - 1]] < values[i]; place--)
			order[place] = order[place - 1];
		order[place] = i;
	}
}

/* The first n vectors in lanes, one after the other: d elements each, of length 1. */
static void
take_lanes(const double *lanes, int n, int d, double *vectors)
{
	for (int i = 0; i < n; i++)
	{
		double	   *vector = vectors + (size_t) i * d;
		double		length;

		for (int j = 0; j < d; j++)
			vector[j] = lanes[(size_t) j * EIGEN_LANES + i];

		/* a reflection is one but for rounding, and so is what thousands of them do */
		length = sqrt(linalg_dot(vector, vector, d));
		for (int j = 0; j < d; j++)
			vector[j] /= length;
	}
}

/*
 * Which eigenvectors are wanted: n of them from that of the first of the eigenvalues, in
 * descending order, on.  Where fewer is set, the caller's n is not: they are those of
 * the eigenvalues above the bound or of the others, whichever are fewer.
 */
typedef struct Wanted
{
	bool		fewer;
	double		bound;
	int			first;
	int			n;
} Wanted;

/* Write which are wanted, the eigenvalues being known. */
static void
find_wanted(const double *values, int d, Wanted *wanted)
{
	int			above = 0;

	if (!wanted->fewer)
		return;
	while (above < d && values[above] > wanted->bound)
		above++;
	wanted->first = 2 * above >= d ? above : 0;
	wanted->n = 2 * above >= d ? d - above : above;
}

/* All eigenvalues, in descending order, and the eigenvectors that are wanted. */
static bool
eigen_some(double *matrix, int d, double *values, double *vectors, Wanted *wanted,
		   const MixtureHost *host)
{
	size_t		count = (size_t) d * (3 + EIGEN_LANES);
	double	   *unsorted = host->allocate(host->context, count * sizeof(double));
	double	   *off = unsorted + d;
	double	   *norms = off + d;
	double	   *lanes = norms + d;
	int		   *order = host->allocate(host->context, d * sizeof(int));
	Turns		turns = {.keep = wanted->fewer || wanted->n > 0};
	bool		converged;

	tridiagonal_reduce(matrix, norms, off, d, host);
	for (int i = 0; i < d; i++)
		unsorted[i] = matrix[(size_t) i * d + i];
	converged = ql_iterate(unsorted, off, d, &turns, host);
	if (converged)
	{
		sort_descending(unsorted, order, d);
		for (int i = 0; i < d; i++)
			values[i] = unsorted[order[i]];
		find_wanted(values, d, wanted);
		for (int begin = 0; begin < wanted->n; begin += EIGEN_LANES)
		{
			int			n = wanted->n - begin < EIGEN_LANES ? wanted->n - begin : EIGEN_LANES;

			make_vectors(turns.last, order + wanted->first + begin, n, d, lanes, host);
			tridiagonal_return(matrix, norms, d, lanes, host);
			take_lanes(lanes, n, d, vectors + (size_t) begin * d);
		}
	}
	release_rotations(turns.last, host);
	host->release(host->context, order);
	host->release(host->context, unsorted);
	return converged;
}

/*
 * All eigenvalues of a symmetric matrix, and the eigenvectors of the largest q.
 *
 * matrix: d x d, of which the lower triangle counts, destroyed.  values: d, in
 * descending order.  vectors: q x d, the eigenvectors, of length 1; q may be 0.  If it
 * is not, about two more such matrices are taken from the host and given back.
 * Returns false, with nothing set, where linalg_eigen() does.
 */
bool
linalg_eigen_largest(double *matrix, int d, int q, double *values, double *vectors,
					 const MixtureHost *host)
{
	Wanted		wanted = {.n = q};

	return eigen_some(matrix, d, values, vectors, &wanted, host);
}

/*
 * The same, with the eigenvectors of the eigenvalues above the bound or of the others,
 * whichever are fewer, so that vectors is d / 2 x d: those of the *n eigenvalues from
 * *first on.
 */
bool
linalg_eigen_fewer(double *matrix, int d, double bound, double *values, double *vectors,
				   int *first, int *n, const MixtureHost *host)
{
	Wanted		wanted = {.fewer = true, .bound = bound};

	if (!eigen_some(matrix, d, values, vectors, &wanted, host))
		return false;
	*first = wanted.first;
	*n = wanted.n;
	return true;
}
