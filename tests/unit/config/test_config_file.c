/* SPDX-License-Identifier: BSD-3-Clause */
/* Needs root, to give a file away and see that it stays so. */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "config_directory.h"

#define OTHER_USER  12345
#define OTHER_GROUP 12346
#define SAVES       50
#define DEADLINE_S  5

struct fixture {
	struct config_directory directory;
	struct config_file_version version; /* as the file was loaded or written last */
	json_t *one, *two;                  /* documents; the file holds the first */
	int code;                           /* what the last write ended with */
	int replaced;                       /* the file that it replaced, or -1 */
	struct error error;
};

static json_t *make_document(const char *value)
{
	return json_pack("{s:s, s:[i, i]}", "value", value, "list", 1, 2);
}

static int open_fixture(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	fixture->one = make_document("one");
	fixture->two = make_document("two");
	config_directory_open(&fixture->directory, fixture->one);
	fixture->version = fixture->directory.version;
	fixture->replaced = -1;
	*state = fixture;
	return 0;
}

static void close_replaced(struct fixture *fixture)
{
	if (fixture->replaced >= 0)
		close(fixture->replaced);
	fixture->replaced = -1;
}

static int close_fixture(void **state)
{
	struct fixture *fixture = *state;

	close_replaced(fixture);
	config_directory_close(&fixture->directory);
	json_decref(fixture->one);
	json_decref(fixture->two);
	free(fixture);
	return 0;
}

static void save_at(struct fixture *fixture, const char *path, const json_t *document)
{
	char *text = json_dumps(document, JSON_INDENT(2));

	assert_non_null(text);
	fixture->error.message[0] = '\0';
	close_replaced(fixture);
	fixture->code = config_file_save(
		path, text, strlen(text), &fixture->version, &fixture->replaced, &fixture->error);
	assert_true(fixture->code == 0 || fixture->replaced < 0);
	free(text);
}

static void save(struct fixture *fixture, const json_t *document)
{
	save_at(fixture, fixture->directory.path, document);
}

static void overwrite(struct fixture *fixture, const json_t *document)
{
	char *text = json_dumps(document, JSON_INDENT(2));

	assert_non_null(text);
	fixture->error.message[0] = '\0';
	close_replaced(fixture);
	fixture->code = config_file_overwrite(fixture->directory.path, text, strlen(text),
		&fixture->version, &fixture->replaced, &fixture->error);
	free(text);
}

static void load_at(struct fixture *fixture, const char *path)
{
	struct error error = { "" };
	json_t *document = config_file_load(path, &fixture->version, &error);

	if (document == NULL)
		fail_msg("%s", error.message);
	json_decref(document);
}

static void load(struct fixture *fixture)
{
	load_at(fixture, fixture->directory.path);
}

static enum config_file_state look(struct fixture *fixture)
{
	return config_file_look(fixture->directory.path, &fixture->version);
}

static void assert_holds(const struct fixture *fixture, const json_t *document)
{
	json_t *seen = config_directory_document(&fixture->directory);

	assert_true(json_equal(seen, document));
	json_decref(seen);
	assert_int_equal(config_directory_count_files(&fixture->directory), 1);
}

static void assert_saved(struct fixture *fixture, const json_t *document)
{
	save(fixture, document);
	if (fixture->code != 0)
		fail_msg("%s", fixture->error.message);
	assert_string_equal(fixture->error.message, "");
	assert_holds(fixture, document);
}

/* Refused with `before`, the path, and `after`. */
static void assert_refused(struct fixture *fixture, int code, const char *before, const char *after)
{
	char expected[512];

	save(fixture, fixture->two);
	assert_int_equal(fixture->code, code);
	snprintf(expected, sizeof(expected), "%s%s%s", before, fixture->directory.path, after);
	assert_string_equal(fixture->error.message, expected);
}

static void assert_found_changed(struct fixture *fixture)
{
	assert_refused(fixture, -ESTALE, "", " has changed on disk since it was read");
}

static void what_was_loaded_is_written_over(void **state)
{
	struct fixture *fixture = *state;
	char *text;

	assert_saved(fixture, fixture->two);
	text = config_directory_text(&fixture->directory);
	assert_string_equal(text, "{\n  \"value\": \"two\",\n  \"list\": [\n    1,\n    2\n  ]\n}");
	free(text);
}

