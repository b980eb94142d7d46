/*
 * fuzz_server.h
 *	  Running a decoder without a server.
 */
#ifndef GMM_FUZZ_SERVER_H
#define GMM_FUZZ_SERVER_H

/*
 * Decode some bytes; returns whether that came to an end without an error.
 * All that was palloc'd is gone afterwards.
 */
extern bool fuzz_decode(void (*decode) (const char *bytes, size_t size),
						const char *bytes, size_t size);

#endif							/* GMM_FUZZ_SERVER_H */
