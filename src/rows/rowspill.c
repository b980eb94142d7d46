/*
 * rowspill.c
 *	  What the row stores of one aggregate share: the memory allowed to them
 *	  and the temporary file beyond it.
 *
 * A hashed aggregate may keep thousands of groups at once, and each has a row
 * store of its own.  What they may use of memory is therefore allowed to all
 * of them together: there is one GmmRowSpill for each memory context in which an
 * aggregate keeps states, found by that context, and it goes with the context.
 * It also has the one file to which all of these stores spill, so that many
 * groups do not mean many files.
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
 * when the resource owner that was current when the GmmRowSpill was made (the
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
	dlist_node	node;			/* in the list of spills */
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

/* All of this process: one for each aggregate that runs. */
static dlist_head spills = DLIST_STATIC_INIT(spills);

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
	dlist_foreach(iter, &spills)
	{
		GmmRowSpill *spill = dlist_container(GmmRowSpill, node, iter.cur);

		if (spill->owner == CurrentResourceOwner)
			spill->file = NO_FILE;
	}
}

/* The context is being reset: close the file, if it still is there. */
static void
end_spill(void *arg)
{
	GmmRowSpill *spill = arg;

	dlist_delete(&spill->node);
	if (spill->file != NO_FILE)
		FileClose(spill->file);
}

/* What the stores of this memory context share, made if there is none. */
GmmRowSpill *
gmm_rowspill_get(MemoryContext context)
{
	static bool registered = false;
	GmmRowSpill *spill;
	dlist_iter	iter;

	dlist_foreach(iter, &spills)
	{
		spill = dlist_container(GmmRowSpill, node, iter.cur);
		if (spill->context == context)
			return spill;
	}

	if (!registered)
	{
		RegisterResourceReleaseCallback(forget_files, NULL);
		registered = true;
	}
	spill = MemoryContextAllocZero(context, sizeof(GmmRowSpill));
	spill->context = context;
	spill->owner = CurrentResourceOwner;
	spill->file = NO_FILE;
	spill->callback.func = end_spill;
	spill->callback.arg = spill;
	dlist_push_head(&spills, &spill->node);
	MemoryContextRegisterResetCallback(context, &spill->callback);
	return spill;
}

/*
 * One, in the current memory context, that reads the file of another process's.
 * It is not to outlive that.
 */
GmmRowSpill *
gmm_rowspill_open(const char *path)
{
	GmmRowSpill *spill = palloc0(sizeof(GmmRowSpill));

	spill->context = CurrentMemoryContext;
	spill->file = PathNameOpenFile(path, O_RDONLY | PG_BINARY);
	if (spill->file < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open temporary file \"%s\": %m", path)));
	return spill;
}

/* Memory in its context, for rows. */
void *
gmm_rowspill_allocate(GmmRowSpill *spill, Size size)
{
	void	   *chunk = MemoryContextAllocHuge(spill->context, size);

	spill->allocated += GetMemoryChunkSpace(chunk);
	return chunk;
}

/*
 * Memory that is given back with its context, and not before; aligned, and NULL if
 * it is more than is allowed.  It is cut from large chunks: one for each block,
 * hundreds of thousands, would take longer to give back than whoever cancels a fit
 * wants to wait.
 */
void *
gmm_rowspill_carve(GmmRowSpill *spill, Size size)
{
	char	   *piece;

	size = TYPEALIGN(VIEW_ALIGNMENT, size);
	if (size > spill->slab_left)
	{
		Size		slab_size = Max(size + VIEW_ALIGNMENT, SLAB_SIZE);
		char	   *slab;

		if (!gmm_rowspill_has_room(spill, slab_size))
			return NULL;
		slab = gmm_rowspill_allocate(spill, slab_size);
		spill->slab = (char *) TYPEALIGN(VIEW_ALIGNMENT, slab);
		spill->slab_left = slab_size - (spill->slab - slab);
	}
	piece = spill->slab;
	spill->slab += size;
	spill->slab_left -= size;
	return piece;
}

/* Give memory for rows back. */
void
gmm_rowspill_release(GmmRowSpill *spill, void *chunk)
{
	spill->allocated -= GetMemoryChunkSpace(chunk);
	pfree(chunk);
}

/* The same memory, and more behind it; it may move. */
void *
gmm_rowspill_enlarge(GmmRowSpill *spill, void *chunk, Size size)
{
	spill->allocated -= GetMemoryChunkSpace(chunk);
	chunk = repalloc_huge(chunk, size);
	spill->allocated += GetMemoryChunkSpace(chunk);
	return chunk;
}

/* The memory that is for rows. */
static Size
memory_limit(void)
{
	return Max(gmm_hash_memory_limit() / 2, (Size) work_mem * 1024);
}

/* Is so much more memory allowed? */
bool
gmm_rowspill_has_room(const GmmRowSpill *spill, Size size)
{
	return spill->allocated + size <= memory_limit();
}

/* The bytes that the file has; 0 if there is none. */
int64
gmm_rowspill_file_size(const GmmRowSpill *spill)
{
	return spill->file_size;
}

