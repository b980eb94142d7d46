/*
 * eigen.c
 *	  The symmetric eigenproblem: reduction to tridiagonal form (tridiagonal.c), then
 *	  the implicit QL method (Martin, Reinsch and Wilkinson 1968; Bowdler et al. 1968).
 *
 * QL is a product of rotations.  To find them takes next to no time, to apply all of
 * them to d vectors most of it.  Where all eigenvectors are wanted, they are the
 * rows of a square matrix, of which a rotation turns two.  Where the first q are wanted,
 * the rotations are kept, and applied in reverse to q unit vectors: what that takes is
 * q / d of all, and an eigenvector is the same to the last bit whatever q is.
 */
#include "engine/core/eigen_private.h"

#include <math.h>
#include <string.h>

/* Doubles of rotations that are kept in one piece, if there are as many */
#define PIECE	((size_t) 1 << 18)

/*
 * Rotations in the order in which they were made, by sweeps: for each rotation
 * cosine and sine, the least row first, then what row that is, and how many
 * rotations there are.
 */
typedef struct Rotations
{
	struct Rotations *before;
	size_t		size;
	size_t		used;
	double		values[];
} Rotations;

/* What becomes of rotations. */
typedef struct Turns
{
	double	   *rows;			/* d x d, which they are applied to, or NULL */
	bool		keep;
	Rotations  *last;			/* what they are written to: the caller releases it */
} Turns;

/*
 * Make room for a sweep of d dimensions in the last piece, or in a new one; returns
 * where it is to be.
 */
static double *
begin_sweep(Rotations **last, int d, const MixtureHost *host)
{
	size_t		need = 2 * (size_t) d;
	size_t		all = need * ((size_t) d + 1);
	size_t		size = all < PIECE ? all : PIECE;
	Rotations  *piece = *last;

	if (piece == NULL || piece->size - piece->used < need)
	{
		piece = host->allocate(host->context, sizeof(Rotations) + size * sizeof(double));
		*piece = (Rotations) {.before = *last, .size = size};
		*last = piece;
	}
	return piece->values + piece->used;
}

/* Keep the n rotations that were written there, of rows from the first on. */
static void
end_sweep(Rotations *last, int first, int n)
{
	last->used += 2 * (size_t) n;
	last->values[last->used++] = first;
	last->values[last->used++] = n;
}

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
/* Rotate rows of d elements, the last ones first, as a sweep says. */
static void
turn_rows(double *rows, int d, int first, int n, const double *rotations, double *work,
		  const MixtureHost *host)
{
	for (int i = n - 1; i >= 0; i--)
	{
		double	   *row = rows + (size_t) (first + i) * d;

		linalg_rotate(row, row + d, rotations[2 * i], rotations[2 * i + 1], d);
		linalg_look_after(host, work, 4 * d);
	}
}

/* A sweep of QL from m down to l, with what becomes of its rotations. */
static void
sweep_and_turn(double *values, double *off, int d, int l, int m, Turns *turns, double *work,
			   const MixtureHost *host)
{
	double	   *rotations = begin_sweep(&turns->last, d, host);
	int			first = ql_sweep(values, off, l, m, rotations);
	int			n = m - first;

	if (first > l)
		memmove(rotations, rotations + 2 * (first - l), 2 * n * sizeof(double));
	if (turns->rows != NULL)
		turn_rows(turns->rows, d, first, n, rotations, work, host);
	if (turns->keep)
		end_sweep(turns->last, first, n);
	linalg_look_after(host, work, 10 * n);
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
			sweep_and_turn(values, off, d, l, m, turns, &work, host);
		}
	}
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
	Turns		turns = {.rows = vectors};
	bool		converged;

	tridiagonal_reduce(vectors, values, work, d, host);
	tridiagonal_accumulate(vectors, values, d, host);
	converged = ql_iterate(values, work, d, &turns, host);
	release_rotations(turns.last, host);
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

/* Rotate the vectors in lanes back as a sweep says, its last rotation first. */
static void
turn_lanes(double *lanes, int first, int n, const double *rotations)
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
turn_back(const Rotations *last, const int *which, int n, int d, double *lanes,
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
			int			sweep = (int) piece->values[end - 1];
			int			first = (int) piece->values[end - 2];

			end -= 2 + 2 * (size_t) sweep;
			if (first > high || first + sweep < low)
				continue;
			turn_lanes(lanes, first, sweep, piece->values + end);
			low = first < low ? first : low;
			high = first + sweep > high ? first + sweep : high;
			linalg_look_after(host, &work, 4.0 * EIGEN_LANES * sweep);
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
	size_t		count = (size_t) d * (3 + EIGEN_LANES);
	double	   *unsorted = host->allocate(host->context, count * sizeof(double));
	double	   *off = unsorted + d;
	double	   *norms = off + d;
	double	   *lanes = norms + d;
	int		   *order = host->allocate(host->context, d * sizeof(int));
	Turns		turns = {.keep = q > 0};
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
		for (int begin = 0; begin < q; begin += EIGEN_LANES)
		{
			int			n = q - begin < EIGEN_LANES ? q - begin : EIGEN_LANES;

			turn_back(turns.last, order + begin, n, d, lanes, host);
			tridiagonal_return(matrix, norms, d, lanes, host);
			take_lanes(lanes, n, d, vectors + (size_t) begin * d);
		}
	}
	release_rotations(turns.last, host);
	host->release(host->context, order);
	host->release(host->context, unsorted);
	return converged;
}
