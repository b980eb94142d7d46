/*
 * kernels_ray.h
 *	  A mixture's density along a ray, where a lane is a point of it; a part of
 *	  kernels_clone.h, compiled once per instruction set.
 */

static void
CLONE(ray_log_densities) (const Ray *ray, const double *positions, int n,
						  double *log_densities)
{
	for (int i = 0; i < n; i += VL)
	{
		Vec			x = CLONE(load) (positions + i);
		Vec			most = -INFINITY - (Vec) {0};
		Vec			sum = {0};

		for (int c = 0; c < ray->k; c++)
		{
			Vec			distance = x - ray->closest[c];
			Vec			value = ray->peaks[c] - ray->curvatures[c] * (distance * distance);

			most = CLONE(larger) (value, most);
		}
		for (int c = 0; c < ray->k; c++)
		{
			Vec			distance = x - ray->closest[c];
			Vec			value = ray->peaks[c] - ray->curvatures[c] * (distance * distance);

			sum += CLONE(exp_negative) (value - most, EXP_UNDERFLOW);
		}
		CLONE(store) (log_densities + i, most + CLONE(log_above_one) (sum));
	}
}
