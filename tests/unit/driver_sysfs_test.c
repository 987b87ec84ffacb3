/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel devices that cannot be opened, in a sysfs and a /dev of the test's own: each sentence that
 * says what to do. What opens is tested in a VM (tests/vm/driver_kernel_test.py).
 */
#include "unit.h"

#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <fcntl.h>

#include <umdev/driver.h>

#include "driver/sysfs.h"

#define CARD "0000:01:00.0"

/* The tree, empty but for the directories that every machine has. */
struct tree {
	char root[32], sysfs[PATH_MAX], dev[PATH_MAX];
	struct umd_driver_options options;
	struct umd_error error;
	int fds_before;
};

__attribute__((format(printf, 2, 3))) static void make_directory(const struct tree *tree,
								 const char *format, ...)
{
	char path[PATH_MAX];
	size_t n = strlen(tree->root);
	va_list args;

	memcpy(path, tree->root, n);
	va_start(args, format);
	vsnprintf(path + n, sizeof(path) - n, format, args);
	va_end(args);
	for (char *slash = strchr(path + n + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
}

static void make_link(const struct tree *tree, const char *device, const char *name,
		      const char *target)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/%s", tree->root, device, name);
	assert_int_equal(symlink(target, path), 0);
}

static void make_node(const struct tree *tree, const char *name, mode_t mode)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/dev/%s", tree->root, name);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(chmod(path, mode), 0);
}

static void add_driver(const struct tree *tree, const char *driver)
{
	make_directory(tree, "/sys/bus/pci/drivers/%s", driver);
}

/* A device in group 12 (NULL: in none), bound to a driver (NULL: to none). */
static void add_device(const struct tree *tree, const char *address, const char *driver,
		       const char *group)
{
	char target[PATH_MAX], path[PATH_MAX];

	make_directory(tree, "/sys/bus/pci/devices/%s", address);
	if (driver) {
		add_driver(tree, driver);
		snprintf(target, sizeof(target), "../../../../bus/pci/drivers/%s", driver);
		make_link(tree, address, "driver", target);
	}
	if (!group)
		return;
	make_directory(tree, "/sys/kernel/iommu_groups/%s/devices", group);
	snprintf(target, sizeof(target), "../../../../kernel/iommu_groups/%s", group);
	make_link(tree, address, "iommu_group", target);
	snprintf(target, sizeof(target), "../../../../bus/pci/devices/%s", address);
	snprintf(path, sizeof(path), "%.3000s/kernel/iommu_groups/%s/devices/%s", tree->sysfs,
		 group, address);
	assert_int_equal(symlink(target, path), 0);
}

static int set_up(void **state)
{
	struct tree *tree = calloc(1, sizeof(*tree));

	strcpy(tree->root, "/tmp/umdev-unit-XXXXXX");
	assert_non_null(mkdtemp(tree->root));
	snprintf(tree->sysfs, sizeof(tree->sysfs), "%s/sys", tree->root);
	snprintf(tree->dev, sizeof(tree->dev), "%s/dev", tree->root);
	make_directory(tree, "/sys/bus/pci/devices");
	make_directory(tree, "/dev/vfio/devices");
	tree->options = (struct umd_driver_options){
		.size = sizeof(tree->options), .sysfs = tree->sysfs, .dev = tree->dev};
	tree->fds_before = unit_count_fds();
	*state = tree;
	return 0;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *where)
{
	return remove(path);
}

