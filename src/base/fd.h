/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * File descriptors and memory that end with their scope. What a peer holds, too: foreign.h.
 */
#ifndef UMD_BASE_FD_H
#define UMD_BASE_FD_H

/* Closes an fd and forgets it. -1 is allowed; errno is kept. */
void umd_close(int *fd);

/* Frees what a pointer variable points to. */
void umd_free_pointer(void *pointer);

#define cleanup_close __attribute__((cleanup(umd_close)))
#define cleanup_free  __attribute__((cleanup(umd_free_pointer)))

/* The fd's value, for a caller that takes it over. */
static inline int umd_steal_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#endif
