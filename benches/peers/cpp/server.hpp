// What the programs of this folder have in common: the data files, the timing loop, and the
// protocol. Commands come on stdin, one a line. Each is answered by one line on stdout.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using Floats = std::vector<float>;

/// The folder with the data files, each an array of 32-bit floats in little-endian order.
struct Data {
    std::string folder;

    /// The array in a file.
    Floats operator[](const std::string &name) const {
        std::ifstream file(folder + "/" + name, std::ios::binary | std::ios::ate);
        if (!file) throw std::runtime_error("cannot read " + folder + "/" + name);
        Floats values(static_cast<std::size_t>(file.tellg()) / sizeof(float));
        file.seekg(0);
        file.read(reinterpret_cast<char *>(values.data()),
                  static_cast<std::streamsize>(values.size() * sizeof(float)));
        return values;
    }
};

/// A workload with everything that it needs.
struct Contender {
    /// What the workload computes, from the start.
    std::function<Floats()> check;
    /// Nanoseconds of this many calls.
    std::function<double(std::size_t)> time;
};

/// Makes the compiler compute a value, and forget what it knows about memory. It therefore cannot
/// move a call out of the timing loop, although all calls have the same input.
template <class T> inline void consume(const T &value) {
    asm volatile("" : : "r"(&value) : "memory");
}

/// The contender for what it computes and for one call, which gets its number and returns its
/// result. The call is inlined into the timing loop.
template <class Check, class Call> Contender contender(Check check, Call call) {
    return {check, [call](std::size_t calls) mutable {
                const auto start = std::chrono::steady_clock::now();
                for (std::size_t i = 0; i < calls; ++i) consume(call(i));
                const std::chrono::duration<double, std::nano> time =
                    std::chrono::steady_clock::now() - start;
                return time.count();
            }};
}

/// The workloads of a program: their names, and the functions that prepare them. A workload is
/// prepared when it is first named.
using Workloads = std::vector<std::pair<std::string, std::function<Contender(const Data &)>>>;

/// Answers commands until the input ends.
inline int serve(const std::string &name, const Workloads &workloads, const Data &data) {
    std::map<std::string, Contender> prepared;
    const auto find = [&](const std::string &wanted) -> Contender & {
        const auto found = prepared.find(wanted);
        if (found != prepared.end()) return found->second;
        for (const auto &[workload, prepare] : workloads) {
            if (workload == wanted) return prepared.emplace(wanted, prepare(data)).first->second;
        }
        throw std::runtime_error("unknown workload " + wanted);
    };
    const auto answer = [&](const std::string &line) -> std::string {
        std::istringstream words(line);
        std::ostringstream out;
        std::string command, workload;
        std::size_t calls = 0;
        words >> command >> workload >> calls;
        if (command == "name") {
            out << name;
        } else if (command == "workloads") {
            for (const auto &entry : workloads) out << (out.tellp() > 0 ? " " : "") << entry.first;
        } else if (command == "check") {
            out.precision(9);
            for (const float value : find(workload).check()) {
                out << (out.tellp() > 0 ? " " : "") << value;
            }
        } else if (command == "time") {
            out.precision(12);
            out << find(workload).time(calls);
        } else {
            throw std::runtime_error("unknown command " + command);
        }
        return out.str();
    };
    for (std::string line; std::getline(std::cin, line);) {
        try {
            std::cout << answer(line) << std::endl;
        } catch (const std::exception &error) {
            std::cout << "error " << error.what() << std::endl;
        }
    }
    return 0;
}
