/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vectors of a link behind MSI-X vectors of a device. The parent signals the client's eventfd
 * itself; what the device triggers itself goes there, too, by the device's own way. Of a link that
 * is lost, or a vector that was revoked or freed, nothing comes any more.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "base/export.h"
#include "base/fd.h"
#include "device/device.h"
#include "parent/mirror.h"

/* What stands behind an MSI-X vector. */
struct umd_link_vector {
	struct umd_link *link;
	struct umd_link_vector *next; /* of the link's */
	struct umd_device *device;
	unsigned int msix_vector;
	bool masked; /* as the parent knows it */
	int nobody;  /* an eventfd that nobody reads */
};

static int assign(void *data, uint64_t entry, int eventfd)
{
	const struct umd_link_vector *vector = data;
	int err = umd_link_set_eventfd(vector->link, (uint32_t)entry, eventfd);

	return err == -ENOTCONN ? -ENOENT : err;
}

static void mask(void *data, uint64_t entry, bool masked)
{
	struct umd_link_vector *vector = data;

	if (vector->masked != masked && !umd_link_set_mask(vector->link, (uint32_t)entry, masked))
		vector->masked = masked;
}

static bool is_pending(void *data, uint64_t entry)
{
	const struct umd_link_vector *vector = data;

	return umd_link_is_pending(vector->link, (uint32_t)entry) == 1;
}

/* What waits is delivered to nobody. */
static void reset(void *data, uint64_t entry, int eventfd)
{
	const struct umd_link_vector *vector = data;
	bool waits = is_pending(data, entry);

	if (waits)
		assign(data, entry, vector->nobody);
	mask(data, entry, false);
	if (waits)
		assign(data, entry, eventfd);
}

static void destroy(struct umd_link_vector *vector)
{
	umd_close(&vector->nobody);
	free(vector);
}

static void end(void *data, uint64_t entry)
{
	struct umd_link_vector *vector = data, **at = &vector->link->vectors;

	assign(data, entry, -1);
	while (*at != vector)
		at = &(*at)->next;
	*at = vector->next;
	destroy(vector);
}

static const struct umd_irq_backing_ops ops = {
	.assign = assign, .mask = mask, .reset = reset, .is_pending = is_pending, .end = end};

/* A vector whose mask is known. */
static int create(struct umd_link *link, uint32_t number, struct umd_link_vector **ret)
{
	struct umd_link_vector *vector;
	int err = umd_link_is_pending(link, number);

	if (err >= 0)
		err = umd_link_set_mask(link, number, true);
	if (err)
		return err;
	vector = malloc(sizeof(*vector));
	if (!vector)
		return -ENOMEM;

	*vector = (struct umd_link_vector){
		.link = link, .masked = true, .nobody = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	if (vector->nobody < 0) {
		destroy(vector);
		return -EMFILE;
	}
	*ret = vector;
	return 0;
}

UMD_EXPORT int umd_link_back_vector(struct umd_link *link, uint32_t number,
				    struct umd_device *device, unsigned int msix_vector)
{
	struct umd_link_vector *vector = NULL;
	int err = msix_vector < device->irqs.msix.vectors ? create(link, number, &vector) : -EINVAL;

	if (err)
		return err;
	vector->device = device;
	vector->msix_vector = msix_vector;
	err = umd_irqs_back(&device->irqs, msix_vector,
			    &(struct umd_irq_backing){&ops, vector, number, false});
	if (err) {
		destroy(vector);
		return err;
	}
	vector->next = link->vectors;
	link->vectors = vector;
	return 0;
}

UMD_EXPORT int umd_link_unback_vector(struct umd_link *link, struct umd_device *device,
				      unsigned int msix_vector)
{
	return umd_irqs_back(&device->irqs, msix_vector, NULL);
}

void umd_link_unback_all(struct umd_link *link)
{
	while (link->vectors)
		umd_irqs_back(&link->vectors->device->irqs, link->vectors->msix_vector, NULL);
}
