/*
 * tridiagonal.c
 *	  The reduction of a symmetric matrix to tridiagonal form by Householder
 *	  reflections, and the way back.
 *
 * A reflection multiplies what is left of the matrix by a vector, and then changes all
 * of it by two products of vectors.  The change is put off: those of PANEL reflections
 * are one product of matrices, which reads what is left once, in tiles that stay in
 * registers (Dongarra, Sorensen and Hammarling 1989).  The multiplication cannot be:
 * it waits for memory, and so it reads only a triangle, and that once.
 *
 * A column of thousands of elements costs a cache miss for each, so everything runs
 * along rows: the last row is reflected first.
 */
#include "engine/core/eigen_private.h"

#include <math.h>
#include <string.h>

/* Reflections that are made before the rest of the matrix follows */
#define PANEL	32

/* Rows and columns of what is updated in registers */
#define TILE	4

/* Columns whose PANEL pairs of factors stay in the cache: a multiple of TILE */
#define CHUNK	128

/* Fewer rows than this see each reflection at once. */
#define LEAST_ROWS	64

/*
 * Reflections that the rows above have not seen: of each, - u q' - q u' is still to be
 * added to these.
 */
typedef struct Panel
{
	int			n;
	const double *u[PANEL];		/* rows of the matrix itself */
	double	   *q[PANEL];		/* d each */
	double	   *factors;		/* 2 PANEL x CHUNK: all u and q, of some columns */
} Panel;

/*
 * Four rows' part in product = A u, A being a symmetric matrix, stride d, of which the
 * lower triangle counts: from row n on, in the columns before, n elements.
 */
static void
multiply_four_rows(const double *rows, int d, const double *u, int n, double *product)
{
	LinalgPair	sums[4] = {{0}, {0}, {0}, {0}};

	for (int x = 0; x < n; x += 2)
	{
		LinalgPair	factor = linalg_pair(u + x);
		LinalgPair	sum = linalg_pair(product + x);

		LINALG_UNROLL
		for (int r = 0; r < 4; r++)
		{
			LinalgPair	element = linalg_pair(rows + (size_t) r * d + x);

			sums[r] += element * factor;
			sum += u[n + r] * element;
		}
		linalg_set_pair(product + x, sum);
	}
	for (int r = 0; r < 4; r++)
		product[n + r] = sums[r][0] + sums[r][1];
}

/*
 * product = A u, where A has n rows, stride d, of which the lower triangle counts.
 */
static void
multiply_symmetric(const double *a, int d, const double *u, int n, double *product,
				   double *work, const MixtureHost *host)
{
	int			whole = n - n % 4;

	for (int j = 0; j < whole; j += 4)
	{
		const double *rows = a + (size_t) j * d;

		multiply_four_rows(rows, d, u, j, product);
		for (int r = 0; r < 4; r++)
		{
			const double *row = rows + (size_t) r * d + j;

			for (int x = 0; x <= r; x++)
				product[j + r] += row[x] * u[j + x];
			for (int x = 0; x < r; x++)
				product[j + x] += row[x] * u[j + r];
		}
		linalg_look_after(host, work, 8.0 * j);
	}
	for (int j = whole; j < n; j++)
	{
		const double *row = a + (size_t) j * d;

		product[j] = linalg_dot(row, u, j + 1);
		linalg_add_multiple(product, u[j], row, j);
	}
}

/*
 * Make row i of the square matrix a, of i elements beside the diagonal's, the
 * reflector u: norms[i] becomes half its squared norm h, or 0 if there is nothing
 * to reflect, and off[i] the off-diagonal element.  Returns whether there is.
 */
static bool
make_reflector(double *row, double *norms, double *off, int i)
{
	double		scale = 0;
	double		norm;
	double		f,
				g;

	for (int j = 0; j < i; j++)
		scale += fabs(row[j]);
	if (i == 1 || scale == 0)
	{
		off[i] = row[i - 1];
		norms[i] = 0;
		return false;
	}
	for (int j = 0; j < i; j++)
		row[j] /= scale;
	norm = linalg_dot(row, row, i);
	f = row[i - 1];
	g = f >= 0 ? -sqrt(norm) : sqrt(norm);
	off[i] = scale * g;
	norms[i] = norm - f * g;
	row[i - 1] = f - g;
	return true;
}

/* q = p - u (u'p / 2h) of p = A u / h, p h being there: n elements. */
static void
finish_factor(double *q, const double *u, double norm, int n)
{
	for (int j = 0; j < n; j++)
		q[j] /= norm;
	linalg_add_multiple(q, -linalg_dot(q, u, n) / (norm + norm), u, n);
}

