/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The devices that this process offers to drivers in it, by name. Each belongs to a thread, and the
 * list to all.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <umdev/fake.h>

#include "base/export.h"
#include "device/pasid.h"
#include "driver/events.h"
#include "driver/fake.h"

#define NAME_MAX_LENGTH 63u

struct offer {
	struct umd_device *device;
	char name[NAME_MAX_LENGTH + 1];
	struct umd_fake *fake; /* who drives it; NULL: nobody */
	struct offer *next;
};

static struct offer *offers;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct offer *find(const char *name)
{
	struct offer *offer = offers;

	while (offer && strcmp(offer->name, name) != 0)
		offer = offer->next;
	return offer;
}

static int add(struct offer *offer)
{
	int err = 0;

	pthread_mutex_lock(&lock);
	if (find(offer->name)) {
		err = -EEXIST;
	} else {
		offer->next = offers;
		offers = offer;
	}
	pthread_mutex_unlock(&lock);
	return err;
}

/* Takes a device's offer off the list; NULL where there is none. */
static struct offer *take_off(const struct umd_device *device)
{
	struct offer **at = &offers, *offer;

	pthread_mutex_lock(&lock);
	while (*at && (*at)->device != device)
		at = &(*at)->next;
	offer = *at;
	if (offer)
		*at = offer->next;
	pthread_mutex_unlock(&lock);
	return offer;
}

UMD_EXPORT int umd_fake_offer(struct umd_device *device, const char *name)
{
	size_t length = strlen(name);
	struct offer *offer;
	int err;

	if (!device->realized || !length || length > NAME_MAX_LENGTH)
		return -EINVAL;
	if (device->served)
		return -EBUSY;

	offer = calloc(1, sizeof(*offer));
	if (!offer)
		return -ENOMEM;
	offer->device = device;
	memcpy(offer->name, name, length);
	err = add(offer);
	if (err) {
		free(offer);
		return err;
	}
	device->served = true;
	umd_dma_client_limit(&device->dma, 0, 0);
	return 0;
}

static int take(struct offer *offer, struct umd_fake *fake)
{
	struct umd_device *device;

	if (!offer)
		return -ENOENT;
	device = offer->device;
	if (umd_unplug_is_gone(device))
		return -ENODEV;
	if (offer->fake)
		return -EBUSY;

	offer->fake = fake;
	fake->device = device;
	device->has_client = true;
	if (device->pasids)
		umd_pasid_open(device, UMD_PASID_SPACES_MAX, false);
	return 0;
}

int umd_fake_take(const char *name, struct umd_fake *fake)
{
	int err;

	pthread_mutex_lock(&lock);
	err = take(find(name), fake);
	pthread_mutex_unlock(&lock);
	return err;
}

/* As the server does when its client has left. */
static void disconnect(struct umd_fake *fake)
{
	struct umd_device *device = fake->device;

	fake->device = NULL;
	umd_request_cancel(&fake->request, -ENODEV);
	device->has_client = false;
	umd_device_do_reset(device, UMD_RESET_DISCONNECT);
	umd_unplug_released(device);
}

static void forget_driver(const struct umd_fake *fake)
{
	pthread_mutex_lock(&lock);
	for (struct offer *offer = offers; offer; offer = offer->next) {
		if (offer->fake == fake)
			offer->fake = NULL;
	}
	pthread_mutex_unlock(&lock);
}

void umd_fake_give_back(struct umd_fake *fake)
{
	if (!fake->device)
		return;
	disconnect(fake);
	forget_driver(fake);
}

/* Whoever waits for one of its eventfds shall look, as when a device is removed by surprise. */
UMD_EXPORT void umd_fake_withdraw(struct umd_device *device)
{
	struct offer *offer = take_off(device);

	if (!offer)
		return;
	if (offer->fake) {
		umd_irqs_signal_all(&device->irqs);
		umd_power_signal_wakeup(device);
		umd_driver_events_gone(&offer->fake->driver);
		disconnect(offer->fake);
	}
	device->served = false;
	free(offer);
}