static int tear_down(void **state)
{
	struct tree *tree = *state;
	int fds = unit_count_fds();

	assert_int_equal(fds, tree->fds_before);
	nftw(tree->root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(tree);
	return 0;
}

static int open_uri(struct tree *tree, const char *uri)
{
	struct umd_driver *driver = NULL;
	int err = umd_driver_open(uri, &tree->options, &driver, &tree->error);

	umd_driver_close(driver);
	return err;
}

static void expect_sentence(const struct tree *tree, const char *part)
{
	if (!strstr(tree->error.text, part))
		fail_msg("'%s' does not say '%s'", tree->error.text, part);
}

/* ---- Addresses ------------------------------------------------------------------------------- */

static void test_addresses(void **state)
{
	static const char *const good[] = {"0000:00:00.0", "0000:ff:1f.7", "10000:01:00.0",
					   "ABCDEF01:ab:Cd.3"};
	static const char *const bad[] = {"",
					  "01:00.0",
					  "000:01:00.0",
					  "0000:01:00.8",
					  "0000:01:00",
					  "0000:01:00.0 ",
					  "0000:1:00.0",
					  "0000:01:0.0",
					  "0000.01:00.0",
					  "0000:01:00:0",
					  "0000:01:00.",
					  "000000000:01:00.0",
					  "000g:01:00.0",
					  "../etc",
					  "0000:01:00.0/..",
					  "0000:01:00.00"};

	for (size_t i = 0; i < UNIT_COUNT(good); i++)
		assert_true(umd_sysfs_is_address(good[i]));
	for (size_t i = 0; i < UNIT_COUNT(bad); i++)
		assert_false(umd_sysfs_is_address(bad[i]));
}

static void test_uris_that_are_none(void **state)
{
	struct tree *tree = *state;

	assert_int_equal(open_uri(tree, "pci:01:00.0"), -EINVAL);
	expect_sentence(tree, "lspci -D");
	assert_int_equal(open_uri(tree, "pci:"), -EINVAL);
	assert_int_equal(open_uri(tree, "group:12"), -EINVAL);
	assert_int_equal(open_uri(tree, "group:12/01:00.0"), -EINVAL);
	assert_int_equal(open_uri(tree, "group:x/" CARD), -EINVAL);
	assert_int_equal(open_uri(tree, "group:/" CARD), -EINVAL);
	assert_int_equal(open_uri(tree, "group:../" CARD), -EINVAL);
	expect_sentence(tree, "group:N/DDDD:BB:DD.F");
	assert_int_equal(open_uri(tree, "cdev:"), -EINVAL);
}

/* ---- By address ------------------------------------------------------------------------------ */

static void test_a_device_that_is_not_there(void **state)
{
	struct tree *tree = *state;

	assert_int_equal(open_uri(tree, "pci:" CARD), -ENOENT);
	expect_sentence(tree, "no PCI device " CARD);
}

static void test_a_device_behind_no_iommu(void **state)
{
	struct tree *tree = *state;

	add_device(tree, CARD, "vfio-pci", NULL);
	assert_int_equal(open_uri(tree, "pci:" CARD), -EOPNOTSUPP);
	expect_sentence(tree, "no IOMMU");
	expect_sentence(tree, "intel_iommu=on");
}

static void test_a_device_that_another_driver_has(void **state)
{
	struct tree *tree = *state;

	add_device(tree, CARD, "e1000e", "12");
	assert_int_equal(open_uri(tree, "pci:" CARD), -EBUSY);
	expect_sentence(tree, CARD " is bound to e1000e");
	expect_sentence(tree, "`umdev bind " CARD "`");
}

static void test_a_device_that_no_driver_has(void **state)
{
	struct tree *tree = *state;

	add_driver(tree, "vfio-pci");
	add_device(tree, CARD, NULL, "12");
	assert_int_equal(open_uri(tree, "pci:" CARD), -ENXIO);
	expect_sentence(tree, "bound to no driver");
	assert_null(strstr(tree->error.text, "not loaded"));
	expect_sentence(tree, "`umdev bind " CARD "`");
}

static void test_vfio_pci_is_not_loaded(void **state)
{
	struct tree *tree = *state;

	add_device(tree, CARD, NULL, "12");
	assert_int_equal(open_uri(tree, "pci:" CARD), -ENXIO);
	expect_sentence(tree, "vfio-pci is not loaded");
}

static void test_a_group_without_node(void **state)
{
	struct tree *tree = *state;

	add_device(tree, CARD, "vfio-pci", "12");
	assert_int_equal(open_uri(tree, "pci:" CARD), -ENOENT);
	expect_sentence(tree, "dev/vfio/12: No such file");
}

static void test_variants_of_vfio_pci_are_as_good(void **state)
{
	struct tree *tree = *state;

	add_device(tree, CARD, "mlx5_vfio_pci", "12");
	add_device(tree, "0000:02:00.0", "nvgrace", "13");
	make_directory(tree, "/sys/bus/pci/devices/0000:02:00.0/vfio-dev/vfio0");
	make_node(tree, "vfio/12", 0600);
	make_node(tree, "vfio/13", 0600);
	assert_int_equal(open_uri(tree, "pci:" CARD), -ENOTTY); /* the node is a file */
	assert_int_equal(open_uri(tree, "pci:0000:02:00.0"), -ENOTTY);
}

static void test_a_cdev_is_taken_where_iommufd_is_there(void **state)
{
	struct tree *tree = *state;

	add_device(tree, CARD, "vfio-pci", "12");
	make_directory(tree, "/sys/bus/pci/devices/" CARD "/vfio-dev/vfio3");
	make_node(tree, "vfio/devices/vfio3", 0600);
	make_node(tree, "vfio/12", 0600);
	assert_int_equal(open_uri(tree, "pci:" CARD), -ENOTTY);
	expect_sentence(tree, "/vfio/12"); /* not without /dev/iommu */
	make_node(tree, "iommu", 0600);
	assert_int_equal(open_uri(tree, "pci:" CARD), -EINVAL);
	expect_sentence(tree, CARD " is no character device");
}

/* ---- Permission ------------------------------------------------------------------------------ */

/* What an unprivileged user would see; root may open everything. */
static void test_a_node_that_is_somebody_elses(void **state)
{
	struct tree *tree = *state;
	char node[PATH_MAX];

	make_node(tree, "vfio/12", 0640);
	assert_int_equal(umd_sysfs_node(&tree->options, "vfio/", "12", node, sizeof(node)), 0);
	if (geteuid() == 0)
		assert_int_equal(chown(node, 1234, 1234), 0);
	assert_int_equal(umd_sysfs_explain_open(&tree->options, node, CARD, -EACCES, &tree->error),
			 -EACCES);
	expect_sentence(tree, "no permission for ");
	expect_sentence(tree, "/dev/vfio/12");
	expect_sentence(tree, geteuid() == 0 ? "of user 1234," : "of user ");
	expect_sentence(tree, "mode 0640");
	expect_sentence(tree, "`umdev bind " CARD " --user NAME`");
	if (geteuid() == 0)
		assert_int_equal(chown(node, 0, 0), 0);
	umd_sysfs_explain_open(&tree->options, node, NULL, -EPERM, &tree->error);
	expect_sentence(tree, geteuid() == 0 ? "of user 0 (root)" : "of user ");
	expect_sentence(tree, "umdev bind ADDRESS");
}

static void test_a_node_that_another_program_has(void **state)
{
	struct tree *tree = *state;

	assert_int_equal(
		umd_sysfs_explain_open(&tree->options, "/dev/vfio/12", CARD, -EBUSY, &tree->error),
		-EBUSY);
	expect_sentence(tree, "/dev/vfio/12 is in use by another program");
}

static void test_a_group_says_what_is_wrong_with_its_device(void **state)
{
	struct tree *tree = *state;

	add_device(tree, CARD, "nvme", "12");
	assert_int_equal(open_uri(tree, "group:12/" CARD), -EBUSY);
	expect_sentence(tree, "bound to nvme");
	assert_int_equal(open_uri(tree, "group:12/0000:09:00.0"), -ENOENT);
	expect_sentence(tree, "no PCI device 0000:09:00.0");
}

/* ---- Groups ---------------------------------------------------------------------------------- */

static void test_a_group_that_the_host_uses(void **state)
{
	struct tree *tree = *state;

	add_device(tree, CARD, "vfio-pci", "12");
	add_device(tree, "0000:00:01.0", "pcieport", "12");
	add_device(tree, "0000:00:02.0", NULL, "12");
	add_device(tree, "0000:00:03.0", "pci-stub", "12");
	add_device(tree, "0000:00:04.0", "ahci", "12");
	add_device(tree, "0000:00:05.0", "snd_hda_intel", "12");
	assert_int_equal(umd_sysfs_explain_group(&tree->options, "12", &tree->error), -EBUSY);
	expect_sentence(tree, "IOMMU group 12 is not free: the host uses 0000:00:04.0 (ahci), "
			      "0000:00:05.0 (snd_hda_intel); `umdev bind`");
}

static void test_a_group_of_many_devices(void **state)
{
	struct tree *tree = *state;

	for (int i = 0; i < 8; i++) {
		char address[16];

		snprintf(address, sizeof(address), "0000:00:04.%d", i);
		add_device(tree, address, "a_driver_with_a_name_that_is_long", "7");
	}
	assert_int_equal(umd_sysfs_explain_group(&tree->options, "7", &tree->error), -EBUSY);
	expect_sentence(tree, "0000:00:04.0 (a_driver");
	expect_sentence(tree, "0000:00:04.1 (a_driver");
	expect_sentence(tree, " and 6 more; `umdev bind`");
}

static void test_a_group_that_nobody_seems_to_use(void **state)
{
	struct tree *tree = *state;

	assert_int_equal(umd_sysfs_explain_group(&tree->options, "12", &tree->error), -EBUSY);
	expect_sentence(tree, "IOMMU group 12 is in use");
}

static void test_who_uses_a_devices_group(void **state)
{
	struct tree *tree = *state;

	add_device(tree, CARD, "vfio-pci", "12");
	assert_int_equal(umd_sysfs_explain_users(&tree->options, CARD, &tree->error), 0);
	add_device(tree, "0000:00:04.0", "ahci", "12");
	assert_int_equal(umd_sysfs_explain_users(&tree->options, CARD, &tree->error), -EBUSY);
	expect_sentence(tree, "the host uses 0000:00:04.0 (ahci);");
	assert_int_equal(umd_sysfs_explain_users(&tree->options, "/dev/x", &tree->error), 0);
}

/* ---- Names that are too long ----------------------------------------------------------------- */

static void test_names_that_are_too_long(void **state)
{
	struct tree *tree = *state;
	char name[100], path[PATH_MAX];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	make_directory(tree, "/sys/bus/pci/devices/" CARD);
	make_link(tree, CARD, "driver", name);
	assert_int_equal(open_uri(tree, "pci:" CARD), -ENAMETOOLONG);

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	tree->options.sysfs = path;
	assert_int_equal(open_uri(tree, "pci:" CARD), -ENAMETOOLONG);
	tree->options.dev = path;
	assert_int_equal(open_uri(tree, "group:1/" CARD), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_addresses),
		TEST(test_uris_that_are_none),
		TEST(test_a_device_that_is_not_there),
		TEST(test_a_device_behind_no_iommu),
		TEST(test_a_device_that_another_driver_has),
		TEST(test_a_device_that_no_driver_has),
		TEST(test_vfio_pci_is_not_loaded),
		TEST(test_a_group_without_node),
		TEST(test_variants_of_vfio_pci_are_as_good),
		TEST(test_a_cdev_is_taken_where_iommufd_is_there),
		TEST(test_a_node_that_is_somebody_elses),
		TEST(test_a_node_that_another_program_has),
		TEST(test_a_group_says_what_is_wrong_with_its_device),
		TEST(test_a_group_that_the_host_uses),
		TEST(test_a_group_of_many_devices),
		TEST(test_a_group_that_nobody_seems_to_use),
		TEST(test_who_uses_a_devices_group),
		TEST(test_names_that_are_too_long),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
