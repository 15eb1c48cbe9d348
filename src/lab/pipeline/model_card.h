// README.md of a dwubit model directory: the model card.
#pragma once

#include <string>

#include "checkpoint/hf_dir.h"
#include "json/json.h"

namespace dwubit::lab {

// Front matter as model hubs read it, then what was done, in numbers, and how to run it. `manifest` is dwubit.json.
std::string model_card(const Json& manifest, const HfDir& source);

}  // namespace dwubit::lab
