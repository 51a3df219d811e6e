// What must be cheap and exact, or is itself the floor to compare with. One program, the first word chooses:
//   drive RATE SECONDS STEP      real XTest motion, open loop on an absolute clock; prints how many events it sent
//   burst COUNT RATE             COUNT moves and presses by turns, RATE a second; 0: as fast as the server takes them;
//                                prints the same
//   sink                         a full-screen window that selects pointer motion, as any application has
//   record MILLISECONDS          counts moves and presses by XRecord, letting them gather so long between reads; ended
//                                (SIGTERM), it prints how many
//   usage COMMAND...             runs it; says on stderr, last line, its CPU seconds and its peak memory in kB
#define _GNU_SOURCE
#include <X11/Xlib.h>
#include <X11/Xproto.h>
#include <X11/extensions/XTest.h>
#include <X11/extensions/record.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static Display *open_display(void) {
    Display *display = XOpenDisplay(NULL);
    if (!display) {
        fprintf(stderr, "cannot open the display\n");
        exit(1);
    }
    return display;
}

static void wait_until(struct timespec start, double seconds) {
    long whole = (long)seconds;
    long ns = start.tv_nsec + (long)((seconds - (double)whole) * 1e9);
    struct timespec due = {start.tv_sec + whole + ns / 1000000000L, ns % 1000000000L};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
}

static double seconds_since(struct timespec start) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9;
}

// A slowly turning curve that visits the whole screen. STEP is how many px an event moves, 0 for a brisk hand's pace.
// Prints how many events were sent, and by how many ms the latest was late: what is late is sent as one burst.
static int drive(double rate, double seconds, double step) {
    Display *display = open_display();
    int width = DisplayWidth(display, DefaultScreen(display)), height = DisplayHeight(display, DefaultScreen(display));
    long count = (long)(rate * seconds);
    double pace = step > 0 ? step * rate / (1.2 * width) : 1;
    int last_x = -1, last_y = -1;
    double latest = 0;
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (long i = 0; i < count; i++) {
        double at = (double)i / rate;
        wait_until(start, at);
        double late = seconds_since(start) - at;
        if (late > latest) latest = late;
        at *= pace;
        int x = (int)(width * (0.5 + 0.49 * sin(2.1 * at)));
        int y = (int)(height * (0.5 + 0.49 * sin(3.35 * at + 0.5)));
        if (x == last_x && y == last_y) x ^= 1; // an event that moves nothing is none
        last_x = x, last_y = y;
        XTestFakeMotionEvent(display, -1, x, y, CurrentTime);
        XFlush(display);
    }
    XSync(display, False);
    printf("%ld %.0f\n", count, latest * 1000);
    return 0;
}

static int burst(long count, double rate) {
    Display *display = open_display();
    int width = DisplayWidth(display, DefaultScreen(display)), height = DisplayHeight(display, DefaultScreen(display));
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (long i = 0; i < count; i++) {
        if (rate > 0) wait_until(start, (double)i / rate);
        if (i % 2) {
            unsigned button = 1 + (unsigned)(i / 2 % 3);
            XTestFakeButtonEvent(display, button, True, CurrentTime);
            XTestFakeButtonEvent(display, button, False, CurrentTime);
        } else {
            XTestFakeMotionEvent(display, -1, (int)(i * 7 % width), (int)(i / 2 * 3 % height), CurrentTime);
        }
        if (rate > 0) XFlush(display);
    }
    XSync(display, False);
    printf("%ld\n", count);
    return 0;
}

static void sink(void) {
    Display *display = open_display();
    int screen = DefaultScreen(display);
    XSetWindowAttributes attributes = {.override_redirect = True,
                                       .event_mask = PointerMotionMask | ButtonPressMask | ButtonReleaseMask};
    Window window = XCreateWindow(display, RootWindow(display, screen), 0, 0, (unsigned)DisplayWidth(display, screen),
                                  (unsigned)DisplayHeight(display, screen), 0, CopyFromParent, InputOutput, CopyFromParent,
                                  CWOverrideRedirect | CWEventMask, &attributes);
    XMapRaised(display, window);
    XSync(display, False);
    puts("ready");
    fflush(stdout);
    for (XEvent event;;) XNextEvent(display, &event);
}

static long recorded;
static volatile sig_atomic_t ended;

static void on_term(int unused) {
    (void)unused;
    ended = 1;
}

static void on_record(XPointer unused, XRecordInterceptData *data) {
    (void)unused;
    if (data->category == XRecordFromServer) recorded += (data->data[0] & 0x7f) != ButtonRelease;
    XRecordFreeData(data);
}

static int record(long gather_ms) {
    Display *control = open_display(), *stream = open_display();
    XRecordRange *range = XRecordAllocRange();
    range->device_events.first = ButtonPress;
    range->device_events.last = MotionNotify;
    XRecordClientSpec clients = XRecordAllClients;
    XRecordContext context = XRecordCreateContext(control, 0, &clients, 1, &range, 1);
    XSync(control, False);
    XRecordEnableContextAsync(stream, context, on_record, NULL);
    XFlush(stream);
    struct sigaction end = {.sa_handler = on_term};
    sigaction(SIGTERM, &end, NULL);
    puts("ready");
    fflush(stdout);
    struct pollfd socket = {ConnectionNumber(stream), POLLIN, 0};
    while (!ended && poll(&socket, 1, -1) > 0) {
        if (gather_ms) usleep((useconds_t)gather_ms * 1000);
        XRecordProcessReplies(stream);
    }
    printf("%ld\n", recorded);
    return 0;
}

static int usage(char **command) {
    pid_t child = fork();
    if (child == 0) {
        execvp(command[0], command);
        perror(command[0]);
        _exit(127);
    }
    int status;
    struct rusage used;
    if (child < 0 || wait4(child, &status, 0, &used) < 0) return 1;
    double cpu_s = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                   (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    fprintf(stderr, "\n%.6f %ld\n", cpu_s, used.ru_maxrss);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int count, char **words) {
    const char *task = count > 1 ? words[1] : "";
    if (!strcmp(task, "drive") && count == 5) return drive(atof(words[2]), atof(words[3]), atof(words[4]));
    if (!strcmp(task, "burst") && count == 4) return burst(atol(words[2]), atof(words[3]));
    if (!strcmp(task, "sink")) sink();
    if (!strcmp(task, "record") && count == 3) return record(atol(words[2]));
    if (!strcmp(task, "usage") && count > 2) return usage(words + 2);
    fprintf(stderr, "usage: see the first lines of tool.c\n");
    return 2;
}