/* The name of the file, which must be there. */
const char *
gmm_rowspill_file_path(const GmmRowSpill *spill)
{
	return FilePathName(spill->file);
}

/* Create the file, for the resource owner that was current at the beginning. */
static void
create_file(GmmRowSpill *spill)
{
	ResourceOwner old_owner = CurrentResourceOwner;

	/* A file that was there once went with its owner, and the rows with it. */
	if (spill->file_size > 0)
		elog(ERROR, "temporary file of rows is gone");

	PrepareTempTablespaces();
	PG_TRY();
	{
		CurrentResourceOwner = spill->owner;
		spill->file = OpenTemporaryFile(false);
	}
	PG_FINALLY();
	{
		CurrentResourceOwner = old_owner;
	}
	PG_END_TRY();
}

/* Write at the end of the file.  On failure false, with errno set. */
static bool
write_piece(GmmRowSpill *spill, const char *data, Size size)
{
	if (spill->file == NO_FILE)
		create_file(spill);

	for (Size done = 0; done < size;)
	{
		Size		amount = Min(size - done, MAX_TRANSFER);
		ssize_t		written;

		errno = 0;
		written = FileWrite(spill->file, (char *) data + done, amount,
							spill->file_size + done, WAIT_EVENT_BUFFILE_WRITE);
		if (written <= 0)
		{
			if (errno == 0)
				errno = ENOSPC;
			return false;
		}
		done += written;
	}
	spill->file_size += size;
	return true;
}

/* Append to the file; returns where the data went. */
int64
gmm_rowspill_append(GmmRowSpill *spill, const void *data, Size size)
{
	int64		offset = spill->file_size;

	if (!write_piece(spill, data, size))
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not write to temporary file \"%s\": %m",
						FilePathName(spill->file))));
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
gmm_rowspill_try_append(GmmRowSpill *spill, const void *data, Size size)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool written = false;

	PG_TRY();
	{
		written = write_piece(spill, data, size);
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
		return spill->file_size - (int64) size;
	/* a part of it may be there */
	if (spill->file != NO_FILE)
		(void) FileTruncate(spill->file, spill->file_size, WAIT_EVENT_DATA_FILE_TRUNCATE);
	return -1;
}

/* Make the file as small as it was. */
void
gmm_rowspill_truncate(GmmRowSpill *spill, int64 size)
{
	if (spill->file == NO_FILE || size >= spill->file_size)
		return;
	if (FileTruncate(spill->file, size, WAIT_EVENT_DATA_FILE_TRUNCATE) < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not truncate temporary file \"%s\": %m",
						FilePathName(spill->file))));
	spill->file_size = size;
	spill->view_size = 0;
}

/* Read a piece of the file. */
void
gmm_rowspill_read(GmmRowSpill *spill, int64 offset, void *data, Size size)
{
	if (spill->file == NO_FILE)
		elog(ERROR, "temporary file of rows is gone");

	for (Size done = 0; done < size;)
	{
		Size		amount = Min(size - done, MAX_TRANSFER);
		ssize_t		n_read = FileRead(spill->file, (char *) data + done, amount,
									  offset + done, WAIT_EVENT_BUFFILE_READ);

		if (n_read < 0)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not read from temporary file \"%s\": %m",
							FilePathName(spill->file))));
		if (n_read == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("could not read from temporary file \"%s\": read only %zu of %zu bytes",
							FilePathName(spill->file), done, size)));
		done += n_read;
	}
}

/*
 * A piece of the file, if it is in memory from the last call of
 * gmm_rowspill_view(); else NULL.
 */
const char *
gmm_rowspill_viewed(const GmmRowSpill *spill, int64 offset, Size size)
{
	if (offset >= spill->view_start &&
		offset + (int64) size <= spill->view_start + (int64) spill->view_size)
		return spill->view + (offset - spill->view_start);
	return NULL;
}

/*
 * A piece of the file in memory, until the next call.  What follows it up to
 * `end` is read with it, as far as that is a good size to read.  The pointer
 * is aligned as the distance from the piece's offset is, up to VIEW_ALIGNMENT.
 */
const char *
gmm_rowspill_view(GmmRowSpill *spill, int64 offset, Size size, int64 end)
{
	Size		wanted = Max(size, (Size) Min(end - offset, VIEW_SIZE));

	if (wanted > spill->view_capacity)
	{
		if (spill->view_chunk != NULL)
			pfree(spill->view_chunk);
		spill->view_capacity = 0;
		spill->view_chunk = NULL;
		spill->view_chunk = MemoryContextAllocHuge(spill->context,
												   wanted + VIEW_ALIGNMENT - 1);
		spill->view = (char *) TYPEALIGN(VIEW_ALIGNMENT, spill->view_chunk);
		spill->view_capacity = wanted;
	}
	spill->view_size = 0;
	gmm_rowspill_read(spill, offset, spill->view, wanted);
	spill->view_start = offset;
	spill->view_size = wanted;
	return spill->view;
}
