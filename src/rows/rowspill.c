/*
 * rowspill.c
 *	  What the row stores of one aggregate share: the memory allowed to them
 *	  and the temporary file beyond it.
 *
 * A hashed aggregate may keep thousands of groups at once, and each has a row
 * store of its own.  What they may use of memory is therefore allowed to all
 * of them together: there is one pool for each memory context in which an
 * aggregate keeps states, found by that context, and it goes with the context.
 * The pool also has the one file to which all of these stores spill, so that
 * many groups do not mean many files.
 *
 * Memory.  A hash table may use work_mem times hash_mem_multiplier.  Half of
 * that is for rows, but at least work_mem; the rest is for what a fit needs
 * beside them: its sample, its statistics, a buffer to read through.  What a
 * store needs at the least, the block that it is filling, it always gets; the
 * executor sees that memory and stops adding groups.
 *
 * File.  Stores append to it and read it at any offset.  It is a temporary
 * file like those of sorts: in temp_tablespaces, counted by temp_file_limit
 * and log_temp_files.  fd.c is used rather than buffile.c, because stores read
 * and write large pieces, which then are copied once and not twice; and
 * because such a file has a name by which worker processes can open it.
 * Offsets are 64 bits wide; there is no use in segments of 1 GB, since the
 * file is never split among tablespaces.
 *
 * The file is closed, which removes it, when the memory context is reset, or
 * when the resource owner that was current when the pool was made (the
 * portal's, as a rule) is released after an error, whichever comes first.  In
 * the second case fd.c does it, and all that is left to do here is to forget
 * the file: hence the callback on resource owners.
 */
#include "postgres.h"

#include <fcntl.h>

#include "commands/tablespace.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "compat.h"
#include "rows/rowspill.h"

/* Bytes that are read from the file at a time, unless one piece is larger. */
#define VIEW_SIZE			(128 * 1024)
#define VIEW_ALIGNMENT		64

/* Memory from which gmm_rowspill_carve() cuts pieces */
#define SLAB_SIZE			((Size) 1024 * 1024)

/* fd.c takes amounts as int before 16. */
#define MAX_TRANSFER		((Size) 1 << 28)

#define NO_FILE				(-1)

struct GmmRowSpill
{
	dlist_node	node;			/* in the list of pools */
	MemoryContext context;
	MemoryContextCallback callback;
	Size		allocated;		/* of what gmm_rowspill_allocate() gave out */
	char	   *slab;			/* where gmm_rowspill_carve() goes on */
	Size		slab_left;
	ResourceOwner owner;		/* of the file */
	File		file;			/* NO_FILE until needed, and after an error */
	int64		file_size;
	char	   *view_chunk;		/* what was allocated for the view */
	char	   *view;			/* a piece of the file, aligned */
	Size		view_capacity;
	int64		view_start;		/* where in the file it is */
	Size		view_size;
};

/* All pools of this process; there are as many as aggregates that run. */
static dlist_head pools = DLIST_STATIC_INIT(pools);

/*
 * A resource owner is about to close its files.  Runs in the phase before
 * that in which files are closed.
 */
static void
forget_files(ResourceReleasePhase phase, bool isCommit pg_attribute_unused(),
			 bool isTopLevel pg_attribute_unused(), void *arg pg_attribute_unused())
{
	dlist_iter	iter;

	if (phase != RESOURCE_RELEASE_BEFORE_LOCKS)
		return;
	dlist_foreach(iter, &pools)
	{
		GmmRowSpill *pool = dlist_container(GmmRowSpill, node, iter.cur);

		if (pool->owner == CurrentResourceOwner)
			pool->file = NO_FILE;
	}
}

/* The pool's context is being reset: close the file, if it still is there. */
static void
end_pool(void *arg)
{
	GmmRowSpill *pool = arg;

	dlist_delete(&pool->node);
	if (pool->file != NO_FILE)
		FileClose(pool->file);
}

/* The pool of this memory context, made if there is none. */
GmmRowSpill *
gmm_rowspill_get(MemoryContext context)
{
	static bool registered = false;
	GmmRowSpill *pool;
	dlist_iter	iter;

	dlist_foreach(iter, &pools)
	{
		pool = dlist_container(GmmRowSpill, node, iter.cur);
		if (pool->context == context)
			return pool;
	}

	if (!registered)
	{
		RegisterResourceReleaseCallback(forget_files, NULL);
		registered = true;
	}
	pool = MemoryContextAllocZero(context, sizeof(GmmRowSpill));
	pool->context = context;
	pool->owner = CurrentResourceOwner;
	pool->file = NO_FILE;
	pool->callback.func = end_pool;
	pool->callback.arg = pool;
	dlist_push_head(&pools, &pool->node);
	MemoryContextRegisterResetCallback(context, &pool->callback);
	return pool;
}

