/*
 * rays.c
 *	  Rays from the means of a mixture's components, and its density along them.
 *
 * In the units of one component's deviations its rows lie on rays in uniformly
 * distributed directions, at radii whose distribution is known exactly.  Along
 * a ray, the squared distance from every other component is a quadratic
 * function of the radius, so that the mixture's density at many radii costs
 * little more than at one.
 *
 * Directions are drawn, as hashes of the component's number and their own; in
 * few dimensions, from a sequence that is more even than chance.  Each comes
 * with its opposite, and as many as there are dimensions, one after the other,
 * are orthogonal: so even a few of them integrate polynomials of the third
 * degree on the sphere exactly.  In two dimensions they are at equal angles.
 */
#include "engine/derive/rays.h"

#include <float.h>
#include <string.h>

#include "engine/core/linalg.h"
#include "engine/core/random.h"
#include "engine/core/special.h"

/* Keep these draws apart from all others, and from each other. */
#define DIRECTION_STREAM UINT64_C(0x72617973)
#define JITTER_STREAM UINT64_C(0x6a697474)

/* Radii end where less than this is farther. */
#define LEAST_BEYOND 1e-300

/* The radius of a standard normal vector is within this of the root of d. */
#define RADIUS_SPREAD 5.0
#define RADIUS_SPREAD_FAR 5.5

/* The distance between radii beyond that, where it begins to grow */
#define FAR_STEP 0.25

/* The most radii of a ray, and directions of a frame */
#define MOST_RADII 1024
#define MOST_FRAME 64

/* Pairs of rays: of all components, and of one */
#define MOST_PAIRS 1024
#define COMPONENT_PAIRS 256
#define COMPONENT_PAIRS_PLANE 64
#define COMPONENT_PAIRS_LEAST 4
#define LEAST_PAIRS 64

/* All rays may cost this many multiplications, about a second's. */
#define MOST_WORK 1e9

/* An exponential costs this many multiplications. */
#define EXPONENTIAL_WORK 4

/* Rays are allotted by what components contribute at levels down to this one. */
#define N_LEVELS 10
#define LEVEL_RATIO 0.05

/* A corner that is no deeper than this is none. */
#define LEAST_DEPTH 1e-3

/* Squares within a double; those beyond belong to rows that do not count. */
#define MOST_SQUARE 1e290
#define LEAST_SQUARE 1e-290

static void
radial_begin(RadialTable *radial, int d, const MixtureHost *host)
{
	double		middle = sqrt(d);
	int			most = (int) ((middle + 40) * RADIAL_PER_UNIT);

	radial->start = middle > RADIUS_SPREAD ? floor(middle - RADIUS_SPREAD) : 0;
	radial->values = host->allocate(host->context, 2 * (size_t) most * sizeof(double));
	radial->n = 0;
	for (int i = 0; i < most; i++)
	{
		double		r = radial->start + (double) i / RADIAL_PER_UNIT;

		radial->values[2 * i] = special_chi_square_tail(r * r, d);
		radial->values[2 * i + 1] = -special_chi_density(r, d) / RADIAL_PER_UNIT;
		radial->n++;
		if (radial->values[2 * i] < LEAST_BEYOND)
			break;
	}
}

/*
 * Strides, as parts of 2^64, of a sequence of points that are spread evenly in d
 * dimensions: the powers of 1 / x, where x^(d + 1) = x + 1 (Roberts 2018, The
 * Unreasonable Effectiveness of Quasirandom Sequences).
 */
static void
choose_strides(Rays *rays)
{
	double		x = 2;
	double		share = 1;

	/* Newton's method, from above */
	for (int step = 0; step < 20; step++)
	{
		double		power = 1;

		for (int i = 0; i < rays->d; i++)
			power *= x;
		x -= (power * x - x - 1) / ((rays->d + 1) * power - 1);
	}
	for (int i = 0; i < rays->d; i++)
		rays->strides[i] = (uint64_t) ((share /= x) * 0x1.0p64);
}

