/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LOADER_SERVICE_H
#define LOADER_SERVICE_H

/*
 * --service DIR, --service-stop DIR: every NAME.stb of a folder is a flight
 * recorder NAME, with the options in NAME.conf: words, '#' to the end of a line
 * is a comment. An exit code: that of the first that did not start.
 */
int service_start(const char *dir);
int service_stop(const char *dir);

#endif
