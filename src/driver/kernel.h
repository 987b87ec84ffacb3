/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's VFIO as a backend. What a device's fd does is the same however it was opened
 * (kernel_device.c, kernel_feature.c); a device has its group and a type1 container
 * (kernel_group.c) or a cdev and an iommufd (kernel_cdev.c) for DMA. pci: chooses one of the two
 * (kernel_pci.c).
 *
 * What the kernel answers is checked as any peer's bytes are (kernel_caps.c).
 */
#ifndef UMD_DRIVER_KERNEL_H
#define UMD_DRIVER_KERNEL_H

#include <linux/vfio.h>

#include "driver/backend.h"

/* Where a region lies in the device's fd; told by the kernel once. */
struct umd_kernel_region {
	bool known;
	uint64_t offset, bytes;
};

enum umd_kernel_sleep {
	UMD_KERNEL_AWAKE,
	UMD_KERNEL_SLEEPS_ON, /* in low power until it is told to leave, whoever wakes it meanwhile
			       */
	UMD_KERNEL_SLEEPS_ONCE, /* in low power until anything wakes it */
};

struct umd_kernel {
	struct umd_driver driver;
	int fd;	    /* of the device */
	char *name; /* "0000:01:00.0"; a path where that is not known */
	enum umd_kernel_sleep sleep;
	struct umd_kernel_region regions[UMD_DRIVER_INDEXES_MAX];

	/* Of DMA, as the kernel said when the device was opened. */
	struct umd_driver_dma_limits dma;
	struct umd_driver_dma_range ranges[UMD_DRIVER_AREAS_MAX];
};

static inline struct umd_kernel *umd_kernel(struct umd_driver *driver)
{
	return (struct umd_kernel *)driver; /* its first member */
}

/* ---- kernel_device.c ------------------------------------------------------------------------ */

/*
 * Begins with a device: its fd, which is taken over, and its name, which is copied. DMA's limits
 * are filled in already. -EPROTO where the kernel's answers cannot be; what it answers.
 */
int umd_kernel_init(struct umd_kernel *kernel, const struct umd_driver_backend *backend, int fd,
		    const char *name, const struct umd_driver_options *options);

/* Ends that; also for one that is all zero but its fd, which is -1. */
void umd_kernel_finish(struct umd_kernel *kernel);

/* ioctl() on the device's fd: what it returns, or a negative errno. Finds out that it is gone. */
int umd_kernel_ioctl(struct umd_kernel *kernel, unsigned long request, void *argument);

/* The backend's operations (backend.h). */
int umd_kernel_get_region(struct umd_driver *driver, unsigned int index,
			  struct umd_driver_region *ret, struct umd_driver_area *areas);
int umd_kernel_get_irq(struct umd_driver *driver, unsigned int index, struct umd_driver_irq *ret);
int umd_kernel_read(struct umd_driver *driver, unsigned int index, uint64_t offset, void *to,
		    size_t size);
int umd_kernel_write(struct umd_driver *driver, unsigned int index, uint64_t offset,
		     const void *from, size_t size);
int umd_kernel_reset(struct umd_driver *driver);
const char *umd_kernel_get_name(const struct umd_driver *driver);
int umd_kernel_map_region(struct umd_driver *driver, unsigned int index, uint64_t offset,
			  size_t bytes, int protection, void **ret);
int umd_kernel_set_irqs(struct umd_driver *driver, const struct umd_driver_irq_set *set);
int umd_kernel_link_fd(const struct umd_driver *driver);
int umd_kernel_ask_presence(struct umd_driver *driver);
int umd_kernel_hear_presence(struct umd_driver *driver);

/* ---- kernel_feature.c ----------------------------------------------------------------------- */

/* Whether the device logs what it writes. */
bool umd_kernel_has_dirty(struct umd_kernel *kernel);

int umd_kernel_get_dma_limits(struct umd_driver *driver, struct umd_driver_dma_limits *ret,
			      struct umd_driver_dma_range *ranges);
int umd_kernel_enter_low_power(struct umd_driver *driver, int wakeup_fd);
int umd_kernel_exit_low_power(struct umd_driver *driver);
int umd_kernel_start_dirty(struct umd_driver *driver, const struct umd_driver_dma_range *ranges,
			   unsigned int count, uint64_t page_size);
int umd_kernel_stop_dirty(struct umd_driver *driver);
int umd_kernel_report_dirty(struct umd_driver *driver, uint64_t iova, uint64_t bytes,
			    uint64_t page_size, uint64_t *bitmap);

/* What group and cdev have in common in their tables of operations. */
#define UMD_KERNEL_OPERATIONS                                                               \
	.get_region = umd_kernel_get_region, .get_irq = umd_kernel_get_irq,                 \
	.read = umd_kernel_read, .write = umd_kernel_write, .reset = umd_kernel_reset,      \
	.get_name = umd_kernel_get_name, .map_region = umd_kernel_map_region,               \
	.get_dma_limits = umd_kernel_get_dma_limits, .start_dirty = umd_kernel_start_dirty, \
	.stop_dirty = umd_kernel_stop_dirty, .report_dirty = umd_kernel_report_dirty,       \
	.set_irqs = umd_kernel_set_irqs, .enter_low_power = umd_kernel_enter_low_power,     \
	.exit_low_power = umd_kernel_exit_low_power, .link_fd = umd_kernel_link_fd,         \
	.ask_presence = umd_kernel_ask_presence, .hear_presence = umd_kernel_hear_presence

/* ---- kernel_caps.c --------------------------------------------------------------------------- */

/* What an ioctl answered that fills in a struct and puts a chain of capabilities behind it. */
struct umd_kernel_answer {
	const uint8_t *bytes;
	size_t size;	 /* that are there */
	uint32_t start;	 /* of the chain; 0: none */
	size_t at_least; /* where it can begin: behind the struct */
};

/*
 * Finds a capability. Offsets have to grow along the chain, so that it ends.
 *
 * 1 with where it lies; 0 where there is none; -EPROTO for a chain that leads out of the answer.
 */
int umd_kernel_find_cap(const struct umd_kernel_answer *answer, unsigned int id, size_t *ret_at);

/* The areas of a region of `bytes` that can be mapped. How many, -EPROTO, or -E2BIG. */
int umd_kernel_parse_areas(const struct umd_kernel_answer *answer, uint64_t bytes,
			   struct umd_driver_area *areas);

/* The IOVAs that a type1 container takes. How many, 0 where it does not say; -EPROTO or -E2BIG. */
int umd_kernel_parse_ranges(const struct umd_kernel_answer *answer,
			    struct umd_driver_dma_range *ranges);

/* How many more maps it takes: 1 with that, 0 where it does not say, -EPROTO. */
int umd_kernel_parse_avail(const struct umd_kernel_answer *answer, uint32_t *ret);

/* Whether ranges ascend, do not touch and are none of them empty. */
bool umd_kernel_ranges_ascend(const struct umd_driver_dma_range *ranges, unsigned int count);

/* ---- Opening --------------------------------------------------------------------------------- */

/* By group number and address; by the path of a cdev; by an unbound cdev's fd, taken over. */
int umd_kernel_open_group(const char *group, const char *address,
			  const struct umd_driver_options *options, struct umd_driver **ret,
			  struct umd_error *error);
int umd_kernel_open_cdev(const char *path, const char *address,
			 const struct umd_driver_options *options, struct umd_driver **ret,
			 struct umd_error *error);
int umd_kernel_open_cdev_fd(int fd, const char *name, const struct umd_driver_options *options,
			    struct umd_driver **ret, struct umd_error *error);

#endif
