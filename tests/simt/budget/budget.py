#!/usr/bin/env python3
"""What each kernel may take of a GPU: registers, shared and local memory, by architecture. No GPU is needed.

budget.py            compiles kernels/*/*.cu and compares ptxas's report with budget.txt; exit 1 names what went over
budget.py --update   writes the table anew, keeping its reasons

Local memory is what did not fit a thread's registers (spills) or was indexed by a variable (stack frame). It lies in
DRAM and is slow, so a kernel that has any needs a reason in the table, and --update never invents one.
Both are read off ptxas's report: the instructions that touch local memory (LDL, STL) need a stack frame.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
TABLE = pathlib.Path(__file__).with_name("budget.txt")
ARCHITECTURES = ["75", "80", "86", "90"]  # as cmake/YosoCuda.cmake builds for others
COLUMNS = ["registers", "shared", "local"]


def nvcc():
    found = os.environ.get("CUDACXX") or shutil.which("nvcc") or "/usr/local/cuda/bin/nvcc"
    if not shutil.which(found):
        sys.exit("budget: no nvcc: put it on PATH or set CUDACXX")
    return found


def version(compiler):
    text = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout
    return re.search(r"V([\d.]+)", text).group(1)


def short(demangled):
    """attend<64> of void yoso::softmax::cuda_impl::attend<64>(float const*), as kernel_name.cpp has it."""
    name = demangled.replace("(anonymous namespace)::", "").removeprefix("void ")
    depth = 0
    for i, c in enumerate(name):
        depth += {"<": 1, ">": -1}.get(c, 0)
        if c == "(" and depth == 0:
            name = name[:i]
            break
    return re.sub(r"\w+::", "", name)


def report(compiler, source, folder):
    """ptxas's words on all architectures. A fat binary leaves the host's half uncompiled."""
    command = [compiler, "-fatbin", "-std=c++20", "--expt-relaxed-constexpr", "-O3", "-DNDEBUG", "--resource-usage",
               f"-I{ROOT}/kernels", f"-I{ROOT}/lib/include", "-o", f"{folder}/{source.parent.name}.{source.stem}.fatbin", str(source)]
    for a in ARCHITECTURES:
        command += ["-gencode", f"arch=compute_{a},code=sm_{a}"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"budget: nvcc {source.relative_to(ROOT)} failed\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def parse(text, folder):
    """{(folder/kernel, sm_NN): usage}. Kernels of one name, overloads say, share a line: the most of each."""
    text = subprocess.run(["c++filt"], input=text, capture_output=True, text=True, check=True).stdout
    found = {}
    use = None
    for line in text.splitlines():
        if entry := re.search(r"Compiling entry function '(.*)' for '(sm_\w+)'", line):
            use = found.setdefault((f"{folder}/{short(entry[1])}", entry[2]), dict.fromkeys(COLUMNS, 0))
        elif use is not None:
            for column, pattern in (("registers", r"Used (\d+) registers"), ("shared", r"(\d+) bytes smem"),
                                    ("local", r"(\d+) bytes stack frame"), ("local", r"(\d+) bytes spill stores"),
                                    ("local", r"(\d+) bytes spill loads")):
                if number := re.search(pattern, line):
                    use[column] = max(use[column], int(number[1]))
    return found


def measure(compiler):
    sources = sorted(ROOT.glob("kernels/*/*.cu"))
    found = {}
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        reports = pool.map(lambda source: report(compiler, source, folder), sources)
        for source, text in zip(sources, reports):
            for key, use in parse(text, source.parent.name).items():
                most = found.setdefault(key, use)
                most.update({c: max(most[c], use[c]) for c in COLUMNS})
    return found


def read():
    """({key: usage}, {key: reason}, the nvcc that the table was made with)"""
    allowed, reasons, made_with = {}, {}, ""
    for line in TABLE.read_text().splitlines() if TABLE.exists() else []:
        if line.startswith("#"):
            if made := re.search(r"nvcc (\d+(?:\.\d+)*)", line):
                made_with = made[1]
            continue
        row, _, reason = line.partition("  # ")
        architecture, *numbers, kernel = row.split(None, 4)
        key = (kernel.strip(), architecture)
        allowed[key] = dict(zip(COLUMNS, map(int, numbers)))
        if reason:
            reasons[key] = reason
    return allowed, reasons, made_with


def write(found, reasons, compiler_version):
    lines = [f"# Written by budget.py --update with nvcc {compiler_version}. Registers of a thread; bytes of static shared memory of a",
             "# block; bytes of local memory of a thread, which need a reason after the kernel: two spaces, #, the reason.",
             "# arch  registers  shared  local  kernel"]
    for (kernel, architecture), use in sorted(found.items()):
        line = f"{architecture:6}{use['registers']:11}{use['shared']:8}{use['local']:7}  {kernel}"
        reason = reasons.get((kernel, architecture))
        lines.append(f"{line}  # {reason}" if reason else line)
    TABLE.write_text("\n".join(lines) + "\n")


def complaints(found, allowed, reasons):
    for (kernel, architecture), use in sorted(found.items()):
        limit = allowed.get((kernel, architecture))
        where = f"{kernel} on {architecture}"
        if limit is None:
            yield f"{where}: not in the table; budget.py --update adds it"
            continue
        for column in COLUMNS:
            if use[column] > limit[column]:
                yield f"{where}: {use[column]} {column}, {limit[column]} allowed"
        if use["local"] and (kernel, architecture) not in reasons:
            yield f"{where}: {use['local']} local, and the table gives no reason"
    for kernel, architecture in sorted(set(allowed) - set(found)):
        yield f"{kernel} on {architecture}: in the table, but there is no such kernel; budget.py --update removes it"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", action="store_true", help="write budget.txt anew")
    update = parser.parse_args().update
    compiler = nvcc()
    found = measure(compiler)
    allowed, reasons, made_with = read()
    if update:
        write(found, reasons, version(compiler))
        allowed = found
    elif made_with and made_with != version(compiler):
        print(f"budget: the table is nvcc {made_with}'s, this is {version(compiler)}: registers may differ", file=sys.stderr)
    wrong = list(complaints(found, allowed, reasons))
    for line in wrong:
        print(f"budget: {line}", file=sys.stderr)
    print(f"budget: {len({kernel for kernel, _ in found})} kernels on {len(ARCHITECTURES)} architectures, "
          f"{len(wrong)} complaints")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
