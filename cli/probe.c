/* SPDX-License-Identifier: BSD-2-Clause */
/* `umdev probe`: opens a device by its URI, asks it everything, reports. */
#include "probe.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

struct arguments {
	const char *uri;
	bool json, help;
	unsigned int timeout_ms; /* 0: the library's */
};

static void help(FILE *to)
{
	fputs("Usage: umdev probe URI [--json] [--timeout MS]\n"
	      "\n"
	      "Shows what a device is: header, BARs, capabilities, and what it offers its driver.\n"
	      "It only reads (Vital Product Data by writing the address to read from); but a\n"
	      "device serves one driver at a time, so one that is in use refuses. The kernel\n"
	      "resets its devices when they are opened.\n"
	      "\n"
	      "URIs:\n"
	      "  vfio-user:PATH        A device served on the Unix socket at PATH\n"
	      "  PATH                  The same, for a path with a '/'\n"
	      "  pci:DDDD:BB:DD.F      A device of this machine, bound to vfio-pci: `umdev bind`\n"
	      "  group:N/DDDD:BB:DD.F  The same by its VFIO group\n"
	      "  cdev:PATH             The same by its node, /dev/vfio/devices/vfioN\n"
	      "  fd:N                  An open fd: a connected socket, or a node of VFIO\n"
	      "\n"
	      "Options:\n"
	      "  -j, --json        Print the same as JSON\n"
	      "  -t, --timeout MS  How long to wait for each answer (default: 5000)\n"
	      "  -h, --help        This text\n"
	      "\n"
	      "Examples:\n"
	      "  umdev probe vfio-user:/tmp/serial.sock\n"
	      "  umdev probe ./serial.sock --json | jq .device.device_id\n"
	      "  umdev probe pci:0000:01:00.0\n"
	      "\n"
	      "Exit status: 0 shown, 1 the device could not be opened or was lost, 2 not understood.\n",
	      to);
}

/* Names and values in `lspci -vv`'s order, which people know. */
static void report(const struct probe *probe, bool json)
{
	struct names *names = names_open();
	struct report out;

	report_begin(&out, stdout, json);
	probe_report_header(probe, names, &out);
	probe_report_bars(probe, &out);
	probe_report_caps(probe, &out);
	probe_report_regions(probe, &out);
	probe_report_irqs(probe, &out);
	probe_report_dma(probe, &out);
	probe_report_limits(probe, &out);
	report_end(&out);
	names_close(names);
}

/* A path is taken for the device served there. Returns `uri`, or `buffer` with a scheme. */
static const char *complete_uri(const char *uri, char *buffer, size_t size)
{
	const char *slash = strchr(uri, '/'), *colon = strchr(uri, ':');

	if (!slash || (colon && colon < slash))
		return uri;
	snprintf(buffer, size, "vfio-user:%s", uri);
	return buffer;
}

static int show(const struct arguments *arguments, struct probe *probe)
{
	struct umd_driver_options options = {.size = sizeof(options),
					     .timeout_ms = arguments->timeout_ms};
	struct umd_driver *driver;
	struct umd_error error;

	if (umd_driver_open(probe->uri, &options, &driver, &error))
		return cli_fail("%s", error.text);

	probe_gather(probe, driver);
	umd_driver_close(driver);
	report(probe, arguments->json);
	if (!probe->lost)
		return CLI_OK;
	return cli_fail("%s: not all was answered: %s", probe->uri, strerror(-probe->lost));
}

static int parse_timeout(const char *text, unsigned int *ret)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || end == text || *end || value <= 0 || value > INT_MAX)
		return cli_misuse(" probe", "--timeout wants milliseconds, not '%s'", text);
	*ret = (unsigned int)value;
	return CLI_OK;
}

static int parse(int argc, char **argv, struct arguments *ret)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"timeout", required_argument, NULL, 't'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option, status = CLI_OK;

	while (status == CLI_OK &&
	       (option = getopt_long(argc, argv, "jt:h", options, NULL)) != -1) {
		if (option == 'j')
			ret->json = true;
		else if (option == 't')
			status = parse_timeout(optarg, &ret->timeout_ms);
		else if (option == 'h')
			ret->help = true;
		else
			status = cli_misuse(" probe", "the arguments are not understood");
	}
	if (status || ret->help)
		return status;
	if (optind + 1 != argc)
		return cli_misuse(" probe", "one URI is needed");
	ret->uri = argv[optind];
	return CLI_OK;
}

static int run(int argc, char **argv)
{
	struct arguments arguments = {0};
	int status = parse(argc, argv, &arguments);
	struct probe *probe;
	char uri[512];

	if (status)
		return status;
	if (!arguments.uri) {
		help(stdout);
		return CLI_OK;
	}

	probe = calloc(1, sizeof(*probe));
	if (!probe)
		return cli_fail("out of memory");
	probe->uri = complete_uri(arguments.uri, uri, sizeof(uri));
	status = show(&arguments, probe);
	probe_release(probe);
	free(probe);
	return status;
}

const struct cli_verb cli_probe_verb = {
	.name = "probe",
	.summary = "Show what a device is",
	.help = help,
	.run = run,
};