/* How many pairs of rays are to be had for this mixture. */
static int64_t
choose_n_pairs(const Rays *rays)
{
	int64_t		k = rays->k;
	int64_t		least = COMPONENT_PAIRS_LEAST * k;
	int64_t		n = MOST_PAIRS > least ? MOST_PAIRS : least;
	double		most = MOST_WORK / ((double) k * (rays->factor_count + rays->d +
												  2.0 * EXPONENTIAL_WORK * 50));

	if (rays->d == 1)
		n = least;
	else if (rays->d == 2 && n > COMPONENT_PAIRS_PLANE * k)
		n = COMPONENT_PAIRS_PLANE * k;
	else if (n > COMPONENT_PAIRS * k)
		n = COMPONENT_PAIRS * k;
	if (n > most)
		n = most > LEAST_PAIRS ? (int64_t) most : LEAST_PAIRS;
	return n;
}

/*
 * The distance between radii.  In one dimension there are but two directions
 * and the exact shape of the density's maxima shows.
 */
static double
choose_step(const Rays *rays)
{
	if (rays->d == 1)
		return fmin(fmax(rays->k / 1024.0, 1.0 / 64), 1.0 / 8);
	return rays->d == 2 ? 1.0 / 8 : 1.0 / 4;
}

/*
 * What the components would contribute to the share of rows of a lower log
 * density than t if they did not overlap.  parts: k.  Returns their sum.
 */
static double
isolated_parts(const Rays *rays, double t, double *parts)
{
	double		sum = 0;

	for (int c = 0; c < rays->k; c++)
		sum += parts[c] = rays->weights[c] *
			rays_beyond(&rays->radial, fmax(rays->peaks[c] - t, 0));
	return sum;
}

/* The log density, up to *t, at which these sum to a share. */
static double
isolated_level(const Rays *rays, double share, double t, double *parts)
{
	double		below = t;

	for (double step = 1; isolated_parts(rays, below, parts) > share; step *= 2)
		below -= step;
	while (t - below > 1e-3 + DBL_EPSILON * fabs(t))
	{
		double		middle = below + (t - below) / 2;

		if (isolated_parts(rays, middle, parts) > share)
			t = middle;
		else
			below = middle;
	}
	return t;
}

/*
 * Give every component its rays: half of them in equal parts, half as it
 * contributes to the share of rows of low density, from all rows down to a few
 * of 10^12, so that a rare component is seen where it is what there is.  Where
 * there are fewer rays than components some have none, and those that have one
 * stand for more.
 *
 * Weights come as the components' and are then the rays'.
 */
static void
allot_rays(Rays *rays)
{
	/* No sum of equal parts of the rays comes to a whole number less this. */
	const double offset = 0.38196601125010515;
	const MixtureHost *host = rays->host;
	int			k = rays->k;
	double	   *parts = host->allocate(host->context, 2 * k * sizeof(double));
	double	   *shares = parts + k;
	double		t = rays->peaks[0];
	double		level = 1;
	double		cumulative = 0;

	for (int c = 0; c < k; c++)
	{
		shares[c] = 0.25 / k + 0.25 * rays->weights[c];
		t = fmax(t, rays->peaks[c]);
	}
	for (int l = 0; l < N_LEVELS; l++)
	{
		double		sum;

		t = isolated_level(rays, level, t, parts);
		sum = isolated_parts(rays, t, parts);
		for (int c = 0; c < k; c++)
			shares[c] += 0.5 * parts[c] / (sum * N_LEVELS);
		level *= LEVEL_RATIO;
		host->check_interrupts(host->context);
	}
	for (int c = 0; c < k; c++)
	{
		double		wanted = rays->n_pairs * shares[c];
		double		before = cumulative;

		cumulative += wanted;
		rays->counts[c] = (int) (floor(cumulative + offset) - floor(before + offset));
		rays->weights[c] /= 2 * (wanted > 1 ? rays->counts[c] : wanted);
	}
	host->release(host->context, parts);
}

/* The next n doubles of the memory. */
static double *
carve(double **memory, size_t n)
{
	double	   *start = *memory;

	*memory += n;
	return start;
}

