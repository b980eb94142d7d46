/*
 * starts.c
 *	  Where the runs of a search begin: clusters of rows as k-means finds them,
 *	  and the component that each of these is.
 *
 * Seeds are drawn in turn far from each other, so that groups which stand apart
 * get one each, and by weight alone, so that dense places get several: which is
 * better hangs on how groups overlap, and starts that differ are worth more than
 * good ones that are alike.  So it is in the first alone, or where few are tried,
 * that Lloyd's algorithm (1982) moves the seeds to the middle of their rows, each
 * feature measured by its own deviation, at a cost that grows with d and not with
 * its square; from the others EM comes to more different ends without it.  One is found
 * along the lines that stand out, if any do (lines.c), for the distances along all others
 * hide what can be seen there.  A cluster's weight, mean and covariance then are those of a
 * component; what its rows are too few to tell of the covariance is taken from all clusters
 * together.
 */
#include "engine/search/search.h"

#include <math.h>
#include <string.h>

#include "engine/core/linalg.h"
#include "engine/core/random.h"

/*
 * Rows that starts are found on: at least so many, or so many a component, and so many
 * for each dimension that each component's covariance has to be found in.  For a mean or
 * variances so many dimensions are enough, but not less: rows hold the centers of clusters
 * of few by themselves, the more so the more dimensions there are, and clusters then mix
 * groups that no merger takes apart again.  Where rows are round together, to make them so
 * is dear, and clusters are as many as components.
 */
#define SPACE_ROWS 2048
#define SPACE_ROWS_PER_COMPONENT 64
#define SPACE_ROWS_PER_DIMENSION 2
#define MEAN_DIMENSIONS 144
#define ROUND_DIMENSIONS 32

/* Logarithm of what features are stretched by against each other, at most */
#define STRETCH 4

/* Clusters for each component, where they are to be merged, and components at most */
#define SEEDS_PER_COMPONENT 3
#define MOST_AGGLOMERATED 64

/* Steps of Lloyd's algorithm, at most */
#define LLOYD_STEPS 10

/* Rows that lines are judged by, at least, and for each component; and lines at most */
#define LINE_ROWS 384
#define LINE_ROWS_PER_COMPONENT 8
#define MOST_LINES 8

/* Dimensions from which on lines are looked at for two components */
#define LINES_OF_TWO 8

/* A line stands out along which clusters are so many times closer than along most. */
#define STANDS_OUT 2

/*
 * Share of rows, for each component, that have the same value as another: from there on
 * clusters would be the values of a code or of a measurement that was rounded.
 */
#define FEW_VALUES 0.5

/*
 * Directions that starts are found along, where these are not varied; 0: all.  Where each
 * component has a matrix passes are most of the work in any case.
 */
static int
few_directions(const Starts *starts)
{
	return starts->background != NULL || starts->options->covariance_type == MIXTURE_FULL ? 0 :
		directions_wanted(starts->k, starts->sample->d);
}

/*
 * Rows that starts are found on, where all rows are made round or not: the first of the
 * sample, which are as good as any.  Full blocks of them, for the last one's layout
 * depends on its rows.  Along few directions rows cost little, and means that all
 * components share a covariance about are the better for more.
 */
static int64_t
space_rows(const Starts *starts, bool round)
{
	MixtureCovarianceType type = starts->options->covariance_type;
	int			d = starts->sample->d;
	int			enough = round ? ROUND_DIMENSIONS : MEAN_DIMENSIONS;
	bool		few = type != MIXTURE_FULL && d > enough &&
		(round || type != MIXTURE_TIED || few_directions(starts) == 0);
	int64_t		rows = (int64_t) starts->k *
		(SPACE_ROWS_PER_COMPONENT +
		 (int64_t) SPACE_ROWS_PER_DIMENSION * (few ? enough : d));

	if (rows < SPACE_ROWS)
		rows = SPACE_ROWS;
	rows = (rows + MIXTURE_BLOCK_ROWS - 1) / MIXTURE_BLOCK_ROWS * MIXTURE_BLOCK_ROWS;
	return rows < starts->sample->n_rows ? rows : starts->sample->n_rows;
}

