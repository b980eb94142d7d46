/*
 * settings.h
 *	  The settings of the extension, which whoever runs a query may change.
 */
#ifndef GMM_SETTINGS_H
#define GMM_SETTINGS_H

extern int	gmm_parallel_workers;	/* gmm.parallel_workers: of a fit; -1: as
									 * max_parallel_workers_per_gather */
extern bool gmm_log_progress;	/* gmm.log_progress */
extern bool gmm_warnings;		/* gmm.warnings: of fits that went wrong */

extern void gmm_settings_load(void);
extern void gmm_settings_look(void);

#endif							/* GMM_SETTINGS_H */