static void
allocate_arrays(Rays *rays)
{
	const MixtureHost *host = rays->host;
	size_t		k = rays->k;
	size_t		d = rays->d;
	size_t		frame = (d < MOST_FRAME ? d : MOST_FRAME) * d;
	size_t		factors = rays->factor_step > 0 ? k * rays->factor_step : rays->factor_count;
	double	   *next = host->allocate(host->context,
									  (5 * k + 2 * k * d + 2 * d + frame + factors +
									   4 * (MOST_RADII + MIXTURE_LANES) + 4 * MOST_RADII) *
									  sizeof(double));

	rays->memory = next;
	rays->weights = carve(&next, k);
	rays->peaks = carve(&next, k);
	rays->means = carve(&next, k * d);
	rays->factors = carve(&next, factors);
	rays->offsets = carve(&next, k * d);
	rays->frame = carve(&next, frame);
	rays->line = carve(&next, d);
	rays->image = carve(&next, d);
	rays->ray.peaks = carve(&next, k);
	rays->ray.curvatures = carve(&next, k);
	rays->ray.closest = carve(&next, k);
	rays->radii = carve(&next, MOST_RADII + MIXTURE_LANES);
	rays->opposite = carve(&next, MOST_RADII + MIXTURE_LANES);
	rays->squares = carve(&next, MOST_RADII + MIXTURE_LANES);
	rays->at_radii = carve(&next, MOST_RADII + MIXTURE_LANES);
	rays->halves = carve(&next, 2 * MOST_RADII);
	rays->log_densities = carve(&next, 2 * MOST_RADII);
}

/* Take the components that have weight from where they lie side by side. */
static void
copy_components(Rays *rays, const MixturePrepared *prepared, const double *weights)
{
	int			d = rays->d;
	int			lanes = prepared->lanes;
	bool		tied = rays->factor_step == 0;

	for (int c = 0; c < rays->k; c++)
	{
		int			component = rays->components[c];
		size_t		group = component / lanes;
		int			lane = component % lanes;
		const double *means = prepared->means + group * d * lanes + lane;
		const double *factors = prepared->precision_cholesky + group * prepared->factor_step;

		rays->weights[c] = weights[component];
		rays->peaks[c] = prepared->log_constants[component];
		for (int i = 0; i < d; i++)
			rays->means[(size_t) c * d + i] = means[(size_t) i * lanes];
		if (!tied || c == 0)
			for (size_t i = 0; i < rays->factor_count; i++)
				rays->factors[c * rays->factor_step + i] =
					tied ? factors[i] : factors[i * lanes + lane];
		rays->host->check_interrupts(rays->host->context);
	}
}

/*
 * Choose the rays of a mixture that was prepared for rows; weights: its
 * components'.  Of fewer than two components that have weight there are none.
 */
void
rays_begin(Rays *rays, const MixturePrepared *prepared, const double *weights,
		   const MixtureHost *host)
{
	memset(rays, 0, sizeof(Rays));
	rays->host = host;
	rays->d = prepared->d;
	rays->covariance_type = prepared->covariance_type;
	rays->factor_count = prepared->factor_count;
	rays->factor_step = prepared->factor_step > 0 ? rays->factor_count : 0;
	rays->components = host->allocate(host->context, 2 * (size_t) prepared->k * sizeof(int));
	rays->counts = rays->components + prepared->k;
	for (int c = 0; c < prepared->k; c++)
		if (prepared->log_constants[c] > -INFINITY)
			rays->components[rays->k++] = c;
	if (rays->k < 2)
		return;

	allocate_arrays(rays);
	copy_components(rays, prepared, weights);
	radial_begin(&rays->radial, rays->d, host);
	if (rays->d <= RAYS_SEQUENCE)
		choose_strides(rays);
	rays->n_pairs = choose_n_pairs(rays);
	rays->step = choose_step(rays);
	allot_rays(rays);
}

/* Give back what rays_begin() allocated. */
void
rays_end(Rays *rays)
{
	const MixtureHost *host = rays->host;

	if (rays->memory != NULL)
	{
		host->release(host->context, rays->memory);
		host->release(host->context, rays->radial.values);
	}
	host->release(host->context, rays->components);
}

/* y = W x, W being the factor of component c's precision. */
static void
apply_factor(const Rays *rays, int c, const double *x, double *y)
{
	const double *factor = rays->factors + c * rays->factor_step;
	int			step = rays->covariance_type == MIXTURE_DIAG ? 1 : 0;

	if (mixture_has_matrix(rays->covariance_type))
		for (int i = 0; i < rays->d; i++)
			y[i] = linalg_dot(factor + linalg_row(i), x, i + 1);
	else
		for (int i = 0; i < rays->d; i++)
			y[i] = factor[i * step] * x[i];
}