/* Clusters that are merged until k are left. */
static int
most_seeds(const Starts *starts, int64_t n_rows)
{
	int64_t		most = (int64_t) SEEDS_PER_COMPONENT * starts->k;

	if (most > n_rows)
		most = n_rows;
	return starts->k > MOST_AGGLOMERATED ? starts->k : (int) most;
}

/*
 * Whether start number `number` is found where all rows together are round: by turns, or,
 * where others are found along few directions and so for far less, only once.
 */
static bool
is_round(const Starts *starts, int number, bool varied)
{
	return starts->has_round &&
		(!varied && few_directions(starts) > 0 ? number == 1 : number % 4 == 1);
}

/* Give back the space of the start at hand, but for one that stays. */
static void
leave_space(Starts *starts)
{
	if (!starts->is_narrow)
		seeding_space_release(&starts->space, starts->host);
}

/*
 * Make the coordinates that rows are compared in by start number `number`: each feature
 * by its deviation, of many features, unless starts are varied, those along which rows
 * spread the most; or, for families with a matrix by turns, those in which all rows
 * together are round, where clusters that are long in a common direction stand apart.
 * Where it stretches them each is by a factor of its own.  Returns the sum of the squares
 * of these.
 */
static double
make_space(Starts *starts, int number, bool varied, bool stretches)
{
	const Scales *scales = starts->scales;
	bool		alike = starts->options->covariance_type == MIXTURE_SPHERICAL;
	bool		round = is_round(starts, number, varied);
	int			n_directions = varied || round ? 0 : few_directions(starts);
	double	   *deviations = starts->centers;
	double		squares = 0;

	for (int j = 0; j < starts->sample->d; j++)
	{
		uint64_t	draw = random_combine(random_combine(starts->options->seed, number), j);
		double		factor = stretches ? exp(STRETCH * (random_unit(random_mix(draw)) - 0.5)) : 1;

		deviations[j] = sqrt(round ? 1 : alike ? scales->variance : scales->variances[j]) / factor;
		squares += factor * factor;
	}
	leave_space(starts);
	if (n_directions > 0 && starts->narrow.rows == NULL)
		directions_space(&starts->narrow, starts->sample, space_rows(starts, false), scales,
						 deviations, n_directions, starts->host);
	starts->is_narrow = n_directions > 0 && starts->narrow.rows != NULL;
	if (starts->is_narrow)
		starts->space = starts->narrow;
	else
		seeding_space(&starts->space, starts->sample,
					  space_rows(starts, round), scales, deviations,
					  round ? starts->factor : NULL, starts->host);
	return squares;
}

/*
 * Prepare to make starts of k components of the options' family for the rows
 * of the sample.  All that is given here must stay until starts_end().
 */
void
starts_begin(Starts *starts, const Scales *scales, const Sample *sample, int k,
			 const MixtureOptions *options, const MixtureHost *host)
{
	int64_t		n;
	size_t		d = sample->d;
	size_t		size = linalg_packed_count(sample->d) * sizeof(double);

	starts->host = host;
	starts->options = options;
	starts->scales = scales;
	starts->sample = sample;
	starts->k = k;
	starts->background = NULL;
	n = space_rows(starts, false);
	starts->most_seeds = most_seeds(starts, n);
	if (options->noise)
	{
		starts->background = background_create(sample, n, host);
		starts->sample = background_rest(starts->background);
	}
	starts->seeds = host->allocate(host->context, starts->most_seeds * sizeof(int64_t));
	starts->clusters = host->allocate(host->context, n * sizeof(int));
	starts->centers = host->allocate(host->context,
									 starts->most_seeds * (2 * d + 1) * sizeof(double));
	starts->sums = starts->centers + starts->most_seeds * d;
	starts->factor = NULL;
	if (SEARCH_WITHOUT != SEARCH_ROUND_SPACE && mixture_has_matrix(options->covariance_type) &&
		scales->moments.covariance_type == MIXTURE_FULL)
	{
		starts->factor = host->allocate(host->context, size);
		memcpy(starts->factor, scales->moments.covariances, size);
	}
	starts->has_round = starts->factor != NULL && linalg_cholesky(starts->factor, sample->d, host);
	starts->is_narrow = false;
	starts->narrow.rows = starts->space.rows = NULL;
	starts->space.blocks.n_rows = n;
	if (options->noise)
	{
		make_space(starts, 0, true, false);
		background_find(starts->background, &starts->space);
	}
}

