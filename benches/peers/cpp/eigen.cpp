// Eigen with fixed sizes. The order of each matrix and the way to each result are the fastest of
// those that were tried.

// Eigen keeps temporary arrays up to this size on the stack, and refuses larger fixed sizes.
#define EIGEN_STACK_ALLOCATION_LIMIT (1 << 23)

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#ifdef __SSE__
#include <immintrin.h>
#endif
#include <type_traits>

#include "server.hpp"

#ifdef __FAST_MATH__
constexpr const char *name = "Eigen, fast-math";
#else
constexpr const char *name = "Eigen";
#endif

using Eigen::Index;

constexpr int samples = 32, values = 1024;

/// A matrix. Eigen demands these orders of vectors.
template <int Rows, int Columns, int Order = Eigen::RowMajor>
using Matrix = Eigen::Matrix<float, Rows, Columns,
                             Rows == 1      ? Eigen::RowMajor
                             : Columns == 1 ? Eigen::ColMajor
                                            : Order>;
template <int Length> using Array = Eigen::Array<float, Length, 1>;

/// Numbers in an array, as a matrix: at a multiple of 64 bytes, or anywhere.
template <class T> using View = Eigen::Map<T, Eigen::Aligned64>;
template <class T> using Unaligned = Eigen::Map<const T>;

/// A matrix's values in the order of its memory.
template <class T> Floats floats(const T &matrix) {
    return Floats(matrix.data(), matrix.data() + matrix.size());
}

/// Calls f with the first index and with the length, as a type, of each part of 0 .. Length.
template <int Length, int Part, class F> void parts(F f) {
    for (Index i = 0; i + Part <= Length; i += Part) f(i, std::integral_constant<int, Part>());
    constexpr int rest = Length % Part;
    if constexpr (rest > 0) f(Length - rest, std::integral_constant<int, rest>());
}

/// to = a · b.
template <class To, class A, class B> void product(To &to, const A &a, const B &b) {
    constexpr int m = A::RowsAtCompileTime, k = A::ColsAtCompileTime, n = B::ColsAtCompileTime;
    constexpr int block = 16;
    if constexpr (m > 1 && m * k * n <= block * block * block) {
        to.noalias() = a.lazyProduct(b);
    } else if constexpr (m == 2 * block && k == m && n == m) {
        // Unrolled products of blocks are faster here than Eigen's kernel for large products.
        parts<m, block>([&](Index i, auto) {
            parts<n, block>([&](Index j, auto) {
                auto c = to.template block<block, block>(i, j);
                const auto term = [&](Index l) {
                    return a.template block<block, block>(i, l).lazyProduct(
                        b.template block<block, block>(l, j));
                };
                c.noalias() = term(0);
                c.noalias() += term(block);
            });
        });
    } else {
        to.noalias() = a * b;
    }
}

enum class Rule { Sgd, Momentum, Nesterov, AdaGrad, RmsProp, Adam };

/// Parameters with their gradient and an optimizer. `Rate` is 1000 times the learning rate.
template <Rule R, int Length, int Rate> struct Optimizer {
    static constexpr float rate = Rate / 1000.0f, epsilon = 1e-7f;
    static constexpr float momentum = 0.9f, rho = 0.9f, beta1 = 0.9f, beta2 = 0.999f;
    Array<Length> p, g, first, second;
    double power1, power2;

    void reset() {
        first.setZero();
        second.setConstant(R == Rule::AdaGrad ? 0.1f : 0.0f);
        power1 = power2 = 1;
    }

    /// One update. It goes through memory once.
    void update() {
        float step = 0;
        if constexpr (R == Rule::Adam) {
            // Subnormal powers would be slow.
            power1 = std::max(power1 * beta1, 1e-30);
            power2 = std::max(power2 * beta2, 1e-30);
            step = static_cast<float>(rate * std::sqrt(1 - power2) / (1 - power1));
        }
        parts<Length, Length < 1024 ? 16 : 128>([&](Index i, auto part) {
            constexpr int length = decltype(part)::value;
            const auto at = [i](auto &array) { return array.template segment<length>(i); };
            auto p = at(this->p), v = at(first), a = at(second);
            const auto g = at(this->g);
            if constexpr (R == Rule::Sgd) {
                p -= rate * g;
            } else if constexpr (R == Rule::Momentum) {
                v = momentum * v - rate * g;
                p += v;
            } else if constexpr (R == Rule::Nesterov) {
                v = momentum * v - rate * g;
                p += momentum * v - rate * g;
            } else if constexpr (R == Rule::AdaGrad) {
                a += g.square();
                p -= rate * g * (a + epsilon).rsqrt();
            } else if constexpr (R == Rule::RmsProp) {
                a = rho * a + (1 - rho) * g.square();
                p -= rate * g * (a + epsilon).rsqrt();
            } else {
                v = beta1 * v + (1 - beta1) * g;
                a = beta2 * a + (1 - beta2) * g.square();
                p -= step * v / (a.sqrt() + epsilon);
            }
        });
    }
};

