/*
 * kernels_clone.h
 *	  The kernels, once per instruction set: kernels.c includes this with
 *	  CLONE_NAME, the suffix of every name, and VL, the doubles of a vector.
 *
 * Nothing is reassociated by the compiler: the order of the additions is what
 * is written in these files, and the same in every run.
 */
#define Vec CLONE(Vec)
#define VecUnaligned CLONE(VecUnaligned)
#define Bits CLONE(Bits)

#include "engine/kernels/kernels_vector.h"
#include "engine/kernels/kernels_distances.h"
#include "engine/kernels/kernels_e_step.h"
#include "engine/kernels/kernels_m_step.h"
#include "engine/kernels/kernels_shared.h"
#include "engine/kernels/kernels_incomplete.h"
#include "engine/kernels/kernels_factor.h"
#include "engine/kernels/kernels_missing.h"
#include "engine/kernels/kernels_spread.h"
#include "engine/kernels/kernels_residuals.h"
#include "engine/kernels/kernels_rows.h"
#include "engine/kernels/kernels_incomplete_row.h"
#include "engine/kernels/kernels_ray.h"
#include "engine/kernels/kernels_seeding.h"

static const Kernels CLONE(kernels) = {
	.name = STRINGIFY(CLONE_NAME),
	.lanes = VL,
	.missing_width = MISSING_WIDTH,
	.e_step = CLONE(e_step),
	.densities = CLONE(component_densities),
	.log_densities = CLONE(log_densities),
	.responsibilities = CLONE(responsibilities),
	.add_component = CLONE(add_component),
	.add_components = CLONE(add_components),
	.finish_component = CLONE(finish_component),
	.squares = CLONE(squares),
	.nearest = CLONE(nearest),
	.nearer = CLONE(nearer),
	.race = CLONE(race),
	.hash_cells = CLONE(hash_cells),
	.gather_rows = CLONE(gather_rows),
	.turn_rows = CLONE(turn_rows),
	.missing_bits = CLONE(missing_bits),
	.missing_fill = CLONE(missing_fill),
	.missing_shift = CLONE(missing_shift),
	.missing_shares = CLONE(missing_shares),
	.missing_sum_shares = CLONE(missing_sum_shares),
	.missing_residuals = CLONE(missing_residuals),
	.missing_spread = CLONE(missing_spread),
	.missing_densities = CLONE(missing_densities),
	.missing_moments = CLONE(missing_moments),
	.row_log_densities = CLONE(row_log_densities),
	.row_softmax = CLONE(row_softmax),
	.row_distances = CLONE(row_distances),
	.row_incomplete = CLONE(row_incomplete),
	.ray_log_densities = CLONE(ray_log_densities),
};

#undef Vec
#undef VecUnaligned
#undef Bits
#undef TRIANGLE_ROWS
#undef KNOWN_D
#undef TILE_COMPONENTS
#undef TILE_LINES
#undef SCATTER_TILE
#undef MOMENTS_TILE
#undef SHARED_TILE
#undef MISSING_TILE
#undef MISSING_WIDTH