/* Give back what starts_begin() allocated. */
void
starts_end(Starts *starts)
{
	const MixtureHost *host = starts->host;

	host->release(host->context, starts->centers);
	host->release(host->context, starts->clusters);
	host->release(host->context, starts->seeds);
	if (starts->factor != NULL)
		host->release(host->context, starts->factor);
	leave_space(starts);
	seeding_space_release(&starts->narrow, host);
	if (starts->background != NULL)
		background_release(starts->background);
}

/*
 * Give every row to the nearest center.  Returns how many changed clusters;
 * *spread: the weighted sum of squared distances.
 */
static int64_t
assign_rows(Starts *starts, double *spread)
{
	const MixtureHost *host = starts->host;
	int64_t		n_changed = 0;

	*spread = 0;
	for (int64_t number = 0; number < starts->space.source.n_blocks; number++)
	{
		int		   *clusters = starts->clusters + number * MIXTURE_BLOCK_ROWS;
		double		least[MIXTURE_BLOCK_ROWS];
		double		nearest[MIXTURE_BLOCK_ROWS];
		MixtureBlock block;

		sample_block(&starts->space.blocks, number, &block);
		kernels_current()->nearest(&block, starts->space.blocks.d, starts->centers,
								   starts->n_seeds, least, nearest, host);
		for (int i = 0; i < block.n_rows; i++)
		{
			*spread += block.weights[i] * least[i];
			n_changed += clusters[i] != (int) nearest[i];
			clusters[i] = (int) nearest[i];
		}
		host->check_interrupts(host->context);
	}
	return n_changed;
}

/* Move every center to the middle of its rows; one without rows stays. */
static void
move_centers(Starts *starts)
{
	const SeedSpace *space = &starts->space;
	size_t		d = space->blocks.d;

	memset(starts->sums, 0, starts->n_seeds * (d + 1) * sizeof(double));
	for (int64_t i = 0; i < space->blocks.n_rows; i++)
	{
		double	   *sums = starts->sums + starts->clusters[i] * (d + 1);

		sums[d] += space->blocks.weights[i];
		linalg_add_multiple(sums, space->blocks.weights[i], space->rows + i * d, (int) d);
		starts->host->check_interrupts(starts->host->context);
	}
	for (int c = 0; c < starts->n_seeds; c++)
	{
		const double *sums = starts->sums + c * (d + 1);

		for (size_t j = 0; j < d && sums[d] > 0; j++)
			starts->centers[c * d + j] = sums[j] / sums[d];
		starts->host->check_interrupts(starts->host->context);
	}
}

/*
 * Let what a cluster of few rows has to say of its covariance count by its rows against
 * judge_least_rows() of all; of more rows, where the clusters are rough, it counts
 * alone: dense places then are narrow components, and EM comes to other ends.
 */
static void
trust_clusters(const Starts *starts, MixtureParameters *clusters)
{
	const MixtureHost *host = starts->host;
	size_t		count = mixture_factor_count(clusters->covariance_type, clusters->d);
	double	   *within = host->allocate(host->context, count * sizeof(double));
	double		least = judge_least_rows(clusters->covariance_type, clusters->d) /
		(double) starts->space.blocks.n_rows;

	mixture_within(clusters, within);
	for (int c = 0; c < clusters->k; c++)
	{
		double		weight = clusters->weights[c];
		double		trust = starts->rough && weight > least ? 1 : weight / (weight + least);

		for (size_t i = 0; i < count; i++)
			clusters->covariances[c * count + i] =
				trust * clusters->covariances[c * count + i] + (1 - trust) * within[i];
	}
	host->release(host->context, within);
}

/* Add the rows to their clusters' sums. */
static void
add_rows(const Starts *starts, const MixtureParameters *seeds, MixtureStats *stats)
{
	const Sample *sample = starts->sample;

	for (int64_t i = 0; i < starts->space.blocks.n_rows; i++)
	{
		mixture_add_row(stats, starts->clusters[i], sample->weights[i],
						sample->rows + i * sample->d, seeds, starts->sums);
		starts->host->check_interrupts(starts->host->context);
	}
}