/* The x for which W x = u: x = L u. */
static void
solve_factor(const Rays *rays, int c, const double *u, double *x)
{
	const double *factor = rays->factors + c * rays->factor_step;
	int			step = rays->covariance_type == MIXTURE_DIAG ? 1 : 0;

	if (mixture_has_matrix(rays->covariance_type))
		for (int i = 0; i < rays->d; i++)
			x[i] = (u[i] - linalg_dot(factor + linalg_row(i), x, i)) / factor[linalg_row(i) + i];
	else
		for (int i = 0; i < rays->d; i++)
			x[i] = u[i] / factor[i * step];
}

/* Let the rays begin at the mean of component c. */
static void
place_origin(Rays *rays, int c)
{
	int			d = rays->d;
	const double *origin = rays->means + (size_t) c * d;

	for (int j = 0; j < rays->k; j++)
	{
		const double *mean = rays->means + (size_t) j * d;

		for (int i = 0; i < d; i++)
			rays->line[i] = origin[i] - mean[i];
		apply_factor(rays, j, rays->line, rays->offsets + (size_t) j * d);
		rays->host->check_interrupts(rays->host->context);
	}
}

/*
 * Direction `number` of component c, a unit vector.  They have to be asked for
 * one after the other.
 */
static const double *
choose_direction(Rays *rays, int c, int number)
{
	int			d = rays->d;
	int			size = d < MOST_FRAME ? d : MOST_FRAME;
	int			place = number % size;
	double	   *u = rays->frame + (size_t) place * d;
	uint64_t	hash = random_combine(DIRECTION_STREAM, (uint64_t) rays->components[c]);
	double		length;

	if (d == 2)
	{
		const double pi = 3.1415926535897932384626433832795;
		double		angle = pi * (number + random_unit(hash)) / rays->counts[c];

		u[0] = cos(angle);
		u[1] = sin(angle);
		return u;
	}
	for (int i = 0; i < d; i++)
	{
		uint64_t	draw = random_combine(hash, (uint64_t) i);

		draw = d <= RAYS_SEQUENCE ? draw + rays->strides[i] * (uint64_t) number :
			random_combine(draw, (uint64_t) number);
		u[i] = special_normal_quantile(random_unit(draw));
	}
	for (int l = 0; l < place; l++)
	{
		const double *other = rays->frame + (size_t) l * d;

		linalg_add_multiple(u, -linalg_dot(u, other, d), other, d);
	}
	length = sqrt(linalg_dot(u, u, d));
	for (int i = 0; i < d; i++)
		u[i] /= length;
	return u;
}

/*
 * The quadratic functions of the ray from component c's mean in a direction.
 * Components whose distance from all of it, or whose narrowness, exceeds the
 * range of a double are not seen from there.
 */
static void
draw_ray(Rays *rays, int c, const double *direction)
{
	Ray		   *ray = &rays->ray;
	int			d = rays->d;
	const double *image = rays->image;

	ray->k = 0;
	solve_factor(rays, c, direction, rays->line);
	for (int j = 0; j < rays->k; j++)
	{
		const double *offset = rays->offsets + (size_t) j * d;
		double		square = 1;
		double		closest = 0;
		double		least = 0;

		if (j != c)
		{
			apply_factor(rays, j, rays->line, rays->image);
			square = linalg_dot(image, image, d);
			if (square < LEAST_SQUARE)
				square = 0;
			else
				closest = -linalg_dot(image, offset, d) / square;
			for (int i = 0; i < d; i++)
			{
				double		distance = offset[i] + closest * image[i];

				least += distance * distance;
			}
			if (!(square < MOST_SQUARE && least < MOST_SQUARE))
				continue;
		}
		ray->peaks[ray->k] = rays->peaks[j] - 0.5 * least;
		ray->curvatures[ray->k] = 0.5 * square;
		ray->closest[ray->k] = closest;
		ray->k++;
		rays->host->check_interrupts(rays->host->context);
	}
}

/*
 * Choose the radii: at equal steps where all but a few of 10^12 rows are, then
 * ever farther apart.  jitter, from 0 to 1, says how far the second of them is
 * from the first; over many rays they are everywhere.
 */
