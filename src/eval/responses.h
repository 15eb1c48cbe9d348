// What a model answered to the requests of a task.
#pragma once

#include <string>
#include <vector>

namespace dwubit {

struct Response {
    double loglikelihood = 0;  // in nats; loglikelihood, multiple_choice and loglikelihood_rolling
    bool is_greedy = false;    // every token of the continuation is the likeliest
    std::string text;          // generate_until
};

// [item][request][repeat]
using ItemResponses = std::vector<std::vector<Response>>;
using TaskResponses = std::vector<ItemResponses>;

}  // namespace dwubit
