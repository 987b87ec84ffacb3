/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The probe's report: what is said about given bytes, in text and in JSON, and that no bytes make
 * it say anything unprintable. Also the CLI's smaller helpers.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "cli.h"
#include "probe.h"

static struct probe *probe;
static char *output;
static size_t output_size;

static int begin(void **state)
{
	probe = calloc(1, sizeof(*probe));
	assert_non_null(probe);
	probe->uri = "vfio-user:/x";
	probe->config_size = 4096;
	probe->info.flags = UMD_DRIVER_PCI;
	probe->info.regions = 9;
	probe->info.irqs = 5;
	return 0;
}

static int end(void **state)
{
	probe_release(probe);
	free(probe);
	free(output);
	output = NULL;
	return 0;
}

/* The whole report, in one form. */
static const char *report_all(bool json)
{
	struct report report;
	FILE *file;

	free(output);
	file = open_memstream(&output, &output_size);
	assert_non_null(file);
	report_begin(&report, file, json);
	probe_report_header(probe, NULL, &report);
	probe_report_bars(probe, &report);
	probe_report_caps(probe, &report);
	probe_report_regions(probe, &report);
	probe_report_irqs(probe, &report);
	probe_report_limits(probe, &report);
	report_end(&report);
	fclose(file);
	return output;
}

static void expect(const char *text)
{
	if (!strstr(report_all(false), text))
		fail_msg("no '%s' in:\n%s", text, output);
}

static void expect_json(const char *text)
{
	if (!strstr(report_all(true), text))
		fail_msg("no '%s' in:\n%s", text, output);
}

/* A capability of these bytes, at the next multiple of 32. */
static void put_cap(unsigned int id, const char *body, size_t size)
{
	struct probe_caps *caps = &probe->caps;
	unsigned int offset = 0x40 + 32 * caps->count;

	caps->caps[caps->count++] = (struct umd_driver_cap){.id = id, .offset = offset};
	probe->config[offset] = (uint8_t)id;
	memcpy(probe->config + offset + 2, body, size);
}

static void put_ext_cap(unsigned int id, const char *body, size_t size)
{
	struct probe_caps *caps = &probe->ext_caps;
	unsigned int offset = 0x100 + 64 * caps->count;

	caps->caps[caps->count++] =
		(struct umd_driver_cap){.id = id, .version = 1, .offset = offset};
	umd_put_le32(probe->config + offset, id | 1u << 16);
	memcpy(probe->config + offset + 4, body, size);
}

#define CAP(id, body)	  put_cap(id, body, sizeof(body) - 1)
#define EXT_CAP(id, body) put_ext_cap(id, body, sizeof(body) - 1)

/* ---- The header and the BARs --------------------------------------------------------------- */

static void test_header(void **state)
{
	memcpy(probe->config, "\x36\x1b\x02\x00\x07\x04\x10\x02\x01\x02\x00\x07", 12);
	memcpy(probe->config + PCI_SUBSYSTEM_VENDOR_ID, "\xf4\x1a\x00\x11", 4);
	probe->config[PCI_INTERRUPT_PIN] = 2;
	expect("vfio-user:/x: Class [0700]: Device [1b36:0002] (rev 01) (prog-if 02)\n");
	expect("\tSubsystem: Device [1af4:1100]\n");
	expect("\tControl: I/O+ Mem+ BusMaster+ SpecCycle-");
	expect("FastB2B- DisINTx+\n");
	expect("\tStatus: Cap+ 66MHz- UDF- FastB2B- ParErr- DEVSEL=medium >TAbort-");
	expect("\tInterrupt: pin B\n");
	expect_json("\"device_id\": \"0x0002\"");
	expect_json("\"BusMaster\": true");
	expect_json("\"interrupt_pin\": \"B\"");
}

static void test_bars(void **state)
{
	probe->config[PCI_COMMAND] = PCI_COMMAND_MEMORY;
	umd_put_le32(probe->config + PCI_BASE_ADDRESS_0, 0xc001);
	umd_put_le32(probe->config + PCI_BASE_ADDRESS_1, 0xfe000000);
	umd_put_le32(probe->config + PCI_BASE_ADDRESS_2, 0x0000000c);
	umd_put_le32(probe->config + PCI_BASE_ADDRESS_3, 0x00000080);
	umd_put_le32(probe->config + PCI_BASE_ADDRESS_5, 0x4); /* half a 64-bit BAR */
	probe->regions[0].info.bytes = 8;
	probe->regions[1].info.bytes = 4096;
	probe->regions[2].info.bytes = 1 << 20;
	probe->regions[5].info.bytes = 48;
	probe->regions[6].info.bytes = 65536;
	expect("\tRegion 0: I/O ports at c000 [disabled] [size=8]\n");
	expect("\tRegion 1: Memory at fe000000 (32-bit, non-prefetchable) [size=4K]\n");
	expect("\tRegion 2: Memory at 0000008000000000 (64-bit, prefetchable) [size=1M]\n");
	expect("\tRegion 5: Memory at <unassigned> (64-bit, non-prefetchable) [size=48]\n");
	expect("\tExpansion ROM at <unassigned> [disabled] [size=64K]\n");
	assert_null(strstr(output, "Region 3:"));
	expect_json("\"address\": 549755813888,");
}

