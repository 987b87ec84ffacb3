/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Power states (PM, sections 3.2.4 and 5), low power at the client's word, and what each kind of
 * reset does.
 */
#include <errno.h>
#include <string.h>

#include "parts.h"

#define LOW (-1)

static size_t pm_at(const struct model *m)
{
	return m->shape->at[MODEL_PM];
}

static void tell(struct model *m, int state)
{
	m->sink.power(m->sink.data, state);
}

/* ---- The capability ------------------------------------------------------------------------ */

static bool can_move(const struct model *m, enum model_power state)
{
	if ((state == MODEL_D1 && !m->shape->d1) || (state == MODEL_D2 && !m->shape->d2))
		return false;
	return state == MODEL_D0 || state > m->power;
}

void model_move(struct model *m)
{
	uint8_t *control = &m->bytes[pm_at(m) + PM_CONTROL];
	enum model_power state = *control & 3;

	if (state == m->power)
		return;
	if (!can_move(m, state)) {
		*control = (uint8_t)((*control & ~3u) | m->power);
		m->events[MODEL_SAW_STATE_REFUSED]++;
		return;
	}
	if (m->power == MODEL_D3HOT && !m->shape->no_soft_reset) {
		m->events[MODEL_SAW_POWER_RESET]++;
		model_reset(m, MODEL_RESET_POWER);
		return;
	}
	if (m->power == MODEL_D3HOT)
		m->events[MODEL_SAW_SOFT_RETURN]++;
	m->power = state;
	tell(m, (int)state);
}

/* ---- Low power ----------------------------------------------------------------------------- */

static void leave(struct model *m)
{
	m->low = false;
	m->wakeup = MODEL_NONE;
}

/* With an eventfd to wake the client up by, waking up is leaving. */
static void wake(struct model *m)
{
	if (!m->asleep)
		return;
	m->asleep = false;
	tell(m, (int)m->power);
	if (m->wakeup < 0)
		return;
	m->signals[m->wakeup]++;
	m->events[MODEL_SAW_WAKEUP]++;
	leave(m);
}

int model_enter_low(struct model *m, int wakeup)
{
	if (m->low || wakeup == MODEL_NO_EVENT)
		return -EINVAL;
	m->low = m->asleep = true;
	m->wakeup = wakeup;
	tell(m, LOW);
	return 0;
}

int model_exit_low(struct model *m)
{
	if (!m->low)
		return 0;
	leave(m);
	wake(m);
	return 0;
}

void model_access_begins(struct model *m)
{
	if (m->low)
		wake(m);
}

void model_access_ends(struct model *m)
{
	if (!m->low || m->asleep)
		return;
	m->asleep = true;
	tell(m, LOW);
}

void model_wake(struct model *m)
{
	if (m->shape->pme >> m->power & 1)
		m->bytes[pm_at(m) + PM_CONTROL + 1] |= 0x80;
	if (m->wakeup >= 0)
		wake(m);
}

/* ---- Resets -------------------------------------------------------------------------------- */

static void reset_power(struct model *m)
{
	bool told = m->asleep || m->power != MODEL_D0;

	m->power = MODEL_D0;
	m->asleep = false;
	leave(m);
	if (told)
		tell(m, MODEL_D0);
}

void model_reset(struct model *m, enum model_reset kind)
{
	model_space_reset(m, kind);
	model_resize_all(m);
	model_irqs_reset(m);
	if (kind == MODEL_RESET_DISCONNECT) {
		for (enum model_irq i = 0; i < MODEL_IRQS; i++)
			model_drop(m, i);
		if (m->shape->vpd_size) /* nothing of one client is left for the next */
			memcpy(m->vpd, m->shape->vpd, m->shape->vpd_size);
	}
	reset_power(m);
	m->sink.reset(m->sink.data, kind);
}
