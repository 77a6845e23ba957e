// OpenBLAS: matrix products, on one thread.

#include <cblas.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "server.hpp"

/// Starts the program again with the kernels for this CPU, if OpenBLAS has not found them.
///
/// OpenBLAS uses its kernels of 2004, Prescott, on a CPU whose model number is newer than its
/// release. It reads the name of another core from the environment before `main` begins.
void find_kernels(char **argv) {
    const char *variable = "OPENBLAS_CORETYPE";
    if (std::string(openblas_get_corename()) != "Prescott" || std::getenv(variable)) return;
    const char *core = __builtin_cpu_supports("avx512bf16") ? "Cooperlake"
                       : __builtin_cpu_supports("avx512vl") ? "SkylakeX"
                       : __builtin_cpu_supports("avx2")     ? "Haswell"
                                                            : nullptr;
    if (!core) return;
    setenv(variable, core, 1);
    execv("/proc/self/exe", argv);
}

/// Floats at a multiple of 64 bytes.
class Aligned {
    struct alignas(64) Line {
        float values[16];
    };
    std::vector<Line> lines;

  public:
    explicit Aligned(int length) : lines((length + 15) / 16) {}
    Aligned(const float *from, int length) : Aligned(length) {
        std::copy(from, from + length, data());
    }
    float *data() { return lines[0].values; }
};

/// C = A · B with A: m × k and B: k × n, in row order.
Contender gemm(int m, int k, int n, const Data &data) {
    const auto pool = data["pool"];
    // This is faster than `cblas_sgemv` for m = 1, too.
    auto call = [=, a = Aligned(&pool[0], m * k), b = Aligned(&pool[m * k], k * n),
                 c = Aligned(m * n)](std::size_t) mutable {
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1, a.data(), k, b.data(),
                    n, 0, c.data(), n);
        return c.data();
    };
    const auto check = [=]() mutable {
        const float *c = call(0);
        return Floats(c, c + m * n);
    };
    return contender(check, call);
}

int main(int argc, char **argv) {
    if (argc != 2) return std::fprintf(stderr, "usage: %s DATA_FOLDER\n", argv[0]), 2;
    find_kernels(argv);
    openblas_set_num_threads(1);
    Workloads workloads;
    const auto add = [&](const std::string &name, int m, int k, int n) {
        workloads.emplace_back("gemm" + name,
                               [=](const Data &data) { return gemm(m, k, n, data); });
    };
    for (const int n : {4, 7, 8, 16, 17, 32, 33, 64, 100, 128, 256}) {
        add(std::to_string(n), n, n, n);
    }
    add("32x784x128", 32, 784, 128);
    add("32x128x10", 32, 128, 10);
    add("1x784x128", 1, 784, 128);
    return serve("OpenBLAS", workloads, {argv[1]});
}