/// Two dense layers. Xor: tanh, sigmoid, binary cross-entropy. Otherwise: ReLU, softmax,
/// categorical cross-entropy.
///
/// A matrix that has the hidden units in one direction has them side by side in memory, so that
/// the CPU's vectors hold hidden units. The outputs are the exception: there are too few of them
/// for a vector. A column of them holds the samples side by side.
template <int In, int Hidden, int Out, int Batch, int Rate, bool Xor, int Samples = samples>
class Network {
    using W1 = Matrix<In, Hidden>;
    using W2 = Matrix<Hidden, Out, Eigen::ColMajor>;
    template <int Rows> using X = Unaligned<Matrix<Rows, In>>;
    template <int Rows> using H = Matrix<Rows, Hidden>;
    template <int Rows> using Y = Matrix<Rows, Out, Eigen::ColMajor>;

    /// All parameters are one array, so that one loop updates them. Each part is aligned.
    static constexpr int aligned(int length) { return (length + 15) / 16 * 16; }
    static constexpr int at_b1 = aligned(In * Hidden), at_w2 = at_b1 + aligned(Hidden),
                         at_b2 = at_w2 + aligned(Hidden * Out), length = at_b2 + aligned(Out);
    struct Parts {
        View<W1> w1;
        View<Matrix<1, Hidden>> b1;
        View<W2> w2;
        View<Matrix<1, Out>> b2;

        explicit Parts(Array<length> &all)
            : w1(all.data()), b1(all.data() + at_b1), w2(all.data() + at_w2),
              b2(all.data() + at_b2) {}
    };
    Optimizer<Rule::Adam, length, Rate> adam;
    /// All samples' inputs, and a batch's targets.
    Matrix<Samples, In> inputs;
    Y<Batch> t;

    void load(const Floats &weights) {
        adam.reset();
        adam.p.setZero();
        adam.g.setZero();
        Parts p(adam.p);
        const float *from = weights.data();
        p.w1 = Unaligned<W1>(from);
        p.b1 = Unaligned<Matrix<1, Hidden>>(from += In * Hidden);
        p.w2 = Unaligned<Matrix<Hidden, Out>>(from += Hidden);
        p.b2 = Unaligned<Matrix<1, Out>>(from += Hidden * Out);
    }

    /// The hidden layer's outputs, and the output layer's before sigmoid or softmax.
    template <int Rows> void forward(const X<Rows> &x, H<Rows> &h, Y<Rows> &y) {
        const Parts p(adam.p);
        product(h, x, p.w1);
        // Eigen does not vectorize `h.rowwise() += p.b1`.
        for (int i = 0; i < Rows; ++i) {
            auto sums = h.row(i);
            if constexpr (Xor) {
                sums += p.b1;
            } else {
                sums = (sums + p.b1).cwiseMax(0.0f);
            }
        }
        if constexpr (Xor) h = h.array().tanh();
        product(y, h, p.w2);
        if constexpr (Rows == 1) {
            y += p.b2;
        } else {
            for (int i = 0; i < Out; ++i) y.col(i).array() += p.b2[i];
        }
    }

    /// Σ e^y of each sample, after y is reduced by its maximum. Stores e^y.
    template <int Rows> static Array<Rows> exponentials(Y<Rows> &y, Y<Rows> &e) {
        const Array<Rows> top = y.rowwise().maxCoeff();
        for (int i = 0; i < Out; ++i) y.col(i).array() -= top;
        e = y.array().exp();
        return e.rowwise().sum();
    }

    /// The network's outputs.
    template <int Rows> Y<Rows> infer(const X<Rows> &x) {
        H<Rows> h;
        Y<Rows> y;
        forward<Rows>(x, h, y);
        auto outputs = y.array();
        if constexpr (Xor) {
            outputs = outputs.logistic();
        } else if constexpr (Rows == 1) {
            // exp of whole vectors of the CPU.
            Array<aligned(Out)> e;
            e.setZero();
            e.template head<Out>() = (outputs - outputs.maxCoeff()).transpose();
            e = e.exp();
            outputs = e.template head<Out>().transpose();
            outputs *= 1 / outputs.sum();
        } else {
            const Array<Rows> factor = exponentials<Rows>(y, y).inverse();
            for (int i = 0; i < Out; ++i) outputs.col(i) *= factor;
        }
        return y;
    }

