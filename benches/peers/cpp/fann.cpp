// FANN: inference of the xor network. FANN has neither ReLU nor softmax. It trains with its own
// methods and the squared error, so that no training step is the same algorithm.

#include <floatfann.h>

#include "server.hpp"

/// The xor network: 2-8-1, tanh, then the logistic function.
struct fann *xor_network(const Floats &weights) {
    constexpr int inputs = 2, hidden = 8;
    struct fann *ann = fann_create_standard(3, inputs, hidden, 1);
    // FANN's symmetric sigmoid is tanh(steepness · x). Its sigmoid is the logistic function of
    // 2 · steepness · x.
    fann_set_activation_function_hidden(ann, FANN_SIGMOID_SYMMETRIC);
    fann_set_activation_steepness_hidden(ann, 1);
    fann_set_activation_function_output(ann, FANN_SIGMOID);
    fann_set_activation_steepness_output(ann, 0.5);
    // A layer's bias is a neuron of value 1 behind its other neurons.
    constexpr int first = inputs + 1, output = first + hidden + 1;
    auto weight = weights.begin();
    for (int from = 0; from <= inputs; ++from) {
        for (int to = 0; to < hidden; ++to) fann_set_weight(ann, from, first + to, *weight++);
    }
    for (int from = 0; from <= hidden; ++from) {
        fann_set_weight(ann, first + from, output, *weight++);
    }
    return ann;
}

Contender inference(const Data &data) {
    const auto ann = xor_network(data["n1.weights"]);
    auto call = [=, x = data["n1.x"]](std::size_t i) mutable {
        return *fann_run(ann, &x[i % 32 * 2]);
    };
    const auto check = [call]() mutable {
        Floats outputs;
        for (std::size_t i = 0; i < 32; ++i) outputs.push_back(call(i));
        return outputs;
    };
    return contender(check, call);
}

int main(int argc, char **argv) {
    if (argc != 2) return std::fprintf(stderr, "usage: %s DATA_FOLDER\n", argv[0]), 2;
    return serve("FANN", {{"I1", inference}}, {argv[1]});
}