/*
 * A pool, in the current memory context, that reads the file of another
 * process.  It is not to outlive that process's pool.
 */
GmmRowSpill *
gmm_rowspill_open(const char *path)
{
	GmmRowSpill *pool = palloc0(sizeof(GmmRowSpill));

	pool->context = CurrentMemoryContext;
	pool->file = PathNameOpenFile(path, O_RDONLY | PG_BINARY);
	if (pool->file < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open temporary file \"%s\": %m", path)));
	return pool;
}

/* Memory in the pool's context, for rows. */
void *
gmm_rowspill_allocate(GmmRowSpill *pool, Size size)
{
	void	   *chunk = MemoryContextAllocHuge(pool->context, size);

	pool->allocated += GetMemoryChunkSpace(chunk);
	return chunk;
}

/*
 * Memory in the pool's context that is not to be given back before it is;
 * aligned, and NULL if the pool may not have it.  It is cut from large chunks:
 * one for each block, hundreds of thousands, would take longer to give back
 * than whoever cancels a fit wants to wait.
 */
void *
gmm_rowspill_carve(GmmRowSpill *pool, Size size)
{
	char	   *piece;

	size = TYPEALIGN(VIEW_ALIGNMENT, size);
	if (size > pool->slab_left)
	{
		Size		slab_size = Max(size + VIEW_ALIGNMENT, SLAB_SIZE);
		char	   *slab;

		if (!gmm_rowspill_has_room(pool, slab_size))
			return NULL;
		slab = gmm_rowspill_allocate(pool, slab_size);
		pool->slab = (char *) TYPEALIGN(VIEW_ALIGNMENT, slab);
		pool->slab_left = slab_size - (pool->slab - slab);
	}
	piece = pool->slab;
	pool->slab += size;
	pool->slab_left -= size;
	return piece;
}

void
gmm_rowspill_release(GmmRowSpill *pool, void *chunk)
{
	pool->allocated -= GetMemoryChunkSpace(chunk);
	pfree(chunk);
}

/* The same memory, and more behind it; it may move. */
void *
gmm_rowspill_enlarge(GmmRowSpill *pool, void *chunk, Size size)
{
	pool->allocated -= GetMemoryChunkSpace(chunk);
	chunk = repalloc_huge(chunk, size);
	pool->allocated += GetMemoryChunkSpace(chunk);
	return chunk;
}

/* The memory that is for rows. */
static Size
memory_limit(void)
{
	return Max(gmm_hash_memory_limit() / 2, (Size) work_mem * 1024);
}

/* May the pool have so much more memory? */
bool
gmm_rowspill_has_room(const GmmRowSpill *pool, Size size)
{
	return pool->allocated + size <= memory_limit();
}

int64
gmm_rowspill_file_size(const GmmRowSpill *pool)
{
	return pool->file_size;
}

/* The name of the file, which must be there. */
const char *
gmm_rowspill_file_path(const GmmRowSpill *pool)
{
	return FilePathName(pool->file);
}

/* Create the file, for the owner that the pool has. */
static void
create_file(GmmRowSpill *pool)
{
	ResourceOwner old_owner = CurrentResourceOwner;

	/* A file that was there once went with its owner, and the rows with it. */
	if (pool->file_size > 0)
		elog(ERROR, "temporary file of rows is gone");

	PrepareTempTablespaces();
	PG_TRY();
	{
		CurrentResourceOwner = pool->owner;
		pool->file = OpenTemporaryFile(false);
	}
	PG_FINALLY();
	{
		CurrentResourceOwner = old_owner;
	}
	PG_END_TRY();
}

/* Write at the end of the file.  On failure false, with errno set. */
static bool
write_piece(GmmRowSpill *pool, const char *data, Size size)
{
	if (pool->file == NO_FILE)
		create_file(pool);

	for (Size done = 0; done < size;)
	{
		Size		amount = Min(size - done, MAX_TRANSFER);
		ssize_t		written;

		errno = 0;
		written = FileWrite(pool->file, (char *) data + done, amount,
							pool->file_size + done, WAIT_EVENT_BUFFILE_WRITE);
		if (written <= 0)
		{
			if (errno == 0)
				errno = ENOSPC;
			return false;
		}
		done += written;
	}
	pool->file_size += size;
	return true;
}

