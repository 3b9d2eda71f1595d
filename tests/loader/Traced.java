// SPDX-License-Identifier: GPL-2.0-or-later
// Methods for java.test to see.
public class Traced {
	static class Cat {
		String meow(int times, String name) {
			return name + times;
		}
	}

	static long twice(long n) {
		return 2 * n;
	}

	public static void main(String[] args) {
		System.out.println(new Cat().meow(3, "Tom"));
		System.out.println(twice(21));
	}
}