/*
 * The same, block after block, where all clusters share a covariance: in many dimensions
 * its sums are most of the work.  Returns false where the seeds cannot be prepared.
 */
static bool
add_blocks(const Starts *starts, const MixtureParameters *seeds, MixtureStats *stats)
{
	const MixtureHost *host = starts->host;
	RowBlocks	blocks = starts->sample->blocks;
	MixtureError error;
	MixturePrepared *prepared = mixture_prepare_blocks(seeds, NULL, host, &error);
	KernelWork	work;

	if (prepared == NULL)
		return false;
	blocks.n_rows = starts->space.blocks.n_rows;
	kernels_allocate_work(&work, seeds->covariance_type, seeds->k, seeds->d, host);
	for (int64_t number = 0; number < starts->space.source.n_blocks; number++)
	{
		const int  *clusters = starts->clusters + number * MIXTURE_BLOCK_ROWS;
		MixtureBlock block;

		sample_block(&blocks, number, &block);
		memset(kernels_roots(&work, 0), 0,
			   (size_t) seeds->k * KERNEL_WORK_STRIDE * sizeof(double));
		memset(work.weights, 0, seeds->k * sizeof(double));
		for (int i = 0; i < block.n_rows; i++)
		{
			kernels_roots(&work, clusters[i])[i] = sqrt(block.weights[i]);
			work.weights[clusters[i]] += block.weights[i];
		}
		kernels_add(prepared, &block, &work, stats, host);
		host->check_interrupts(host->context);
	}
	kernels_finish(prepared, &work, stats, host);
	kernels_release_work(&work, host);
	mixture_release_prepared(prepared, host);
	return true;
}

/*
 * Make components of the clusters.  One without rows stays its seed, with the weight of a
 * row.
 */
static void
maximize_clusters(const Starts *starts, MixtureParameters *clusters)
{
	const MixtureHost *host = starts->host;
	MixtureCovarianceType type = clusters->covariance_type;
	const Sample *sample = starts->sample;
	int64_t		n = starts->space.blocks.n_rows;
	size_t		d = sample->d;
	MixtureBounds bounds = {.floor = scales_floor(starts->scales, type)};
	MixtureStats *stats = mixture_allocate_stats(type, clusters->k, sample->d, host);
	MixtureParameters seeds;
	double		total = 0;

	mixture_allocate_parameters(&seeds, type, clusters->k, sample->d, host);
	for (int c = 0; c < clusters->k; c++)
		memcpy(seeds.means + c * d, sample->rows + starts->seeds[c] * d, d * sizeof(double));
	scales_spread(starts->scales, false, 1, &seeds);
	if (type != MIXTURE_TIED || !starts->is_narrow || !add_blocks(starts, &seeds, stats))
		add_rows(starts, &seeds, stats);
	mixture_maximize(stats, &seeds, &bounds, clusters, host);
	for (int c = 0; c < clusters->k; c++)
	{
		if (!(clusters->weights[c] > 0))
			clusters->weights[c] = 1 / (double) n;
		total += clusters->weights[c];
	}
	for (int c = 0; c < clusters->k; c++)
		clusters->weights[c] /= total;
	if (type != MIXTURE_TIED)
		trust_clusters(starts, clusters);
	mixture_release_parameters(&seeds, host);
	mixture_release_stats(stats, host);
}

/* The mixture that the clusters of the start found last are among the rows. */
void
starts_leave(Starts *starts, MixtureParameters *parameters)
{
	const MixtureHost *host = starts->host;
	MixtureCovarianceType type = parameters->covariance_type;
	MixtureParameters clusters;

	mixture_allocate_parameters(&clusters, type, starts->n_seeds, parameters->d, host);
	maximize_clusters(starts, &clusters);
	if (clusters.k > starts->k)
		components_agglomerate(&clusters, 0, starts->k, host);
	mixture_copy_parameters(parameters, &clusters);
	mixture_hold_floor(parameters, scales_floor(starts->scales, type), host);
	parameters->noise_box = starts->scales->box;
	parameters->noise_weight = parameters->noise_box != NULL ? starts->noise_weight : 0;
	mixture_release_parameters(&clusters, host);
}