    /// A training step. Returns the loss.
    float train() {
        const X<Batch> x(inputs.data());
        H<Batch> h, dh;
        Y<Batch> y, dy;
        forward<Batch>(x, h, y);

        constexpr float scale = 1.0f / Batch;
        float loss;
        if constexpr (Xor) {
            // −t ln p − (1 − t) ln(1 − p) = ln(1 + e^y) − t y with p = e^y / (1 + e^y).
            const auto e = y.array().exp().eval();
            loss = ((1 + e).log() - t.array() * y.array()).sum() * scale;
            dy.array() = (e / (1 + e) - t.array()) * scale;
        } else {
            // −Σ t ln p = ln Σ e^y − Σ t y, because the targets of a sample add up to 1.
            const auto sum = exponentials<Batch>(y, dy);
            loss = (sum.log().sum() - (t.array() * y.array()).sum()) * scale;
            const Array<Batch> factor = sum.inverse();
            for (int i = 0; i < Out; ++i) {
                dy.col(i).array() = (dy.col(i).array() * factor - t.col(i).array()) * scale;
            }
        }

        const Parts p(adam.p);
        Parts g(adam.g);
        product(g.w2, h.transpose(), dy);
        g.b2 = dy.colwise().sum();
        product(dh, dy, p.w2.transpose());
        if constexpr (Xor) {
            dh.array() *= 1 - h.array().square();
        } else {
            // The compiler vectorizes this. Eigen does not vectorize `select`.
            dh = dh.binaryExpr(h, [](float d, float y) { return y > 0 ? d : 0.0f; });
        }
        product(g.w1, x.transpose(), dh);
        g.b1 = dh.colwise().sum();
        adam.update();
        return loss;
    }

  public:
    /// Adds the network's training step, its inference of one sample and that of all, as far as
    /// they are wanted.
    template <bool Step, bool One, bool Many>
    static void add(Workloads &workloads, const std::string &label) {
        static Network net;
        const auto workload = [&](const char *kind, auto call, auto check) {
            workloads.emplace_back(kind + label, [=](const Data &data) {
                const std::string files = "n" + label;
                const auto weights = data[files + ".weights"];
                net.inputs = Unaligned<Matrix<Samples, In>>(data[files + ".x"].data());
                net.t = Unaligned<Matrix<Batch, Out>>(data[files + ".t"].data());
                net.load(weights);
                const auto from_start = [=] {
                    net.load(weights);
                    return check(call);
                };
                return contender(from_start, call);
            });
        };
        if constexpr (Step) {
            workload("T", [](std::size_t) { return net.train(); }, [](auto call) {
                Floats losses;
                for (int step = 0; step < 5; ++step) losses.push_back(call(step));
                return losses;
            });
        }
        if constexpr (One) {
            const auto one = [](std::size_t i) {
                return net.template infer<1>(X<1>(net.inputs.data() + i % Samples * In));
            };
            workload("I", one, [](auto call) {
                Matrix<Samples, Out> y;
                for (int i = 0; i < Samples; ++i) y.row(i) = call(i);
                return floats(y);
            });
        }
        if constexpr (Many) {
            const auto batch = [](std::size_t) {
                return net.template infer<Samples>(X<Samples>(net.inputs.data()));
            };
            workload("B", batch, [](auto call) { return floats(Matrix<Samples, Out>(call(0))); });
        }
    }
};

/// C = A · B with A: M × K and B: K × N.
template <int M, int K, int N> Contender gemm(const Data &data) {
    static Matrix<M, K> a;
    static Matrix<K, N> b;
    static Matrix<M, N> c;
    const auto pool = data["pool"];
    a = Unaligned<Matrix<M, K>>(pool.data());
    b = Unaligned<Matrix<K, N>>(pool.data() + M * K);
    const auto call = [](std::size_t) -> const auto & {
        product(c, a, b);
        return c;
    };
    return contender([=] { return floats(call(0)); }, call);
}

/// A function of all values, out of place.
template <class F> Contender elementwise(const Data &data, F function) {
    static Array<values> x, y;
    x = Unaligned<Array<values>>(data["values"].data());
    const auto call = [=](std::size_t) -> const auto & {
        y = function(x);
        return y;
    };
    return contender([=] { return floats(call(0)); }, call);
}

/// Softmax of rows of this length, out of place.
template <int Length> Contender softmax(const Data &data) {
    using Rows = Eigen::Array<float, values / Length, Length, Eigen::RowMajor>;
    // All values are a multiple of the CPU's vectors. The rows together are not.
    static Array<values> all_x, all_y;
    all_x = Unaligned<Array<values>>(data["values"].data());
    const auto call = [](std::size_t) -> const auto & {
        const View<Rows> x(all_x.data());
        View<Rows> y(all_y.data());
        if constexpr (Length <= 16) {
            for (Index i = 0; i < y.rows(); ++i) y.row(i) = x.row(i) - x.row(i).maxCoeff();
            all_y = all_y.exp();
            for (Index i = 0; i < y.rows(); ++i) y.row(i) *= 1 / y.row(i).sum();
        } else {
            y = x.colwise() - x.rowwise().maxCoeff().eval();
            all_y = all_y.exp();
            y.colwise() *= y.rowwise().sum().inverse().eval();
        }
        return all_y;
    };
    const auto check = [=] { return floats(call(0).template head<Rows::SizeAtCompileTime>()); };
    return contender(check, call);
}