static void
place_radii(Rays *rays, double jitter)
{
	double		far = sqrt(rays->d) + RADIUS_SPREAD_FAR;
	double		end = rays->radial.start + (double) (rays->radial.n - 1) / RADIAL_PER_UNIT;
	double		r = rays->radial.start;
	int			n = 0;

	while (r < end && n < MOST_RADII)
	{
		rays->radii[n++] = r;
		if (r < far)
			r += rays->step * (n == 1 ? jitter : 1);
		else
			r += fmin(FAR_STEP, 4 * rays->step) * (1 + 0.5 * (r - far));
	}
	rays->n_radii = n;
	for (; n % MIXTURE_LANES != 0; n++)
		rays->radii[n] = r;
	for (int i = 0; i < n; i++)
	{
		rays->opposite[i] = -rays->radii[i];
		rays->squares[i] = 0.5 * rays->radii[i] * rays->radii[i];
	}
}

/*
 * The corner between the radii i and i + 1, where one component takes over from
 * another.  The lines through the radii on either side meet there, and the sum
 * of two components is log 2 above where they meet; a bend that is no corner is
 * a quarter as deep as its tangents.  False if there is none.
 */
static bool
find_corner(const double *y, const double *h, int i, double *corner_y, double *corner_h)
{
	double		before = (h[i] - h[i - 1]) / (y[i] - y[i - 1]);
	double		after = (h[i + 2] - h[i + 1]) / (y[i + 2] - y[i + 1]);
	double		width = y[i + 1] - y[i];
	double		rise = h[i + 1] - h[i];
	double		x = (rise - after * width) / (before - after);
	double		depth;

	if (!(after > before && x > 0 && x < width))
		return false;
	depth = x * (rise / width - before);
	depth = fmax(0.25 * depth, depth - log(2));
	*corner_y = y[i] + x;
	*corner_h = h[i] + x * (rise / width) - depth;
	return depth > LEAST_DEPTH;
}

/*
 * Call visit for the ray: the log densities at the positions, and at the
 * corners between them.
 */
static void
visit_ray(Rays *rays, const double *positions, double weight, RaysVisit visit, void *context)
{
	int			n = rays->n_radii;
	int			padded = (n + MIXTURE_LANES - 1) / MIXTURE_LANES * MIXTURE_LANES;

	kernels_current()->ray_log_densities(&rays->ray, positions, padded, rays->at_radii);
	rays->n = 0;
	for (int i = 0; i < n; i++)
	{
		rays->halves[rays->n] = rays->squares[i];
		rays->log_densities[rays->n++] = rays->at_radii[i];
		if (i > 0 && i + 2 < n &&
			find_corner(rays->squares, rays->at_radii, i, &rays->halves[rays->n],
						&rays->log_densities[rays->n]))
			rays->n++;
	}
	visit(context, rays, weight);
}

/*
 * Call visit for the rays of all components: halves and log_densities are then
 * the ray's, and weight is the share of the mixture's rows that it stands for.
 * Where there are more than `most` pairs, this many or a few more are taken,
 * among them the first of every component.
 */
void
rays_visit(Rays *rays, int64_t most, RaysVisit visit, void *context)
{
	const double golden = 0.61803398874989485;
	int64_t		stride = most < rays->n_pairs ? rays->n_pairs / most : 1;
	int64_t		pair = 0;

	for (int c = 0; c < rays->k; c++)
	{
		uint64_t	hash = random_combine(JITTER_STREAM, (uint64_t) rays->components[c]);
		double		shift = random_unit(hash);

		if (rays->counts[c] == 0)
			continue;
		place_origin(rays, c);
		for (int i = 0; i < rays->counts[c]; i++, pair++)
		{
			const double *direction = choose_direction(rays, c, i);
			double		jitter = fmod(shift + golden * i, 1);

			rays->host->check_interrupts(rays->host->context);
			if (pair % stride != 0 && !(i == 0 && rays->k <= most))
				continue;
			draw_ray(rays, c, direction);
			place_radii(rays, jitter);
			visit_ray(rays, rays->radii, rays->weights[c], visit, context);
			visit_ray(rays, rays->opposite, rays->weights[c], visit, context);
		}
	}
}