/* A row that is drawn by weight alone; it stays the sample's. */
const double *
starts_row(const Starts *starts, uint64_t seed)
{
	int64_t		row;

	seeding_choose(starts->sample, &starts->space, MIXTURE_INIT_RANDOM, seed, 1, &row,
				   starts->host);
	return starts->sample->rows + row * starts->sample->d;
}

/*
 * Whether all starts that are not varied have clusters to be merged, as the first has:
 * where it is said how many there are, and where all components share a covariance, for
 * moves find less there.  Elsewhere one is enough.
 */
static bool
merges_all(const Starts *starts)
{
	return starts->options->n_init > 0 || starts->options->covariance_type == MIXTURE_TIED;
}

/*
 * Whether start number `number`, not varied and not along lines, may be closer to its rows
 * than those before it: not where it has fewer clusters than the first, of the same rows in
 * the same space.
 */
static bool
competes(const Starts *starts, int number)
{
	return number == 0 || merges_all(starts) || starts->most_seeds <= starts->k ||
		SEARCH_WITHOUT == SEARCH_AGGLOMERATION || is_round(starts, number, false);
}

/* Whether start number `number`, not varied, may be one that is worth trying. */
bool
starts_compete(const Starts *starts, int number)
{
	return number == STARTS_ALONG_LINES || competes(starts, number);
}

/*
 * Whether start number `number`, not varied, has no more clusters than components: where
 * all share a covariance and it is little work to look at many starts, every other one.
 */
static bool
is_plain(const Starts *starts, int number)
{
	return starts->options->covariance_type == MIXTURE_TIED && starts->options->n_init == 0 &&
		number > 0 && number % 2 == 0 && few_directions(starts) > 0;
}

/*
 * Find clusters of the rows where these are compared: from seeds, in so many steps at most.
 * Returns the weighted sum of squared distances from their centers.
 */
static double
find_clusters(Starts *starts, MixtureInit init, uint64_t seed, int n_steps)
{
	int			d = starts->space.blocks.d;
	double		spread;

	seeding_choose(starts->sample, &starts->space, init, seed, starts->n_seeds, starts->seeds,
				   starts->host);
	for (int c = 0; c < starts->n_seeds; c++)
		memcpy(starts->centers + (size_t) c * d, starts->space.rows + starts->seeds[c] * d,
			   d * sizeof(double));
	memset(starts->clusters, -1, starts->space.blocks.n_rows * sizeof(int));
	for (int step = 0; assign_rows(starts, &spread) > 0 && step < n_steps; step++)
		move_centers(starts);
	return spread;
}

/* A line, and how close clusters along it are to their rows. */
typedef struct Closeness
{
	int			number;
	double		width;			/* of a cluster */
	double		share;			/* its variance as a share of that of all rows */
} Closeness;

static int
compare_closeness(const void *a, const void *b)
{
	double		left = ((const Closeness *) a)->share;
	double		right = ((const Closeness *) b)->share;

	return (left > right) - (left < right);
}

/*
 * Find out how close clusters along each line are to their rows, the closest first.
 * Returns how many lines there are to judge: not those of few values.
 */
static int
judge_lines(Starts *starts, const Lines *lines, uint64_t seed, Closeness *closeness)
{
	int64_t		n_rows = (int64_t) LINE_ROWS_PER_COMPONENT * starts->k;
	int64_t		most_rows = space_rows(starts, false);
	int			n = 0;

	if (n_rows < LINE_ROWS)
		n_rows = LINE_ROWS;
	n_rows = (n_rows + MIXTURE_BLOCK_ROWS - 1) / MIXTURE_BLOCK_ROWS * MIXTURE_BLOCK_ROWS;
	if (n_rows > most_rows)
		n_rows = most_rows;
	starts->n_seeds = starts->k;
	for (int number = 0; number < lines->n; number++)
	{
		double		variance;
		double		all;
		double		equal;

		leave_space(starts);
		starts->is_narrow = false;
		lines_space(lines, number, n_rows, &starts->space);
		variance = find_clusters(starts, MIXTURE_INIT_KMEANS_PLUS_PLUS, seed, LLOYD_STEPS) /
			(double) n_rows;
		all = lines_width(&starts->space, &equal);
		if (variance > 0 && equal * starts->k < FEW_VALUES)
			closeness[n++] = (Closeness) {number, sqrt(variance), variance / all};
	}
	sort_items(closeness, n, sizeof(Closeness), compare_closeness, starts->host);
	return n;
}