template <Rule R, int Length> Contender update(const Data &data) {
    static Optimizer<R, Length, 10> optimizer;
    const auto call = [](std::size_t) -> const auto & {
        optimizer.update();
        return optimizer.p;
    };
    const auto reset = [pool = data["pool"]] {
        optimizer.reset();
        optimizer.p = Unaligned<Array<Length>>(pool.data());
        optimizer.g = Unaligned<Array<Length>>(pool.data() + Length);
    };
    reset();
    const auto check = [=] {
        reset();
        for (int step = 0; step < 5; ++step) call(step);
        return floats(optimizer.p);
    };
    return contender(check, call);
}

template <Rule R> void add_updates(Workloads &workloads, const std::string &rule) {
    workloads.emplace_back(rule + "33", update<R, 33>);
    workloads.emplace_back(rule + "1024", update<R, 1024>);
    workloads.emplace_back(rule + "100480", update<R, 100480>);
}

template <int... N> void add_squares(Workloads &workloads) {
    (workloads.emplace_back("gemm" + std::to_string(N), gemm<N, N, N>), ...);
}

template <int... Length> void add_softmax(Workloads &workloads) {
    (workloads.emplace_back("softmax" + std::to_string(Length), softmax<Length>), ...);
}

/// Networks w-w-10 of these widths with a batch of 32.
template <int... W> void add_width(Workloads &workloads) {
    (Network<W, W, 10, samples, 1, false>::template add<true, true, false>(
         workloads, "w" + std::to_string(W) + "b32"),
     ...);
}

/// The network 32-32-10 with these batches.
template <int... B> void add_batch(Workloads &workloads) {
    (Network<32, 32, 10, B, 1, false, B>::template add<true, false, true>(
         workloads, "w32b" + std::to_string(B)),
     ...);
}

int main(int argc, char **argv) {
    if (argc != 2) return std::fprintf(stderr, "usage: %s DATA_FOLDER\n", argv[0]), 2;
#ifdef __SSE__
    // Subnormal numbers appear in training. They would make a step several times slower.
    _MM_SET_FLUSH_ZERO_MODE(_MM_FLUSH_ZERO_ON);
    _MM_SET_DENORMALS_ZERO_MODE(_MM_DENORMALS_ZERO_ON);
#endif
    Workloads workloads;
#ifdef SWEEP
    add_width<1, 3, 5, 8, 13, 21, 50, 100, 200, 512, 1024>(workloads);
    Network<32, 32, 10, 32, 1, false>::add<true, true, true>(workloads, "w32b32");
    add_batch<1, 3, 7, 16, 31, 33, 100, 256, 1024>(workloads);
#else
    Network<2, 8, 1, 4, 10, true>::add<true, true, true>(workloads, "1");
    Network<4, 16, 3, 16, 1, false>::add<true, true, true>(workloads, "2");
    Network<64, 32, 10, 32, 1, false>::add<true, true, true>(workloads, "3");
    Network<784, 128, 10, 32, 1, false>::add<true, true, true>(workloads, "4");
    add_squares<4, 7, 8, 16, 17, 32, 33, 64, 100, 128, 256>(workloads);
    workloads.emplace_back("gemm32x784x128", gemm<32, 784, 128>);
    workloads.emplace_back("gemm32x128x10", gemm<32, 128, 10>);
    workloads.emplace_back("gemm1x784x128", gemm<1, 784, 128>);
    const auto function = [&](const char *name, auto f) {
        workloads.emplace_back(name, [=](const Data &data) { return elementwise(data, f); });
    };
    function("exp", [](const auto &x) { return x.exp(); });
    function("tanh", [](const auto &x) { return x.tanh(); });
    function("sigmoid", [](const auto &x) { return x.logistic(); });
    add_softmax<3, 10, 100, 1000>(workloads);
    add_updates<Rule::Sgd>(workloads, "sgd");
    add_updates<Rule::Momentum>(workloads, "momentum");
    add_updates<Rule::Nesterov>(workloads, "nesterov");
    add_updates<Rule::AdaGrad>(workloads, "adagrad");
    add_updates<Rule::RmsProp>(workloads, "rmsprop");
    add_updates<Rule::Adam>(workloads, "adam");
#endif
    return serve(name, workloads, {argv[1]});
}
