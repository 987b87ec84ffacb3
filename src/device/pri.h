/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Page Request Interface (PCI Express Base 5.0, sections 10.4 and 10.5.2): what the driver
 * allows, what the client answers, and what the status register says of it.
 */
#ifndef UMD_DEVICE_PRI_H
#define UMD_DEVICE_PRI_H

#include <stdbool.h>
#include <stdint.h>

#include "dma/pages.h"

struct umd_device;

struct umd_pri_state {
	bool enabled;	   /* by the driver */
	bool failed;	   /* by a Response Failure, until it is enabled again */
	uint32_t capacity; /* Outstanding Page Request Capacity */
	struct umd_pages pages;
};

/* Response codes (section 10.4.2.1). */
#define UMD_PRI_SUCCESS 0u
#define UMD_PRI_INVALID 1u

/* A response, as far as it could be read. */
struct umd_pri_response {
	uint16_t id; /* of the message that it answers */
	bool legible;
	uint32_t pasid; /* the request's; 0 where it has none */
	uint32_t group, code;
};

/*
 * The client has answered: a request ends, or Unexpected Page Request Group Index is set. What is
 * not legible is a Response Failure.
 */
void umd_pri_respond(struct umd_device *device, const struct umd_pri_response *response);

/* Ends all requests, of devices that have any; nothing of it can be started again. */
void umd_pri_end_all(struct umd_device *device, int error);

/* Config space has its initial values again, and all requests have ended. */
void umd_pri_reset(struct umd_device *device);

/* Ends the requests with a PASID, and those with any. */
void umd_pri_end_pasid(struct umd_device *device, uint32_t pasid, int error);
void umd_pri_end_pasids(struct umd_device *device, int error);

#endif
