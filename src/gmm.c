/*
 * gmm.c
 *	  The module itself: its magic, and what is done when it is loaded.
 */
#include "postgres.h"

#include "fmgr.h"

#include "compat.h"
#include "host/settings.h"

PG_MODULE_MAGIC_EXT(.name = "gmm",.version = "1.0.0");

extern PGDLLEXPORT void _PG_init(void);

/* Called when the library is loaded. */
void
_PG_init(void)
{
	gmm_settings_load();
}
