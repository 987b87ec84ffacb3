/* SPDX-License-Identifier: BSD-2-Clause */
/* Errors as a function reports them: PCIe, section 6.2, figure 6-2. */
#include <errno.h>

#include "parts.h"

#define UNSUPPORTED_REQUEST (UINT32_C(1) << 20)

/* Without AER, errors have the severity that AER's register begins with (section 7.8.4.4). */
#define FATAL UINT32_C(0x00462030)

/* Bits of both the device status and the device control register. */
#define CORRECTABLE (1u << 0)
#define NON_FATAL   (1u << 1)
#define IS_FATAL    (1u << 2)
#define UNSUPPORTED (1u << 3)

static size_t aer(const struct model *m, size_t offset)
{
	return m->shape->at[MODEL_AER] + offset;
}

static uint32_t detected(const struct model *m, bool correctable, uint32_t status)
{
	uint32_t fatal = FATAL;

	if (correctable)
		return CORRECTABLE;
	if (m->shape->at[MODEL_AER])
		fatal = model_get(m, aer(m, AER_UNCORRECTABLE_SEVERITY), 4);
	return (status & fatal ? IS_FATAL : NON_FATAL) |
	       (status & UNSUPPORTED_REQUEST ? UNSUPPORTED : 0);
}

/* The pointer is taken while the status bit that it points at is set (section 6.2.4.2). */
static void log_first(struct model *m, uint32_t status, const uint32_t *header)
{
	unsigned int first = m->bytes[aer(m, AER_CONTROL)] & 0x1f, bit = 0;

	if (model_get(m, aer(m, AER_UNCORRECTABLE_STATUS), 4) >> first & 1)
		return;
	while (status >> bit != 1)
		bit++;
	m->bytes[aer(m, AER_CONTROL)] = (uint8_t)((m->bytes[aer(m, AER_CONTROL)] & ~0x1fu) | bit);
	for (size_t i = 0; i < 4; i++)
		model_put(m, aer(m, AER_HEADER_LOG) + 4 * i, 4, header ? header[i] : 0);
	m->events[MODEL_SAW_ERROR_LOGGED]++;
}

/* True where the error is masked: it has its status bit, and nothing else comes of it. */
static bool enter(struct model *m, bool correctable, uint32_t status, const uint32_t *header)
{
	size_t at = aer(m, correctable ? AER_CORRECTABLE_STATUS : AER_UNCORRECTABLE_STATUS);
	size_t mask_at = aer(m, correctable ? AER_CORRECTABLE_MASK : AER_UNCORRECTABLE_MASK);
	bool masked = model_get(m, mask_at, 4) & status;

	if (!correctable && !masked)
		log_first(m, status, header);
	model_put(m, at, 4, model_get(m, at, 4) | status);
	return masked;
}

/*
 * SERR# Enable has non-fatal and fatal errors reported too (section 7.5.1.1.3), and seen in the
 * status. By device control, an unsupported request needs a bit of its own besides.
 */
static bool is_wanted(struct model *m, bool correctable, uint32_t error)
{
	uint32_t control = model_get(m, m->shape->at[MODEL_EXPRESS] + EXPRESS_CONTROL, 2);

	if (!correctable && (model_get(m, HEADER_COMMAND, 2) & COMMAND_SERR)) {
		m->bytes[HEADER_STATUS + 1] |= STATUS_SERR >> 8;
		return true;
	}
	return (control & error) == error;
}

int model_report_error(struct model *m, bool correctable, uint32_t status, const uint32_t *header)
{
	uint32_t error;
	bool masked = false;

	if (!status || (status & (status - 1)))
		return -EINVAL;
	if (!m->shape->at[MODEL_EXPRESS])
		return -ENOENT;
	error = detected(m, correctable, status);
	m->bytes[m->shape->at[MODEL_EXPRESS] + EXPRESS_STATUS] |= (uint8_t)error;
	if (m->shape->at[MODEL_AER])
		masked = enter(m, correctable, status, header);
	if (masked || !is_wanted(m, correctable, error))
		return 0;
	m->events[MODEL_SAW_ERROR_SENT]++;
	model_signal(m, MODEL_ERR, 0);
	return 0;
}