static void test_bridges_have_two_bars(void **state)
{
	probe->config[PCI_HEADER_TYPE] = 0x81;
	for (int i = 0; i < 6; i++)
		probe->regions[i].info.bytes = 16;
	expect("\tRegion 1: ");
	assert_null(strstr(output, "Region 2: "));
	expect("\t!!! Header type 01");
}

static void test_config_that_cannot_be_read(void **state)
{
	probe->config_error = -EIO;
	probe->config_size = 0;
	expect("vfio-user:/x: a PCI device whose config space cannot be read: Input/output error\n");
	expect_json("\"error\": \"Input/output error\"");
	probe->info.flags = 0;
	expect("vfio-user:/x: not a PCI device\n");
}

/* ---- Capabilities -------------------------------------------------------------------------- */

static void test_capabilities(void **state)
{
	CAP(PCI_CAP_ID_PM, "\x03\xc8\x0b\x01\x00\x00");
	CAP(PCI_CAP_ID_MSI,
	    "\x8b\x01\x00\x10\xe0\xfe\x01\x00\x00\x00\x34\x12\x00\x00\xff\x00\x00\x00");
	CAP(PCI_CAP_ID_MSIX, "\x3f\xc0\x04\x00\x00\x00\x04\x10\x00\x00");
	CAP(PCI_CAP_ID_VNDR, "\x06\xaa\xbb\xcc\xdd");
	CAP(PCI_CAP_ID_AF, "\x06\x03\x00\x01");
	CAP(PCI_CAP_ID_VPD, "\x04\x80\x00\x00\x00\x00");
	expect("\tCapabilities: [40] Power Management version 3\n"
	       "\t\tFlags: PMEClk- DSI- D1- D2- AuxCurrent=0mA PME(D0+,D1-,D2-,D3hot+,D3cold+)\n"
	       "\t\tStatus: D3 NoSoftRst+ PME-Enable+ DSel=0 DScale=0 PME-\n"
	       "\tCapabilities: [60] MSI: Enable+ Count=1/32 Maskable+ 64bit+\n"
	       "\t\tAddress: 00000001fee01000  Data: 1234\n"
	       "\t\tMasking: 000000ff  Pending: 00000000\n"
	       "\tCapabilities: [80] MSI-X: Enable+ Count=64 Masked+\n"
	       "\t\tVector table: BAR=4 offset=00000000\n"
	       "\t\tPBA: BAR=4 offset=00001000\n"
	       "\tCapabilities: [a0] Vendor Specific Information: Len=06\n"
	       "\t\ta0: 09 00 06 aa bb cc\n"
	       "\tCapabilities: [c0] PCI Advanced Features\n"
	       "\t\tAFCap: TP+ FLR+\n"
	       "\t\tAFCtrl: FLR-\n"
	       "\t\tAFStatus: TP+\n"
	       "\tCapabilities: [e0] Vital Product Data\n"
	       "\t\tAddress: 0004 F+\n");
	expect_json("\"D3cold\": true");
	expect_json("\"Address\": \"0x00000001fee01000\"");
	expect_json("\"raw\": \"090006aabbcc\"");
}