static void writes_follow_one_another(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned int i = 0; i < 10; i++) {
		assert_saved(fixture, fixture->two);
		assert_saved(fixture, fixture->one);
	}
}

static void what_was_replaced_can_be_put_back(void **state)
{
	struct fixture *fixture = *state;

	assert_saved(fixture, fixture->two);
	assert_int_equal(config_file_put_back(fixture->directory.path, fixture->replaced,
				 &fixture->version, &fixture->error),
		0);
	assert_holds(fixture, fixture->one);
	assert_saved(fixture, fixture->two); /* as the version that was put back */
}

static void nothing_is_put_back_over_what_another_has_written(void **state)
{
	struct fixture *fixture = *state;
	json_t *third = make_document("three");

	assert_saved(fixture, fixture->two);
	assert_int_equal(json_dump_file(third, fixture->directory.path, 0), 0);
	assert_int_equal(config_file_put_back(fixture->directory.path, fixture->replaced,
				 &fixture->version, &fixture->error),
		-ESTALE);
	assert_holds(fixture, third);
	json_decref(third);
}

static void mode_and_owner_are_kept(void **state)
{
	struct fixture *fixture = *state;
	struct stat status;

	assert_int_equal(chown(fixture->directory.path, 0, OTHER_GROUP), 0);
	assert_int_equal(chmod(fixture->directory.path, 0604), 0);
	assert_saved(fixture, fixture->two);
	assert_int_equal(stat(fixture->directory.path, &status), 0);
	assert_int_equal(status.st_uid, 0);
	assert_int_equal(status.st_gid, OTHER_GROUP);
	assert_int_equal(status.st_mode & 07777, 0604);
}

static void in_directory(const struct fixture *fixture, const char *name, char path[static 96])
{
	snprintf(path, 96, "%s/%s", fixture->directory.root, name);
}

/* owner rw, user 12345 r, group -, mask r, others - (acl(5), version 2) */
static const uint8_t acl[] = { 2, 0, 0, 0, 1, 0, 6, 0, 0xff, 0xff, 0xff, 0xff, 2, 0, 4, 0, 0x39,
	0x30, 0, 0, 4, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x10, 0, 4, 0, 0xff, 0xff, 0xff, 0xff, 0x20,
	0, 0, 0, 0xff, 0xff, 0xff, 0xff };

static bool label(const char *path)
{
	return setxattr(path, "user.note", "kept", 4, 0) == 0 &&
	       setxattr(path, "system.posix_acl_access", acl, sizeof(acl), 0) == 0;
}

/*
 * Where the file system of /tmp knows no labels, one that does: a tmpfs of a kernel since 6.6, over
 * the directory and for this process alone. There the file is made anew.
 */
static void bring_labels(struct fixture *fixture)
{
	json_t *document = config_directory_document(&fixture->directory);
	struct error error = { "" };

	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mount("tmpfs", fixture->directory.root, "tmpfs", 0, NULL), 0);
	assert_int_equal(json_dump_file(document, fixture->directory.path, 0), 0);
	json_decref(document);
	document = config_file_load(fixture->directory.path, &fixture->version, &error);
	assert_non_null(document);
	json_decref(document);
	if (!label(fixture->directory.path))
		fail_msg("neither /tmp nor a tmpfs keeps ACLs and extended attributes: %m");
}

static void extended_attributes_are_kept(void **state)
{
	struct fixture *fixture = *state;
	const char *path = fixture->directory.path;
	uint8_t seen[sizeof(acl)];
	char note[8] = "";
	bool brought = !label(path);

	if (brought)
		bring_labels(fixture);
	assert_saved(fixture, fixture->two);
	assert_int_equal(getxattr(path, "user.note", note, sizeof(note)), 4);
	assert_int_equal(
		getxattr(path, "system.posix_acl_access", seen, sizeof(seen)), sizeof(acl));
	assert_memory_equal(seen, acl, sizeof(acl));
	if (brought)
		assert_int_equal(umount2(fixture->directory.root, MNT_DETACH), 0);
}

static void a_link_stays_and_what_it_names_is_replaced(void **state)
{
	struct fixture *fixture = *state;
	struct stat status;
	char link[96];

	in_directory(fixture, "link", link);
	assert_int_equal(symlink("sluice.json", link), 0);
	load_at(fixture, link);
	save_at(fixture, link, fixture->two);
	assert_int_equal(fixture->code, 0);
	assert_int_equal(lstat(link, &status), 0);
	assert_true(S_ISLNK(status.st_mode));
	assert_int_equal(unlink(link), 0);
	assert_holds(fixture, fixture->two);
}

