/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files that maps lie in, kept for umd_driver_reconnect(): the caller may close an fd once it
 * has mapped memory with it. Each file is kept once for each access mode, however many maps lie in
 * it and by whatever fd it came.
 */
#ifndef UMD_DRIVER_FILES_H
#define UMD_DRIVER_FILES_H

#include <sys/types.h>

struct umd_driver_file {
	struct umd_driver_file *next; /* in its bucket */
	dev_t dev;
	ino_t ino;
	int mode; /* O_RDONLY, O_RDWR */
	int fd;	  /* ours */
	unsigned int users;
};

#define UMD_DRIVER_FILE_BUCKETS 1024u

struct umd_driver_files {
	struct umd_driver_file *buckets[UMD_DRIVER_FILE_BUCKETS];
};

/* The file behind an fd, which stays the caller's. 0; -ENOMEM; -EMFILE; -EBADF. */
int umd_driver_files_get(struct umd_driver_files *files, int fd, struct umd_driver_file **ret);

/* NULL is allowed. */
void umd_driver_files_put(struct umd_driver_files *files, struct umd_driver_file *file);

#endif
