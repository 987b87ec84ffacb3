/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What stands behind an open device: one table of operations for each scheme of a URI. The public
 * calls check what a caller gives, so a backend gets indexes that the device has, ranges that do
 * not wrap, and transfers of at most max_transfer bytes. A backend checks what its peer answers.
 */
#ifndef UMD_DRIVER_BACKEND_H
#define UMD_DRIVER_BACKEND_H

#include <umdev/driver.h>

struct umd_driver_backend {
	const char *scheme;

	/* Opens what stands behind the colon. `options` is complete. */
	int (*open)(const char *address, const struct umd_driver_options *options,
		    struct umd_driver **ret, struct umd_error *error);
	void (*close)(struct umd_driver *driver);

	/* Up to UMD_DRIVER_AREAS_MAX areas. */
	int (*get_region)(struct umd_driver *driver, unsigned int index,
			  struct umd_driver_region *ret, struct umd_driver_area *areas);
	int (*get_irq)(struct umd_driver *driver, unsigned int index, struct umd_driver_irq *ret);
	int (*read)(struct umd_driver *driver, unsigned int index, uint64_t offset, void *to,
		    size_t size);
	int (*write)(struct umd_driver *driver, unsigned int index, uint64_t offset,
		     const void *from, size_t size);
	int (*reset)(struct umd_driver *driver);
};

/* The beginning of every backend's own struct, filled in by its open(). */
struct umd_driver {
	const struct umd_driver_backend *backend;
	struct umd_driver_limits limits;
	struct umd_driver_info info;
	size_t max_transfer; /* bytes that one read() or write() takes, at least 8 */
};

extern const struct umd_driver_backend umd_vfio_user_backend;

/* Copies a struct of our size into the caller's, whose size it says. 0 or -EINVAL. */
int umd_driver_give(void *to, const void *from, size_t size);

/* The bytes of config space from its beginning, as many as there are up to `max`. */
int umd_driver_read_config(struct umd_driver *driver, uint8_t *to, size_t max, size_t *ret_size);

#endif
