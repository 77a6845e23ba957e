// Vector math libraries: SLEEF and glibc's libmvec. They have no sigmoid: it is made of exp.

#include <immintrin.h>
#include <sleef.h>

#include <cstring>

#include "server.hpp"

// The vector functions of glibc's libmvec, which no header declares.
extern "C" {
__m256 _ZGVdN8v_expf(__m256);
__m256 _ZGVdN8v_tanhf(__m256);
#ifdef __AVX512F__
__m512 _ZGVeN16v_expf(__m512);
__m512 _ZGVeN16v_tanhf(__m512);
#endif
}

/// Applies a function of vectors of this many floats to all values, out of place.
template <int Lanes, class Function> Contender elementwise(const Data &data, Function function) {
    typedef float Vector __attribute__((vector_size(Lanes * sizeof(float))));
    constexpr int length = 1024;
    static Vector x[length / Lanes], y[length / Lanes];
    std::memcpy(x, data["values"].data(), sizeof x);
    const auto call = [=](std::size_t) {
        for (int i = 0; i < length / Lanes; ++i) y[i] = function(x[i]);
        return y;
    };
    const auto check = [=] {
        Floats result(length);
        std::memcpy(result.data(), call(0), sizeof y);
        return result;
    };
    return contender(check, call);
}

/// The function as a workload.
template <int Lanes, class Function>
Workloads::value_type workload(const char *name, Function function) {
    return {name, [=](const Data &data) { return elementwise<Lanes>(data, function); }};
}

/// exp, tanh and sigmoid by these functions.
template <int Lanes, class Exp, class Tanh> Workloads all(Exp exp, Tanh tanh) {
    return {workload<Lanes>("exp", exp), workload<Lanes>("tanh", tanh),
            workload<Lanes>("sigmoid", [=](auto x) { return 1.0f / (1.0f + exp(-x)); })};
}

/// A library with an instruction set and an accuracy.
struct Variant {
    const char *key, *name;
    Workloads workloads;
};

// A function as a lambda expression, so that the compiler knows which function it calls.
#define FUNCTION(name) [](auto x) { return name(x); }

// u10: an error of at most 1.0 units in the last place. u35: 3.5, which SLEEF has for tanh only.
// The program is compiled for the CPU on which it runs.
const Variant variants[] = {
#ifdef __AVX512F__
    {"sleef-avx512-u10", "SLEEF AVX-512 u10",
     all<16>(FUNCTION(Sleef_expf16_u10avx512f), FUNCTION(Sleef_tanhf16_u10avx512f))},
    {"sleef-avx512-u35", "SLEEF AVX-512 u35",
     {workload<16>("tanh", FUNCTION(Sleef_tanhf16_u35avx512f))}},
    {"libmvec-avx512", "libmvec AVX-512",
     all<16>(FUNCTION(_ZGVeN16v_expf), FUNCTION(_ZGVeN16v_tanhf))},
#endif
    {"sleef-avx2-u10", "SLEEF AVX2 u10",
     all<8>(FUNCTION(Sleef_expf8_u10avx2), FUNCTION(Sleef_tanhf8_u10avx2))},
    {"sleef-avx2-u35", "SLEEF AVX2 u35", {workload<8>("tanh", FUNCTION(Sleef_tanhf8_u35avx2))}},
    {"libmvec-avx2", "libmvec AVX2", all<8>(FUNCTION(_ZGVdN8v_expf), FUNCTION(_ZGVdN8v_tanhf))},
};

int main(int argc, char **argv) {
    if (argc == 2 && std::string(argv[1]) == "variants") {
        for (const auto &variant : variants) std::puts(variant.key);
        return 0;
    }
    if (argc == 3) {
        for (const auto &[key, name, workloads] : variants) {
            if (argv[2] == std::string(key)) return serve(name, workloads, {argv[1]});
        }
    }
    std::fprintf(stderr, "usage: %s DATA_FOLDER VARIANT, or %s variants\n", argv[0], argv[0]);
    return 2;
}