static void test_express(void **state)
{
	CAP(PCI_CAP_ID_EXP,
	    "\x02\x00\x01\x80\x00\x10\x30\x28\x00\x00\x43\xfc\x03\x05\x40\x00"
	    "\x43\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	    "\x10\x08\x00\x00");
	expect(" Express (v2) Endpoint, MSI 00\n"
	       "\t\tDevCap: MaxPayload 256 bytes, PhantFunc 0 ExtTag- AttnBtn- AttnInd- PwrInd- "
	       "RBE+ FLReset+\n");
	expect("\t\tDevCtl: CorrErr- NonFatalErr- FatalErr- UnsupReq- RlxdOrd+ ExtTag- PhantFunc- "
	       "AuxPwr- NoSnoop+ MaxPayload 256 bytes, MaxReadReq 512 bytes\n");
	expect("\t\tLnkCap: Port #5, Speed 8GT/s, Width x4, ASPM L0s L1 ");
	expect("\t\tLnkSta: Speed 8GT/s, Width x4 Train- SlotClk+ ");
	expect("\t\tDevCap2: TimeoutDis+ LTR+ ");
	expect_json("\"type\": \"Endpoint\"");
}

static void test_extended_capabilities(void **state)
{
	EXT_CAP(PCI_EXT_CAP_ID_ERR,
		"\x10\x00\x00\x00\x00\x00\x40\x00\x00\x00\x00\x00\x01\x00\x00\x00"
		"\x00\x20\x00\x00\xa4\x00\x00\x00");
	EXT_CAP(PCI_EXT_CAP_ID_DSN, "\x01\x02\x03\x04\x05\x06\x07\x08");
	EXT_CAP(PCI_EXT_CAP_ID_PASID, "\x06\x14\x01\x00");
	EXT_CAP(PCI_EXT_CAP_ID_ATS, "\x05\x00\x0c\x80");
	EXT_CAP(PCI_EXT_CAP_ID_SRIOV,
		"\x00\x00\x00\x00\x09\x00\x00\x00\x08\x00\x08\x00\x02\x00\x00\x00"
		"\x80\x00\x02\x00\x00\x00\x99\x99\x53\x05\x00\x00\x01\x00\x00\x00");
	EXT_CAP(PCI_EXT_CAP_ID_DOE, "");
	EXT_CAP(0x7777, "");
	expect("\tCapabilities: [100 v1] Advanced Error Reporting\n\t\tUESta: DLP+ SDES- ");
	expect("\t\tCEMsk: RxErr- BadTLP- BadDLLP- Rollover- Timeout- AdvNonFatalErr+\n");
	expect("\t\tAERCap: First Error Pointer: 4, ECRCGenCap+ ECRCGenEn- ECRCChkCap+ ECRCChkEn-\n");
	expect("Device Serial Number 08-07-06-05-04-03-02-01\n");
	expect("\t\tPASIDCap: Exec+ Priv+, Max PASID Width: 20\n\t\tPASIDCtl: Enable+ ");
	expect("\t\tATSCtl: Enable+, Smallest Translation Unit: 12\n");
	expect("Initial VFs: 8, Total VFs: 8, Number of VFs: 2\n"
	       "\t\tVF offset: 128, stride: 2, Device ID: 9999\n");
	expect("] Data Object Exchange\n\t\t240: 2e 00 01 00 ");
	expect("] #7777\n\t\t280: ");
	expect_json("\"serial_number\": \"08-07-06-05-04-03-02-01\"");
}

static void test_broken_chains(void **state)
{
	CAP(PCI_CAP_ID_AF, "");
	probe->caps.error = -ELOOP;
	probe->ext_caps.error = -ERANGE;
	expect("\tCapabilities: <chain looped>\n");
	expect("\tCapabilities: <chain broken>\n");
	expect_json("\"capabilities_error\": \"chain looped\"");
}

/* A capability at the end of the space has no room for what it should hold. */
static void test_capability_at_the_end(void **state)
{
	for (unsigned int id = 0; id < 0x20; id++) {
		probe->caps.caps[id] = (struct umd_driver_cap){.id = id, .offset = 0xfc};
		probe->ext_caps.caps[id] = (struct umd_driver_cap){.id = id, .offset = 0xffc};
	}
	probe->caps.count = probe->ext_caps.count = 0x20;
	memset(probe->config, 0xff, sizeof(probe->config));
	expect("\tCapabilities: [fc] MSI-X\n\t\tfc: ff ff ff ff\n");
	expect("\tCapabilities: [ffc v0] Advanced Error Reporting\n\t\tffc: ff ff ff ff\n");
	expect("\tCapabilities: [fc] Vendor Specific Information: Len=ff\n\t\tfc: ff ff ff ff\n");
}

/* ---- Regions, interrupts, limits ----------------------------------------------------------- */

static void test_regions_and_irqs(void **state)
{
	struct probe_region *region = &probe->regions[2];

	region->areas = calloc(2, sizeof(*region->areas));
	region->areas[1] = (struct umd_driver_area){.offset = 0x8000, .size = 0x4000};
	region->info =
		(struct umd_driver_region){.flags = UMD_DRIVER_REGION_READ | UMD_DRIVER_REGION_MMAP,
					   .areas = 2,
					   .bytes = 65536,
					   .mmap_offset = 0x100000};
	probe->regions[8].error = -EINVAL;
	probe->irqs[2].info = (struct umd_driver_irq){.flags = UMD_DRIVER_IRQ_EVENTFD, .count = 64};
	probe->limits.page_sizes = 4096 | 2 << 20;
	expect("\t\t 2 BAR2   size=64K read+ write- mmap+ at 0x100000: 0x0[0] 0x8000[16K]\n");
	expect("\t\t 8 VGA    Invalid argument\n");
	expect("\t\t 2 MSI-X  count=64 eventfd+ maskable-");
	expect(", pages 4K/2M,");
	assert_null(strstr(output, "BAR3"));
	expect_json("\"mmap_offset\": 1048576");
	expect_json("\"name\": \"BAR3\"");
}

/* ---- Any bytes ----------------------------------------------------------------------------- */

static void scramble(unsigned int seed)
{
	srand(seed);
	for (size_t i = 0; i < sizeof(probe->config); i++)
		probe->config[i] = (uint8_t)rand();
	if (seed % 2)
		probe->config[PCI_HEADER_TYPE] = 0;
	probe->caps.count = probe->ext_caps.count = 40;
	for (unsigned int i = 0; i < 40; i++) {
		probe->caps.caps[i] = (struct umd_driver_cap){
			.id = (unsigned int)rand() % 0x18, .offset = 0x40 + (rand() % 0xc0 & ~3u)};
		probe->ext_caps.caps[i] =
			(struct umd_driver_cap){.id = (unsigned int)rand() % 0x30,
						.offset = 0x100 + (rand() % 0xf00 & ~3u)};
	}
}

static void test_any_bytes_are_printable(void **state)
{
	for (unsigned int seed = 0; seed < 300; seed++) {
		scramble(seed);
		report_all(seed / 2 % 2);
		for (size_t i = 0; i < output_size; i++) {
			char c = output[i];

			assert_true((c >= 0x20 && c < 0x7f) || c == '\n' || c == '\t');
		}
	}
}

static void test_hostile_uri(void **state)
{
	probe->uri = "vfio-user:/\x1b[2J\n\x7f";
	assert_non_null(strstr(report_all(false), "vfio-user:/?[2J??: "));
}

/* ---- Helpers ------------------------------------------------------------------------------- */

static void test_json_escapes(void **state)
{
	struct json_out json;
	FILE *file = open_memstream(&output, &output_size);

	json = (struct json_out){.file = file};
	json_open(&json, NULL, '[');
	json_text(&json, NULL, "a\"b\\c\n\x1f");
	json_number(&json, NULL, UINT64_MAX);
	json_open(&json, NULL, '{');
	json_close(&json, '}');
	json_close(&json, ']');
	fclose(file);
	assert_string_equal(output, "[\n  \"a\\\"b\\\\c\\u000a\\u001f\",\n  18446744073709551615,\n"
				    "  {}\n]\n");
}

static const char *guess(const char *given, const char *name)
{
	struct cli_guess guess = {.given = given};

	cli_guess_try(&guess, "something");
	cli_guess_try(&guess, name);
	cli_guess_try(&guess, "other");
	return guess.best;
}

static void test_guesses(void **state)
{
	assert_string_equal(guess("sevre", "serve"), "serve");
	assert_string_equal(guess("serv", "serve"), "serve");
	assert_string_equal(guess("prob", "probe"), "probe");
	assert_string_equal(guess("por", "ports"), "ports");
	assert_string_equal(guess("serve", "serve"), "serve");
	assert_null(guess("xyzzy", "serve"));
	assert_null(guess("", "serve"));
	assert_null(guess("a-name-that-is-much-longer-than-any-verb", "serve"));
}

static void test_sizes(void **state)
{
	char text[REPORT_SIZE_MAX];

	assert_string_equal(report_size(text, 0), "0");
	assert_string_equal(report_size(text, 1000), "1000");
	assert_string_equal(report_size(text, 3 << 10), "3K");
	assert_string_equal(report_size(text, UINT64_C(1) << 63), "8E");
	assert_string_equal(report_size(text, UINT64_MAX), "18446744073709551615");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_header),
		CASE(test_bars),
		CASE(test_bridges_have_two_bars),
		CASE(test_config_that_cannot_be_read),
		CASE(test_capabilities),
		CASE(test_express),
		CASE(test_extended_capabilities),
		CASE(test_broken_chains),
		CASE(test_capability_at_the_end),
		CASE(test_regions_and_irqs),
		CASE(test_any_bytes_are_printable),
		CASE(test_hostile_uri),
		CASE(test_json_escapes),
		CASE(test_guesses),
		CASE(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