/*
 * Compare rows along the lines that stand out, each measured by how wide clusters along it
 * are.  Returns whether there are any.
 */
static bool
space_along_lines(Starts *starts, uint64_t seed)
{
	const MixtureHost *host = starts->host;
	size_t		d = starts->sample->d;
	Lines		lines;
	Closeness  *closeness;
	double	   *directions = host->allocate(host->context, MOST_LINES * d * sizeof(double));
	int			n;
	int			q = 0;

	lines_begin(&lines, starts->sample, starts->scales, host);
	closeness = host->allocate(host->context, lines.n * sizeof(Closeness));
	n = judge_lines(starts, &lines, seed, closeness);
	while (q < MOST_LINES && q < n && closeness[q].share * STANDS_OUT < closeness[n / 2].share)
	{
		lines_copy(&lines, closeness[q].number, closeness[q].width, directions + q * d);
		q++;
	}
	if (q > 0)
	{
		leave_space(starts);
		directions_rows(&starts->space, starts->sample, space_rows(starts, false), starts->scales,
						directions, q, host);
	}
	host->release(host->context, closeness);
	lines_end(&lines);
	host->release(host->context, directions);
	return q > 0;
}

/* Whether lines may tell groups apart that all dimensions do not: two need many for that. */
static bool
has_lines(const Starts *starts)
{
	int			d = starts->sample->d;

	return SEARCH_WITHOUT != SEARCH_LINES && d > 1 && (starts->k > 2 || d >= LINES_OF_TWO);
}

/*
 * Find start number `number`.  Returns how widely a row is spread about its center:
 * comparable between starts; 0 of one along lines, which is not; INFINITY where it is none,
 * for no line stands out and it is not varied.
 */
double
starts_find(Starts *starts, int number, bool varied)
{
	uint64_t	seed = random_combine(starts->options->seed, number);
	bool		along = number == STARTS_ALONG_LINES && has_lines(starts) &&
		space_along_lines(starts, seed);
	int			n_steps = varied && number > 0 && !along ? 0 : LLOYD_STEPS;
	MixtureInit init = number % 4 == 3 && SEARCH_WITHOUT != SEARCH_SEEDS_BY_WEIGHT ?
		MIXTURE_INIT_RANDOM : starts->options->init;
	bool		agglomerates = SEARCH_WITHOUT != SEARCH_AGGLOMERATION &&
		(along || (varied ? number % 3 == 0 || number == 1 :
				   number == 0 || (merges_all(starts) && !is_plain(starts, number))));
	bool		stretches = SEARCH_WITHOUT != SEARCH_STRETCHING && varied && number > 1 &&
		number % 8 != 5 && starts->options->covariance_type != MIXTURE_SPHERICAL;
	double		squares = 1;
	double		spread;

	if (!along && !varied && number == STARTS_ALONG_LINES &&
		(!competes(starts, number) || few_directions(starts) > 0))
		return INFINITY;
	if (!along)
		squares = make_space(starts, number, varied, stretches);
	starts->rough = n_steps == 0;
	starts->n_seeds = agglomerates ? starts->most_seeds : starts->k;
	if (starts->background != NULL)
		starts->noise_weight = background_clear(starts->background, number, starts->n_seeds);
	spread = find_clusters(starts, init, seed, n_steps);
	return along ? 0 :
		(spread / (double) starts->space.blocks.n_rows + starts->space.across) / squares;
}

/*
 * Which of n starts, not varied, is the closest to its rows, where to find that is little
 * work; else -1.  plain: of those with as many clusters as components.
 */
int
starts_choose(Starts *starts, int n, bool plain)
{
	double		least = INFINITY;
	int			chosen = -1;

	for (int number = 0; number < n && few_directions(starts) > 0; number++)
	{
		double		spread;

		if (is_plain(starts, number) != plain || number == STARTS_ALONG_LINES)
			continue;
		spread = starts_compete(starts, number) ?
			starts_find(starts, number, false) : INFINITY;
		if (spread < least || chosen < 0)
			chosen = number;
		least = fmin(least, spread);
	}
	return chosen;
}
