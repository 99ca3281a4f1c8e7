/* The practical floor of an ssh client: libssh2 in a pool of threads, one connection and one exec per host.
 *
 *   floor HOSTS CONCURRENCY PORT USER KEY LINES OPERATIONS COMMAND [STDIN]
 *
 * HOSTS, KEY and STDIN are files. The command is run OPERATIONS times; a host is ok when
 * each time it exits with 0 after LINES lines. The last line
 * written is {"ok": n, "fail": n}. libssh2 is declared here, because the wheel that carries it has no headers.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct session session;
typedef struct channel channel;
int libssh2_init(int flags);
session *libssh2_session_init_ex(void *alloc, void *release, void *resize, void *abstract);
int libssh2_session_handshake(session *s, int socket);
int libssh2_userauth_publickey_frommemory(session *s, const char *user, size_t user_size, const char *public_key,
                                          size_t public_size, const char *key, size_t key_size, const char *passphrase);
channel *libssh2_channel_open_ex(session *s, const char *type, unsigned type_size, unsigned window, unsigned packet,
                                 const char *message, unsigned message_size);
int libssh2_channel_process_startup(channel *c, const char *request, unsigned request_size, const char *message,
                                    unsigned message_size);
ssize_t libssh2_channel_read_ex(channel *c, int stream, char *buffer, size_t size);
ssize_t libssh2_channel_write_ex(channel *c, int stream, const char *buffer, size_t size);
int libssh2_channel_send_eof(channel *c);
int libssh2_channel_close(channel *c);
int libssh2_channel_get_exit_status(channel *c);
int libssh2_channel_free(channel *c);
int libssh2_session_disconnect_ex(session *s, int reason, const char *description, const char *language);
int libssh2_session_free(session *s);

enum { WINDOW = 2 * 1024 * 1024, PACKET = 32768, BY_APPLICATION = 11, MOST_HOSTS = 100000, MOST_BYTES = 1 << 20 };

static char *hosts[MOST_HOSTS];
static int host_count, port, lines_wanted, operations;
static const char *user, *command;
static char *key, *input;
static size_t key_size, input_size;
static atomic_int next_host, ok, failed;

static char *slurp(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  char *bytes = malloc(MOST_BYTES);
  if (!file || !bytes) {
    perror(path);
    exit(2);
  }
  *size = fread(bytes, 1, MOST_BYTES, file);
  fclose(file);
  return bytes;
}

static int feed(channel *c) {
  for (size_t sent = 0; sent < input_size;) {
    ssize_t n = libssh2_channel_write_ex(c, 0, input + sent, input_size - sent);
    if (n < 0)
      return -1;
    sent += (size_t)n;
  }
  return libssh2_channel_send_eof(c);
}

static int run_command(session *s) {
  channel *c = libssh2_channel_open_ex(s, "session", 7, WINDOW, PACKET, NULL, 0);
  if (!c)
    return 0;
  if (libssh2_channel_process_startup(c, "exec", 4, command, (unsigned)strlen(command)) || (input && feed(c)))
    return 0;
  char buffer[PACKET];
  int lines = 0;
  ssize_t n;
  while ((n = libssh2_channel_read_ex(c, 0, buffer, sizeof buffer)) > 0)
    for (ssize_t i = 0; i < n; i++)
      lines += buffer[i] == '\n';
  libssh2_channel_close(c);
  int status = libssh2_channel_get_exit_status(c);
  libssh2_channel_free(c);
  return n == 0 && status == 0 && lines == lines_wanted;
}

static int reach(const char *host) {
  int good = 0, on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  inet_pton(AF_INET, host, &address.sin_addr);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  session *s = NULL;
  if (!connect(fd, (struct sockaddr *)&address, sizeof address) && (s = libssh2_session_init_ex(NULL, NULL, NULL, NULL)) &&
      !libssh2_session_handshake(s, fd) &&
      !libssh2_userauth_publickey_frommemory(s, user, strlen(user), NULL, 0, key, key_size, NULL)) {
    good = 1;
    for (int i = 0; good && i < operations; i++)
      good = run_command(s);
    libssh2_session_disconnect_ex(s, BY_APPLICATION, "done", "");
  }
  /* the session puts its descriptor back to blocking when it is freed: it must still be ours by then */
  if (s)
    libssh2_session_free(s);
  close(fd);
  return good;
}

static void *work(void *unused) {
  (void)unused;
  for (int i; (i = next_host++) < host_count;)
    if (reach(hosts[i]))
      ok++;
    else
      failed++;
  return NULL;
}

int main(int count, char **words) {
  if (count < 9) {
    fprintf(stderr, "usage: floor HOSTS CONCURRENCY PORT USER KEY LINES OPERATIONS COMMAND [STDIN]\n");
    return 2;
  }
  FILE *list = fopen(words[1], "r");
  if (!list) {
    perror(words[1]);
    return 2;
  }
  for (char line[256]; host_count < MOST_HOSTS && fgets(line, sizeof line, list);) {
    line[strcspn(line, "\n")] = 0;
    if (*line)
      hosts[host_count++] = strdup(line);
  }
  fclose(list);
  int concurrency = atoi(words[2]);
  port = atoi(words[3]);
  user = words[4];
  key = slurp(words[5], &key_size);
  lines_wanted = atoi(words[6]);
  operations = atoi(words[7]);
  command = words[8];
  if (count > 9)
    input = slurp(words[9], &input_size);
  libssh2_init(0);
  pthread_t threads[concurrency];
  for (int i = 0; i < concurrency; i++)
    pthread_create(&threads[i], NULL, work, NULL);
  for (int i = 0; i < concurrency; i++)
    pthread_join(threads[i], NULL);
  printf("{\"ok\": %d, \"fail\": %d}\n", ok, failed);
  return failed != 0;
}