/* Reflect row i and put off that those above, A, become A - u q' - q u'. */
static void
reflect_later(double *a, double *norms, double *off, int d, int i, Panel *panel,
			  double *work, const MixtureHost *host)
{
	double	   *row = a + (size_t) i * d;
	double	   *q = panel->q[panel->n];

	for (int t = 0; t < panel->n; t++)
	{
		linalg_add_multiple(row, -panel->u[t][i], panel->q[t], i + 1);
		linalg_add_multiple(row, -panel->q[t][i], panel->u[t], i + 1);
	}
	if (!make_reflector(row, norms, off, i))
		return;
	multiply_symmetric(a, d, row, i, q, work, host);
	for (int t = 0; t < panel->n; t++)
	{
		double		along = linalg_dot(panel->u[t], row, i);

		linalg_add_multiple(q, -linalg_dot(panel->q[t], row, i), panel->u[t], i);
		linalg_add_multiple(q, -along, panel->q[t], i);
	}
	finish_factor(q, row, norms[i], i);
	linalg_look_after(host, work, 6.0 * panel->n * i);
	panel->u[panel->n++] = row;
}

/* Reflect row i and make those above, A, A - u q' - q u'; q is where off is not yet. */
static void
reflect_now(double *a, double *norms, double *off, int d, int i, double *work,
			const MixtureHost *host)
{
	double	   *row = a + (size_t) i * d;

	if (!make_reflector(row, norms, off, i))
		return;
	multiply_symmetric(a, d, row, i, off, work, host);
	finish_factor(off, row, norms[i], i);
	for (int j = 0; j < i; j++)
	{
		double	   *other = a + (size_t) j * d;

		linalg_add_multiple(other, -row[j], off, j + 1);
		linalg_add_multiple(other, -off[j], row, j + 1);
		linalg_look_after(host, work, 2 * j);
	}
}

/*
 * Let a tile see the panel: rows are its first elements, stride d; columns those
 * of the factors that are beside it; own, 2 n for each row, the other ones' of its
 * rows.
 */
static void
update_tile(double *rows, int d, const double *columns, const double *own, int n)
{
	LinalgPair	left[TILE];
	LinalgPair	right[TILE];

	LINALG_UNROLL
	for (int r = 0; r < TILE; r++)
	{
		left[r] = linalg_pair(rows + (size_t) r * d);
		right[r] = linalg_pair(rows + (size_t) r * d + 2);
	}
	for (int t = 0; t < 2 * n; t++)
	{
		LinalgPair	factor_left = linalg_pair(columns + (size_t) t * CHUNK);
		LinalgPair	factor_right = linalg_pair(columns + (size_t) t * CHUNK + 2);

		LINALG_UNROLL
		for (int r = 0; r < TILE; r++)
		{
			left[r] -= own[t * TILE + r] * factor_left;
			right[r] -= own[t * TILE + r] * factor_right;
		}
	}
	LINALG_UNROLL
	for (int r = 0; r < TILE; r++)
	{
		linalg_set_pair(rows + (size_t) r * d, left[r]);
		linalg_set_pair(rows + (size_t) r * d + 2, right[r]);
	}
}

/*
 * Let TILE rows of the matrix, the first being row j, see the panel in columns from
 * begin to end, of which it has the factors.
 */
static void
update_rows(double *a, int d, int j, int begin, int end, const Panel *panel)
{
	double		own[2 * PANEL * TILE];

	for (int t = 0; t < panel->n; t++)
		for (int r = 0; r < TILE; r++)
		{
			own[2 * t * TILE + r] = panel->q[t][j + r];
			own[(2 * t + 1) * TILE + r] = panel->u[t][j + r];
		}
	for (int x = begin; x < end; x += TILE)
		update_tile(a + (size_t) j * d + x, d, panel->factors + (x - begin), own, panel->n);
}

/* Let tiles see the panel: those below the diagonal in the first `whole` rows. */
static void
update_tiles(double *a, int d, int whole, const Panel *panel, double *work,
			 const MixtureHost *host)
{
	for (int begin = 0; begin < whole; begin += CHUNK)
	{
		int			columns = whole - begin < CHUNK ? whole - begin : CHUNK;

		for (int t = 0; t < panel->n; t++)
		{
			double	   *factors = panel->factors + (size_t) 2 * t * CHUNK;

			memcpy(factors, panel->u[t] + begin, columns * sizeof(double));
			memcpy(factors + CHUNK, panel->q[t] + begin, columns * sizeof(double));
		}
		for (int j = begin; j < whole; j += TILE)
		{
			update_rows(a, d, j, begin, j < begin + columns ? j : begin + columns, panel);
			linalg_look_after(host, work, 2.0 * panel->n * TILE * columns);
		}
	}
}