/* As release directories and mounted volumes of Kubernetes do it. */
static void a_link_that_is_turned_to_another_file_is_found_and_nothing_written(void **state)
{
	struct fixture *fixture = *state;
	char link[96], other[96], expected[512];

	in_directory(fixture, "link", link);
	in_directory(fixture, "other.json", other);
	assert_int_equal(symlink("sluice.json", link), 0);
	load_at(fixture, link);
	assert_int_equal(rename(fixture->directory.path, other), 0);
	config_directory_write(&fixture->directory, fixture->one);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(symlink("other.json", link), 0);
	assert_int_equal(config_file_look(link, &fixture->version), CONFIG_FILE_ELSEWHERE);
	save_at(fixture, link, fixture->two);
	assert_int_equal(fixture->code, -ESTALE);
	snprintf(expected, sizeof(expected), "%s leads to %s now and was read from %s", link, other,
		fixture->directory.path);
	assert_string_equal(fixture->error.message, expected);
	load_at(fixture, link); /* follows it */
	save_at(fixture, link, fixture->two);
	assert_int_equal(fixture->code, 0);
	assert_int_equal(rename(other, link), 0);
	assert_int_equal(unlink(link), 0);
	assert_holds(fixture, fixture->one);
}

static void a_file_that_was_edited_meanwhile_is_left_alone(void **state)
{
	struct fixture *fixture = *state;
	json_t *edited = make_document("edited");

	assert_int_equal(look(fixture), CONFIG_FILE_SAME);
	config_directory_write(&fixture->directory, edited);
	assert_int_equal(look(fixture), CONFIG_FILE_EDITED);
	assert_found_changed(fixture);
	assert_holds(fixture, edited);
	load(fixture);
	assert_int_equal(look(fixture), CONFIG_FILE_SAME);
	assert_saved(fixture, fixture->two);
	assert_int_equal(look(fixture), CONFIG_FILE_SAME);
	json_decref(edited);
}

/* What configuration management does when it has nothing to change. */
static void the_same_bytes_in_another_file_are_no_change(void **state)
{
	struct fixture *fixture = *state;
	char other[96];

	in_directory(fixture, "other", other);
	assert_int_equal(rename(fixture->directory.path, other), 0);
	config_directory_write(&fixture->directory, fixture->one);
	assert_int_equal(unlink(other), 0);
	assert_int_equal(look(fixture), CONFIG_FILE_SAME);
	assert_saved(fixture, fixture->two);
}

static void a_file_that_is_open_for_writing_is_left_alone(void **state)
{
	struct fixture *fixture = *state;
	FILE *editor = fopen(fixture->directory.path, "r+");

	assert_non_null(editor);
	assert_refused(fixture, -ESTALE, "", " is open for writing somewhere");
	fclose(editor);
	assert_holds(fixture, fixture->one);
	assert_saved(fixture, fixture->two);
}

static void a_file_that_was_removed_meanwhile_is_not_made_anew(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(unlink(fixture->directory.path), 0);
	assert_refused(fixture, -ENOENT, "cannot write ", ": No such file or directory");
	assert_int_equal(config_directory_count_files(&fixture->directory), 0);
}

static void a_directory_that_cannot_be_written_leaves_the_file_as_it_was(void **state)
{
	struct fixture *fixture = *state;

	config_directory_forbid_writing(&fixture->directory);
	save(fixture, fixture->two);
	config_directory_allow_writing(&fixture->directory);
	assert_int_equal(fixture->code, -EACCES);
	assert_non_null(strstr(fixture->error.message, "cannot write /tmp/sluice-unit-"));
	assert_non_null(strstr(fixture->error.message, "/sluice.json: Permission denied"));
	assert_holds(fixture, fixture->one);
	assert_saved(fixture, fixture->two);
}

static void an_owner_that_cannot_be_kept_leaves_the_file_as_it_was(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(chmod(fixture->directory.root, 0777), 0);
	assert_int_equal(seteuid(OTHER_USER), 0);
	save(fixture, fixture->two);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(fixture->code, -EPERM);
	assert_holds(fixture, fixture->one);
}

