// SPDX-License-Identifier: Apache-2.0
#include "train/ranks/rank_place.h"

#include <map>

#include "support/support.h"

namespace spinfill {
namespace {

Environment of(std::map<std::string, std::string> variables) {
  return [variables](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

TEST(RankPlace, NothingIsAWorldOfOne) {
  const RankPlace place = rank_place(of({{"MASTER_ADDR", "elsewhere"}, {"SLURM_JOB_ID", "7"}}));
  EXPECT_EQ(place.world, 1);
  EXPECT_EQ(place.rank, 0);
}

TEST(RankPlace, Torchrun) {
  const RankPlace place = rank_place(of({{"RANK", "5"},
                                         {"WORLD_SIZE", "16"},
                                         {"LOCAL_RANK", "1"},
                                         {"LOCAL_WORLD_SIZE", "4"},
                                         {"MASTER_ADDR", "node3"},
                                         {"MASTER_PORT", "1234"},
                                         {"TORCHELASTIC_USE_AGENT_STORE", "True"},
                                         {"SLURM_STEP_ID", "0"},
                                         {"SLURM_PROCID", "0"}}));
  EXPECT_EQ(place.rank, 5);
  EXPECT_EQ(place.world, 16);
  EXPECT_EQ(place.local_rank, 1);
  EXPECT_EQ(place.local_world, 4);
  EXPECT_EQ(place.host, "node3");
  EXPECT_EQ(place.port, 1234);
  EXPECT_TRUE(place.store_is_served);
}

TEST(RankPlace, KubernetesOperatorsNameNoLocalRank) {
  const RankPlace place =
      rank_place(of({{"RANK", "1"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "job-master-0"}, {"MASTER_PORT", "23456"}}));
  EXPECT_EQ(place.local_rank, 0);
  EXPECT_EQ(place.local_world, 1);
  EXPECT_FALSE(place.store_is_served);
}

TEST(RankPlace, Srun) {
  std::map<std::string, std::string> step = {{"SLURM_PROCID", "9"},
                                             {"SLURM_NTASKS", "12"},
                                             {"SLURM_LOCALID", "1"},
                                             {"SLURM_STEP_ID", "0"},
                                             {"SLURM_STEP_TASKS_PER_NODE", "4(x3)"},
                                             {"SLURM_STEP_NODELIST", "gpu[07-08,11]"},
                                             {"SLURM_JOB_ID", "123456"}};
  const RankPlace place = rank_place(of(step));
  EXPECT_EQ(place.rank, 9);
  EXPECT_EQ(place.world, 12);
  EXPECT_EQ(place.local_rank, 1);
  EXPECT_EQ(place.local_world, 4);
  EXPECT_EQ(place.host, "gpu07");
  EXPECT_EQ(place.port, 20000 + 123456 % 20000);
  EXPECT_EQ(place.job, "Slurm job 123456 step 0");
  step["SLURM_STEP_ID"] = "1";  // another step of the job
  EXPECT_NE(rank_place(of(step)).port, place.port);
  EXPECT_EQ(rank_place(of(step)).job, "Slurm job 123456 step 1");
  step["MASTER_ADDR"] = "10.0.0.1";
  step["MASTER_PORT"] = "999";
  EXPECT_EQ(rank_place(of(step)).host, "10.0.0.1");
  EXPECT_EQ(rank_place(of(step)).port, 999);
  step.erase("SLURM_STEP_ID");  // the batch script: alone, though the job has tasks
  EXPECT_EQ(rank_place(of(step)).world, 1);
  step["SLURM_STEP_ID"] = "4294967290";  // an interactive shell: the same
  EXPECT_EQ(rank_place(of(step)).world, 1);
}

TEST(RankPlace, OpenMpi) {
  const std::map<std::string, std::string> one = {{"OMPI_COMM_WORLD_RANK", "1"},
                                                  {"OMPI_COMM_WORLD_SIZE", "2"},
                                                  {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                                                  {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}};
  EXPECT_EQ(rank_place(of(one)).host, "127.0.0.1");
  EXPECT_EQ(rank_place(of(one)).rank, 1);
  auto several = one;
  several["OMPI_COMM_WORLD_LOCAL_SIZE"] = "1";
  several["OMPI_COMM_WORLD_LOCAL_RANK"] = "0";
  test::expect_error(ExitCode::usage, {"MASTER_ADDR"}, [&] { rank_place(of(several)); });
}

TEST(RankPlace, WrongVariablesAreNamed) {
  const auto refuses = [](const std::string& text, std::map<std::string, std::string> variables) {
    test::expect_error(ExitCode::usage, {text}, [&] { rank_place(of(std::move(variables))); });
  };
  refuses("WORLD_SIZE is missing", {{"RANK", "0"}});
  refuses("RANK is missing", {{"WORLD_SIZE", "2"}});
  refuses("RANK=2", {{"RANK", "2"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "a"}});
  refuses("WORLD_SIZE=two", {{"RANK", "0"}, {"WORLD_SIZE", "two"}});
  refuses("WORLD_SIZE=0", {{"RANK", "0"}, {"WORLD_SIZE", "0"}});
  refuses("MASTER_ADDR is missing", {{"RANK", "0"}, {"WORLD_SIZE", "2"}});
  refuses("MASTER_PORT=70000", {{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "a"}, {"MASTER_PORT", "70000"}});
}

TEST(FirstHost, OfSlurmsNodeLists) {
  EXPECT_EQ(first_host("node1"), "node1");
  EXPECT_EQ(first_host("node1,node2"), "node1");
  EXPECT_EQ(first_host("node[03-07,9],x1"), "node03");
  EXPECT_EQ(first_host("node[9]"), "node9");
  EXPECT_EQ(first_host("a,node[1-2]"), "a");
  EXPECT_EQ(first_host("rack[2-3]-gpu,x"), "rack2-gpu");
  EXPECT_EQ(first_host(""), "");
  EXPECT_EQ(first_host("broken["), "");
}

}  // namespace
}  // namespace spinfill