/* Append to the file; returns where the data went. */
int64
gmm_rowspill_append(GmmRowSpill *pool, const void *data, Size size)
{
	int64		offset = pool->file_size;

	if (!write_piece(pool, data, size))
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not write to temporary file \"%s\": %m",
						FilePathName(pool->file))));
	return offset;
}

/*
 * Append to the file what need not be there: -1 if it cannot be had.
 *
 * temp_file_limit makes itself felt by an error.  It is the first thing that
 * FileWrite() looks at, before it has changed anything or holds anything, so
 * to catch that one error leaves nothing behind.  (A subtransaction, which is
 * what an error is caught with otherwise, cannot be had in parallel mode.)
 */
int64
gmm_rowspill_try_append(GmmRowSpill *pool, const void *data, Size size)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool written = false;

	PG_TRY();
	{
		written = write_piece(pool, data, size);
	}
	PG_CATCH();
	{
		if (geterrcode() != ERRCODE_CONFIGURATION_LIMIT_EXCEEDED)
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		FlushErrorState();
	}
	PG_END_TRY();

	if (written)
		return pool->file_size - (int64) size;
	/* a part of it may be there */
	if (pool->file != NO_FILE)
		(void) FileTruncate(pool->file, pool->file_size, WAIT_EVENT_DATA_FILE_TRUNCATE);
	return -1;
}

/* Make the file as small as it was. */
void
gmm_rowspill_truncate(GmmRowSpill *pool, int64 size)
{
	if (pool->file == NO_FILE || size >= pool->file_size)
		return;
	if (FileTruncate(pool->file, size, WAIT_EVENT_DATA_FILE_TRUNCATE) < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not truncate temporary file \"%s\": %m",
						FilePathName(pool->file))));
	pool->file_size = size;
	pool->view_size = 0;
}

/* Read a piece of the file. */
void
gmm_rowspill_read(GmmRowSpill *pool, int64 offset, void *data, Size size)
{
	if (pool->file == NO_FILE)
		elog(ERROR, "temporary file of rows is gone");

	for (Size done = 0; done < size;)
	{
		Size		amount = Min(size - done, MAX_TRANSFER);
		ssize_t		n_read = FileRead(pool->file, (char *) data + done, amount,
									  offset + done, WAIT_EVENT_BUFFILE_READ);

		if (n_read < 0)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not read from temporary file \"%s\": %m",
							FilePathName(pool->file))));
		if (n_read == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("could not read from temporary file \"%s\": read only %zu of %zu bytes",
							FilePathName(pool->file), done, size)));
		done += n_read;
	}
}

/*
 * A piece of the file, if it is in memory from the last call of
 * gmm_rowspill_view(); else NULL.
 */
const char *
gmm_rowspill_viewed(const GmmRowSpill *pool, int64 offset, Size size)
{
	if (offset >= pool->view_start &&
		offset + (int64) size <= pool->view_start + (int64) pool->view_size)
		return pool->view + (offset - pool->view_start);
	return NULL;
}

/*
 * A piece of the file in memory, until the next call.  What follows it up to
 * `end` is read with it, as far as that is a good size to read.  The pointer
 * is aligned as the distance from the piece's offset is, up to VIEW_ALIGNMENT.
 */
const char *
gmm_rowspill_view(GmmRowSpill *pool, int64 offset, Size size, int64 end)
{
	Size		wanted = Max(size, (Size) Min(end - offset, VIEW_SIZE));

	if (wanted > pool->view_capacity)
	{
		if (pool->view_chunk != NULL)
			pfree(pool->view_chunk);
		pool->view_capacity = 0;
		pool->view_chunk = NULL;
		pool->view_chunk = MemoryContextAllocHuge(pool->context,
												  wanted + VIEW_ALIGNMENT - 1);
		pool->view = (char *) TYPEALIGN(VIEW_ALIGNMENT, pool->view_chunk);
		pool->view_capacity = wanted;
	}
	pool->view_size = 0;
	gmm_rowspill_read(pool, offset, pool->view, wanted);
	pool->view_start = offset;
	pool->view_size = wanted;
	return pool->view;
}
