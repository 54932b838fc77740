// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/walkaround/usability.h"
#include "model/azimuth/azimuth_model.h"
#include "model/azimuth/azimuth_set.h"

namespace spinfill {

// What a photograph is good for, and from where it was taken.
struct Examined {
  std::string file;
  Usability usable;
  std::optional<AzimuthEstimate> azimuth;  // a guess where it is ignored; none where nothing stands out
  double quality = 0;                      // which of several photographs of one view is better: the higher
};

struct ExamResult {
  std::vector<Examined> photographs;  // in the order they were looked at
  ShootingOrder order = ShootingOrder::untold;
};

// Looks at photographs one after another, so that one is in memory at a time; then all are judged together.
class PhotographExam {
 public:
  // `alone`: the photographs show different vehicles, so each is judged by itself.
  explicit PhotographExam(const AzimuthModel& model, OrderUse order = OrderUse::automatic, bool alone = false)
      : model_(model), order_(order), alone_(alone) {}

  void look(const MaskedPhotograph& one);
  // Those of another vehicle than most are ignored, those from where nothing certain
  // can be told, and of two that show the same the worse.
  ExamResult judge() const;

 private:
  struct Seen {
    std::string file;
    Usability usable;
    std::optional<PhotographOfSet> of_set;
  };
  void ignore_strays(std::vector<Examined>& all) const;
  bool ignore_second_vehicle(std::vector<Examined>& all) const;  // whether there is one
  void note_hidden(std::vector<Examined>& all) const;
  ShootingOrder put_azimuths(std::vector<Examined>& all) const;
  void ignore_duplicates(std::vector<Examined>& all) const;

  std::vector<std::size_t> usable(const std::vector<Examined>& all) const;
  const VehicleLook& look_of(std::size_t place) const { return seen_[place].of_set->look; }

  const AzimuthModel& model_;
  OrderUse order_;
  bool alone_;
  std::vector<Seen> seen_;
};

}  // namespace spinfill
