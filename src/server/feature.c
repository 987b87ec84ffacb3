/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DEVICE_FEATURE: what a device can besides (linux/vfio.h, VFIO_DEVICE_FEATURE_...). A table says
 * for each feature what may be done with it and how much data that takes.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "base/range.h"
#include "server/feature.h"

/* Of newer kernels than the headers we must build with. */
#define FEATURE_LOW_POWER_ENTRY	       3u
#define FEATURE_LOW_POWER_ENTRY_WAKEUP 4u
#define FEATURE_LOW_POWER_EXIT	       5u
#define FEATURE_BUS_MASTER	       10u
#define FEATURE_BUS_MASTER_CLEAR       0u
#define FEATURE_BUS_MASTER_SET	       1u

#define ACTIONS (UMD_WIRE_FEATURE_GET | UMD_WIRE_FEATURE_SET)

/* The eventfd comes along with the message; the number is its place there, so 0. */
struct wakeup_data {
	int32_t eventfd;
	uint32_t reserved;
};

struct feature {
	uint32_t actions; /* UMD_WIRE_FEATURE_GET, _SET */
	size_t size;	  /* of its data, at least */
	int (*run)(struct umd_session *session, const struct umd_feature_data *data);
};

static int enter_low_power(struct umd_session *session, const struct umd_feature_data *data)
{
	return umd_power_enter_low(session->device, NULL);
}

static int enter_low_power_with_wakeup(struct umd_session *session,
				       const struct umd_feature_data *data)
{
	struct wakeup_data wakeup;

	memcpy(&wakeup, data->bytes, sizeof(wakeup));
	if (wakeup.eventfd || wakeup.reserved || session->message.fd_count != 1)
		return -EINVAL;
	return umd_power_enter_low(session->device, &session->message.fds[0]);
}

static int exit_low_power(struct umd_session *session, const struct umd_feature_data *data)
{
	return umd_power_exit_low(session->device);
}

/* As if the driver wrote COMMAND. */
static int set_bus_master(struct umd_session *session, const struct umd_feature_data *data)
{
	struct umd_device *device = session->device;
	uint32_t operation, command = umd_pci_config_get(&device->config, PCI_COMMAND, 2);

	memcpy(&operation, data->bytes, sizeof(operation));
	if (operation > FEATURE_BUS_MASTER_SET)
		return -EINVAL;
	if (operation == FEATURE_BUS_MASTER_CLEAR)
		command &= ~(uint32_t)PCI_COMMAND_MASTER;
	else
		command |= PCI_COMMAND_MASTER;
	umd_pci_config_set(&device->config, PCI_COMMAND, 2, command);
	umd_device_update(device);
	return 0;
}

static const struct feature features[] = {
	[FEATURE_LOW_POWER_ENTRY] = {UMD_WIRE_FEATURE_SET, 0, enter_low_power},
	[FEATURE_LOW_POWER_ENTRY_WAKEUP] = {UMD_WIRE_FEATURE_SET, sizeof(struct wakeup_data),
					    enter_low_power_with_wakeup},
	[FEATURE_LOW_POWER_EXIT] = {UMD_WIRE_FEATURE_SET, 0, exit_low_power},
	[UMD_FEATURE_LOG_START] = {UMD_WIRE_FEATURE_SET, sizeof(struct umd_wire_log_start),
				   umd_feature_log_start},
	[UMD_FEATURE_LOG_STOP] = {UMD_WIRE_FEATURE_SET, 0, umd_feature_log_stop},
	[UMD_FEATURE_LOG_REPORT] = {UMD_WIRE_FEATURE_GET, sizeof(struct umd_wire_log_report),
				    umd_feature_log_report},
	[FEATURE_BUS_MASTER] = {UMD_WIRE_FEATURE_SET, sizeof(uint32_t), set_bus_master},
};

static const struct feature *find(uint32_t index)
{
	return index < sizeof(features) / sizeof(features[0]) && features[index].actions
		       ? &features[index]
		       : NULL;
}

static int check(const struct umd_wire_feature *request)
{
	const struct feature *feature = find(request->flags & UMD_WIRE_FEATURE_INDEX);

	if (request->flags & ~(UMD_WIRE_FEATURE_INDEX | ACTIONS | UMD_WIRE_FEATURE_PROBE))
		return -EINVAL;
	if (!(request->flags & UMD_WIRE_FEATURE_PROBE) &&
	    !umd_is_power_of_2(request->flags & ACTIONS))
		return -EINVAL;
	if (!feature)
		return -ENOTTY;
	return request->flags & ACTIONS & ~feature->actions ? -EINVAL : 0;
}

int umd_command_device_feature(struct umd_session *session)
{
	const struct umd_message *message = &session->message;
	struct umd_wire_feature request;
	struct umd_feature_data data;
	const struct feature *feature;
	int err;

	if (!umd_message_get(message, 0, &request, sizeof(request)) ||
	    request.argsz < sizeof(request))
		return -EINVAL;
	err = check(&request);
	if (err)
		return err;

	feature = find(request.flags & UMD_WIRE_FEATURE_INDEX);
	umd_reply_put(&session->reply, &request, sizeof(request));
	if (request.flags & UMD_WIRE_FEATURE_PROBE)
		return 0;

	data = (struct umd_feature_data){.bytes = message->payload + sizeof(request),
					 .size = message->size - sizeof(request),
					 .room = request.argsz - sizeof(request)};
	if (data.size < feature->size || data.room < feature->size)
		return -EINVAL;
	if (umd_unplug_is_gone(session->device))
		return -ENODEV;
	return feature->run(session, &data);
}
