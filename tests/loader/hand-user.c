/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hand-user.c - a handler of the loader's that does nothing. */
int h_nothing(void)
{
	return 0;
}