static void whatever_is_there_can_be_written_over(void **state)
{
	struct fixture *fixture = *state;

	config_directory_write_text(&fixture->directory, "{ broken");
	overwrite(fixture, fixture->two);
	assert_int_equal(fixture->code, 0);
	assert_holds(fixture, fixture->two);
	assert_saved(fixture, fixture->one); /* its version is known */
}

static void a_file_that_is_gone_is_made_again_for_its_owner_only(void **state)
{
	struct fixture *fixture = *state;
	struct stat status;

	assert_int_equal(unlink(fixture->directory.path), 0);
	assert_int_equal(look(fixture), CONFIG_FILE_UNREADABLE);
	overwrite(fixture, fixture->two);
	assert_int_equal(fixture->code, 0);
	assert_holds(fixture, fixture->two);
	assert_int_equal(stat(fixture->directory.path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_saved(fixture, fixture->one);
}

static void a_link_that_leads_to_nothing_is_not_written_over(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(unlink(fixture->directory.path), 0);
	assert_int_equal(symlink("nothing", fixture->directory.path), 0);
	overwrite(fixture, fixture->two);
	assert_int_equal(fixture->code, -ENOENT);
}

/*
 * The disk takes the file and fails to say that the directory is safe: a seccomp filter answers
 * fsync() of the first descriptor that is free, which is the directory's, with EIO. In a process of
 * its own, which keeps the filter.
 */
static int save_without_syncing_the_directory(struct fixture *fixture)
{
	int directory = open("/dev/null", O_RDONLY);
	struct sock_filter steps[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fsync, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, directory, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EIO),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { COUNT_OF(steps), steps };

	close(directory);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		return 0;
	save(fixture, fixture->two);
	return -fixture->code;
}

static void a_write_that_is_not_safe_on_disk_is_taken_back(void **state)
{
	struct fixture *fixture = *state;
	pid_t child = fork();
	int status = 0;

	if (child == 0)
		_exit(save_without_syncing_the_directory(fixture));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EIO);
	assert_holds(fixture, fixture->one);
	assert_saved(fixture, fixture->two);
}

/* Answers two renameat2(): the first is made, the second fails. */
static void *let_one_rename_through(void *argument)
{
	int listener = *(int *)argument;

	for (int i = 0; i < 2; i++) {
		struct seccomp_notif asked = { 0 };
		struct seccomp_notif_resp answer = { 0 };

		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0)
			return NULL;
		answer.id = asked.id;
		if (i == 0)
			answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		else
			answer.error = -EIO;
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
	return NULL;
}

/* As the sentence has it: the file that was there before is beside ours. */
static bool put_kept_back(const struct fixture *fixture)
{
	static const char hint[] = "could not be put back: it is beside it as ";
	const char *name = strstr(fixture->error.message, hint);
	char kept[96];

	if (name == NULL)
		return false;
	in_directory(fixture, name + strlen(hint), kept);
	return rename(kept, fixture->directory.path) == 0;
}

/* As above, and the exchange cannot be undone either. 0, or where it went wrong. */
static int save_without_a_way_back(struct fixture *fixture)
{
	int directory = open("/dev/null", O_RDONLY), listener = -1;
	struct sock_filter steps[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fsync, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, directory, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EIO),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { COUNT_OF(steps), steps };
	pthread_t thread;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return 1;
	listener = (int)syscall(
		SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
	if (listener < 0 || pthread_create(&thread, NULL, let_one_rename_through, &listener) != 0)
		return 2;
	close(directory);
	save(fixture, fixture->two);
	pthread_join(thread, NULL);
	if (fixture->code != -EIO)
		return 3;
	return put_kept_back(fixture) ? 0 : 4;
}

static void what_cannot_be_put_back_is_kept_beside(void **state)
{
	struct fixture *fixture = *state;
	pid_t child = fork();
	int status = 0;

	if (child == 0)
		_exit(save_without_a_way_back(fixture));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_holds(fixture, fixture->one);
}

/* In a process that dies at its first system call of that number, while it writes the second. */
static void save_and_die_at(struct fixture *fixture, uint32_t number)
{
	struct sock_filter rules[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { COUNT_OF(rules), rules };
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		prctl(PR_SET_DUMPABLE, 0);
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
			prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
			_exit(1);
		save(fixture, fixture->two);
		_exit(2);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(config_directory_count_files(&fixture->directory), 2);
}

/* Before its text is on disk, before the files change places, and before the old one goes. */
static void what_a_killed_process_left_is_removed(void **state)
{
	static const uint32_t calls[] = { SYS_fsync, SYS_renameat2, SYS_unlink };
	struct fixture *fixture = *state;

	for (size_t i = 0; i < COUNT_OF(calls); i++) {
		config_directory_write(&fixture->directory, fixture->one);
		load(fixture);
		save_and_die_at(fixture, calls[i]);
		config_file_tidy(fixture->directory.path);
		assert_holds(fixture, calls[i] == SYS_unlink ? fixture->two : fixture->one);
	}
	load(fixture);
	assert_saved(fixture, fixture->one);
}

/* The name of the file beside the configuration. */
static void find_left(const struct fixture *fixture, char path[static PATH_MAX])
{
	DIR *directory = opendir(fixture->directory.root);
	const struct dirent *entry;

	assert_non_null(directory);
	path[0] = '\0';
	while ((entry = readdir(directory)) != NULL)
		if (strncmp(entry->d_name, "sluice.json.", strlen("sluice.json.")) == 0)
			snprintf(path, PATH_MAX, "%s/%s", fixture->directory.root, entry->d_name);
	closedir(directory);
	assert_string_not_equal(path, "");
}

static void what_may_be_an_edit_is_not_removed(void **state)
{
	static const char *const names[] = { "sluice.json.bak", "sluice.json.sluiced-part-1",
		"sluice.json.sluiced-swap-AAAAAA", "sluice.json.sluiced-part-abcdef.orig" };
	struct fixture *fixture = *state;
	char left[PATH_MAX];
	FILE *file;

	save_and_die_at(fixture, SYS_renameat2);
	find_left(fixture, left);
	file = fopen(left, "a");
	assert_non_null(file);
	assert_true(fputs(" ", file) >= 0);
	assert_int_equal(fclose(file), 0);
	config_file_tidy(fixture->directory.path);
	assert_int_equal(unlink(left), 0);

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		snprintf(left, sizeof(left), "%s/%s", fixture->directory.root, names[i]);
		file = fopen(left, "w");
		assert_non_null(file);
		assert_int_equal(fclose(file), 0);
		config_file_tidy(fixture->directory.path);
		assert_int_equal(unlink(left), 0);
	}
}

static void what_cannot_be_read_is_refused_with_the_reason(void **state)
{
	struct fixture *fixture = *state;
	struct error error;
	char expected[128];

	config_directory_write_text(&fixture->directory, "{ \"value\": ");
	assert_null(config_file_load(fixture->directory.path, &fixture->version, &error));
	assert_non_null(strstr(error.message, "/sluice.json: line 1, column 11: "));
	assert_int_equal(unlink(fixture->directory.path), 0);
	assert_null(config_file_load(fixture->directory.path, &fixture->version, &error));
	snprintf(expected, sizeof(expected), "%s: No such file or directory",
		fixture->directory.path);
	assert_string_equal(error.message, expected);
}

/* ---- a race: somebody saves the file at every step of ours ------------------------------------
 */

struct editor {
	const struct fixture *fixture;
	void (*save)(const struct fixture *fixture, unsigned int edit);
	unsigned int edits;
	atomic_bool done;
	atomic_bool lost; /* an edit did not stay */
};

static void format_edit(char text[static 64], unsigned int edit)
{
	snprintf(text, 64, "{\"edit\": %u, \"padding\": \"%0*d\"}", edit, (int)(edit % 7), 0);
}

static void save_by_rename(const struct fixture *fixture, unsigned int edit)
{
	char other[96], text[64];
	FILE *file;

	in_directory(fixture, "editor", other);
	format_edit(text, edit);
	file = fopen(other, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(rename(other, fixture->directory.path), 0);
}

static void save_in_place(const struct fixture *fixture, unsigned int edit)
{
	char text[64];

	format_edit(text, edit);
	config_directory_write_text(&fixture->directory, text);
}

/* The number of the latest edit that the file has; -1: it is half written. */
static json_int_t load_edit(const struct fixture *fixture, struct config_file_version *version)
{
	struct error error;
	json_t *document = config_file_load(fixture->directory.path, version, &error);
	json_int_t edit =
		document == NULL ? -1 : json_integer_value(json_object_get(document, "edit"));

	json_decref(document);
	return edit;
}

/* A save that has come too late may be there for a moment, until it is taken back. */
static bool stays(const struct editor *editor)
{
	struct config_file_version version;
	time_t deadline = time(NULL) + DEADLINE_S;

	while (load_edit(editor->fixture, &version) != editor->edits)
		if (time(NULL) > deadline)
			return false;
	return true;
}

/* Pauses of any length, so that some saves get through and others meet it at each of their steps.
 */
static void *run_editor(void *argument)
{
	struct editor *editor = argument;
	unsigned int seed = 1;

	while (!atomic_load(&editor->done) && !atomic_load(&editor->lost)) {
		editor->save(editor->fixture, ++editor->edits);
		for (int i = rand_r(&seed) % 1000; i > 0; i--)
			sched_yield();
		if (!stays(editor))
			atomic_store(&editor->lost, true);
	}
	return NULL;
}

/* Saves what it has loaded: the edit stays, or a newer one is there. */
static void save_edit(struct fixture *fixture, json_int_t edit)
{
	json_t *ours = json_pack("{s:I, s:i}", "edit", edit, "ours", 1);

	save(fixture, ours);
	if (fixture->code != 0)
		assert_int_equal(fixture->code, -ESTALE);
	json_decref(ours);
}

static void race(
	struct fixture *fixture, void (*editor_saves)(const struct fixture *, unsigned int))
{
	struct editor editor = { .fixture = fixture, .save = editor_saves };
	unsigned int saved = 0, refused = 0;
	pthread_t thread;

	save_by_rename(fixture, 0);
	assert_int_equal(pthread_create(&thread, NULL, run_editor, &editor), 0);
	while ((saved < SAVES || refused < SAVES) && !atomic_load(&editor.lost)) {
		json_int_t edit = load_edit(fixture, &fixture->version);

		if (edit < 0)
			continue;
		save_edit(fixture, edit);
		saved += fixture->code == 0;
		refused += fixture->code != 0;
	}
	atomic_store(&editor.done, true);
	pthread_join(thread, NULL);
	assert_false(atomic_load(&editor.lost));
	assert_int_equal(config_directory_count_files(&fixture->directory), 1);
}

static void no_edit_is_lost_to_a_save_when_editors_rename(void **state)
{
	race(*state, save_by_rename);
}

static void no_edit_is_lost_to_a_save_when_editors_write_in_place(void **state)
{
	race(*state, save_in_place);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)
	const struct CMUnitTest tests[] = {
		TEST(what_was_loaded_is_written_over),
		TEST(writes_follow_one_another),
		TEST(what_was_replaced_can_be_put_back),
		TEST(nothing_is_put_back_over_what_another_has_written),
		TEST(mode_and_owner_are_kept),
		TEST(extended_attributes_are_kept),
		TEST(a_link_stays_and_what_it_names_is_replaced),
		TEST(a_link_that_is_turned_to_another_file_is_found_and_nothing_written),
		TEST(a_file_that_was_edited_meanwhile_is_left_alone),
		TEST(the_same_bytes_in_another_file_are_no_change),
		TEST(a_file_that_is_open_for_writing_is_left_alone),
		TEST(a_file_that_was_removed_meanwhile_is_not_made_anew),
		TEST(a_directory_that_cannot_be_written_leaves_the_file_as_it_was),
		TEST(an_owner_that_cannot_be_kept_leaves_the_file_as_it_was),
		TEST(whatever_is_there_can_be_written_over),
		TEST(a_file_that_is_gone_is_made_again_for_its_owner_only),
		TEST(a_link_that_leads_to_nothing_is_not_written_over),
		TEST(a_write_that_is_not_safe_on_disk_is_taken_back),
		TEST(what_cannot_be_put_back_is_kept_beside),
		TEST(what_a_killed_process_left_is_removed),
		TEST(what_may_be_an_edit_is_not_removed),
		TEST(what_cannot_be_read_is_refused_with_the_reason),
		TEST(no_edit_is_lost_to_a_save_when_editors_rename),
		TEST(no_edit_is_lost_to_a_save_when_editors_write_in_place),
	};
#undef TEST

	return cmocka_run_group_tests_name("config_file", tests, NULL, NULL);
}