/* Let the first n rows of the matrix see the panel, which then is empty. */
static void
update_rest(double *a, int d, int n, Panel *panel, double *work, const MixtureHost *host)
{
	int			whole = n - n % TILE;

	update_tiles(a, d, whole, panel, work, host);
	for (int j = 0; j < n; j++)
	{
		int			begin = j < whole ? j - j % TILE : 0;
		double	   *row = a + (size_t) j * d + begin;

		for (int t = 0; t < panel->n; t++)
		{
			linalg_add_multiple(row, -panel->u[t][j], panel->q[t] + begin, j - begin + 1);
			linalg_add_multiple(row, -panel->q[t][j], panel->u[t] + begin, j - begin + 1);
		}
		linalg_look_after(host, work, 2.0 * panel->n * (j - begin + 1));
	}
	panel->n = 0;
}

/* Reduce the rows of a matrix from the last one on, by panels, and return what is left. */
static int
reduce_by_panels(double *a, double *norms, double *off, int d, double *work,
				 const MixtureHost *host)
{
	size_t		count = (size_t) PANEL * d + 2 * PANEL * CHUNK;
	double	   *memory = host->allocate(host->context, count * sizeof(double));
	Panel		panel = {.factors = memory + (size_t) PANEL * d};
	int			n = d;

	for (int t = 0; t < PANEL; t++)
		panel.q[t] = memory + (size_t) t * d;
	while (n > LEAST_ROWS)
	{
		for (int t = 0; t < PANEL; t++)
			reflect_later(a, norms, off, d, --n, &panel, work, host);
		update_rest(a, d, n, &panel, work, host);
	}
	host->release(host->context, memory);
	return n;
}

/*
 * Reduce a symmetric matrix A to tridiagonal form, H_1 .. H_(d-1) A H_(d-1) .. H_1,
 * where H_i = I - u u' / norms[i] or, if norms[i] is 0, I.
 *
 * a: d x d, of which the lower triangle counts; in its place u of H_i, i elements,
 * is in row i, and the diagonal is that of the tridiagonal matrix.  off: d, off[i]
 * being the element beside those of the diagonal's i and i - 1, from i = 1.
 * norms: d.
 */
void
tridiagonal_reduce(double *a, double *norms, double *off, int d, const MixtureHost *host)
{
	double		work = 0;
	int			n = d > LEAST_ROWS ? reduce_by_panels(a, norms, off, d, &work, host) : d;

	while (n > 1)
		reflect_now(a, norms, off, d, --n, &work, host);
	norms[0] = 0;
}

/*
 * The product of the reflections, transposed, made in place of what
 * tridiagonal_reduce() left, and the diagonal that was there in place of norms.
 * The product of the first ones is the identity beyond row and column i.
 */
void
tridiagonal_accumulate(double *a, double *norms, int d, const MixtureHost *host)
{
	double		work = 0;

	for (int i = 0; i < d; i++)
	{
		double	   *row = a + (size_t) i * d;

		/* (H Q)' = Q' H: of each row r, r - (r'u / h) u */
		for (int j = 0; norms[i] != 0 && j < i; j++)
		{
			double	   *other = a + (size_t) j * d;

			linalg_add_multiple(other, -linalg_dot(other, row, i) / norms[i], row, i);
			linalg_look_after(host, &work, 2 * i);
		}
		norms[i] = row[i];
		memset(row, 0, i * sizeof(double));
		row[i] = 1;
		for (int j = 0; j < i; j++)
			a[(size_t) j * d + i] = 0;
	}
}

/* Apply the reflection by u, n elements, half its squared norm being norm, to lanes. */
static void
reflect_lanes(const double *u, double norm, int n, double *lanes)
{
	LinalgPair	sums[EIGEN_LANES / 2] = {{0}};

	for (int j = 0; j < n; j++)
	{
		LINALG_UNROLL
		for (int l = 0; l < EIGEN_LANES / 2; l++)
			sums[l] += u[j] * linalg_pair(lanes + (size_t) j * EIGEN_LANES + 2 * l);
	}
	LINALG_UNROLL
	for (int l = 0; l < EIGEN_LANES / 2; l++)
		sums[l] /= norm;
	for (int j = 0; j < n; j++)
	{
		double	   *lane = lanes + (size_t) j * EIGEN_LANES;

		LINALG_UNROLL
		for (int l = 0; l < EIGEN_LANES / 2; l++)
			linalg_set_pair(lane + 2 * l, linalg_pair(lane + 2 * l) - u[j] * sums[l]);
	}
}

/*
 * Apply the reflections to vectors of the tridiagonal matrix's space, H_(d-1) .. H_1 v,
 * which makes eigenvectors of it those of the matrix.  a, norms: as
 * tridiagonal_reduce() left them.  lanes: d x EIGEN_LANES, a vector in each column.
 */
void
tridiagonal_return(const double *a, const double *norms, int d, double *lanes,
				   const MixtureHost *host)
{
	double		work = 0;

	for (int i = 1; i < d; i++)
	{
		if (norms[i] == 0)
			continue;
		reflect_lanes(a + (size_t) i * d, norms[i], i, lanes);
		linalg_look_after(host, &work, 2.0 * EIGEN_LANES * i);
	}
}
