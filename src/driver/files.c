/* SPDX-License-Identifier: BSD-2-Clause */
#include "driver/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/foreign.h"

static struct umd_driver_file **bucket_of(struct umd_driver_files *files, ino_t ino)
{
	return &files->buckets[ino % UMD_DRIVER_FILE_BUCKETS];
}

static struct umd_driver_file *find(struct umd_driver_files *files, const struct stat *stat,
				    int mode)
{
	struct umd_driver_file *file = *bucket_of(files, stat->st_ino);

	while (file &&
	       (file->ino != stat->st_ino || file->dev != stat->st_dev || file->mode != mode))
		file = file->next;
	return file;
}

static int add(struct umd_driver_files *files, const struct stat *stat, int mode, int fd,
	       struct umd_driver_file **ret)
{
	struct umd_driver_file **bucket = bucket_of(files, stat->st_ino);
	struct umd_driver_file *file = malloc(sizeof(*file));
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (copy < 0 || !file) {
		int err = copy < 0 ? -errno : -ENOMEM;

		umd_foreign_close(&copy);
		free(file);
		return err;
	}
	*file = (struct umd_driver_file){.next = *bucket,
					 .dev = stat->st_dev,
					 .ino = stat->st_ino,
					 .mode = mode,
					 .fd = copy,
					 .users = 1};
	*bucket = file;
	*ret = file;
	return 0;
}

int umd_driver_files_get(struct umd_driver_files *files, int fd, struct umd_driver_file **ret)
{
	int flags = fcntl(fd, F_GETFL);
	struct umd_driver_file *file;
	struct stat stat;

	if (flags < 0 || fstat(fd, &stat) < 0)
		return -errno;

	file = find(files, &stat, flags & O_ACCMODE);
	if (!file)
		return add(files, &stat, flags & O_ACCMODE, fd, ret);
	file->users++;
	*ret = file;
	return 0;
}

void umd_driver_files_put(struct umd_driver_files *files, struct umd_driver_file *file)
{
	struct umd_driver_file **at;

	if (!file || --file->users)
		return;

	at = bucket_of(files, file->ino);
	while (*at != file)
		at = &(*at)->next;
	*at = file->next;
	umd_foreign_close(&file->fd);
	free(file);
}
