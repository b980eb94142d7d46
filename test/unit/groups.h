/*
 * groups.h
 *	  Tables of groups that stand apart, for the test of what a default fit finds.
 */
#ifndef GMM_GROUPS_H
#define GMM_GROUPS_H

#include "unit.h"

/* Columns, groups, and rows far from all others, that tables have at most */
#define MOST_D 9
#define MOST_FAR 3
#define MOST_K (13 + MOST_FAR)

/* How groups lie to each other */
typedef enum GroupLayout
{
	SCATTERED,					/* each at some distance from an earlier one */
	LATTICE,					/* at points of a lattice */
	PARALLEL,					/* long, and beside each other */
	NESTED,						/* pairs, pairs of pairs, and so on */
	N_LAYOUTS
} GroupLayout;

/* Rows of groups. */
typedef struct Table
{
	MixtureCovarianceType type;
	GroupLayout layout;
	bool		many_scales;	/* distances over six orders of magnitude */
	int			n_codes;		/* the last columns, constant in a group */
	int			n_sentinels;	/* features of a group that are all 9999 or the like */
	int			n_far;			/* rows far from all others, the last: */
	bool		far_are_groups;	/* each is one */
	bool		rounded;
	int			d;				/* columns but for codes */
	int			k;
	Rows	   *rows;
	int		   *labels;				/* a row's group */
	double		factors[MOST_K][MOST_D][MOST_D]; /* of covariances */
	double		widest[MOST_K];	/* deviation in any direction */
	double		narrowest;		/* of all */
	double		means[MOST_K][MOST_D];
	int			sizes[MOST_K];
} Table;

/* groups.c */
extern Table *groups_draw(Random *random, int least_rows, int most_rows, int most_far,
						  MixtureFit *fit);
extern void groups_free(Table *table);
extern double groups_alike(const Table *table, const MixtureParameters *parameters,
						   const Rows *rows);
extern void groups_name(const Table *table, char *name, size_t size);

#endif							/* GMM_GROUPS_H */
