#!/usr/bin/env python3
"""How many pairs collide at tau = log2 n, on average, when queries and keys are independent and point anywhere.

The angle t of two random directions in d dimensions has density sin(t)^(d - 2), and they collide in a hash of tau
hyperplanes with chance (1 - t / pi)^tau. Prints, for n = 2^tau, the pairs that a query meets in a hash, and their number in
m hashes with its growth from the line above.
"""
import argparse
import math

STEPS = 20000  # of the midpoint rule


def chance(tau, d):
    weight = total = 0.0
    for step in range(STEPS):
        share = (step + 0.5) / STEPS  # t / pi
        density = math.sin(math.pi * share) ** (d - 2)
        weight += density
        total += density * (1 - share) ** tau
    return total / weight


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("-d", type=int, default=64, help="head dimension, at least 2 (64)")
    parser.add_argument("-m", type=int, default=32, help="hashes (32)")
    arguments = parser.parse_args()
    if arguments.d < 2 or arguments.m < 1:
        parser.error("-d is at least 2 and -m at least 1")
    print(f"{'n':>6} {'a query and hash':>17} {'pairs':>12} {'growth':>7}")
    before = None
    for tau in range(7, 17):
        n = 1 << tau
        each = n * chance(tau, arguments.d)
        pairs = n * arguments.m * each
        growth = f"{pairs / before:7.2f}" if before else ""
        print(f"{n:>6} {each:17.2f} {pairs:12.0f} {growth}".rstrip())
        before = pairs


if __name__ == "__main__":
    main()
